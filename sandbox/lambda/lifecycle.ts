// What an instance should do next: a pure function of its record, the vendor's time and two facts about its machine.
import type { InstanceRecord, InstanceStatus } from "./state.js";

export interface MachineFacts {
  readonly alive: boolean;
  /** Asked only when `needsAnswer` says so. */
  readonly answers: boolean;
  /** The machine was ended by the host, not by itself. */
  readonly bootOwed: boolean;
  /** What the guest asked for before it ended. */
  readonly request: "reboot" | "poweroff" | undefined;
}

export type Step =
  | { readonly do: "power-on" }
  | { readonly do: "power-off" }
  | { readonly do: "become"; readonly status: Extract<InstanceStatus, "active" | "unhealthy" | "terminated" | "preempted"> }
  /** Boot again; the status stays what it is until sshd answers. */
  | { readonly do: "boot-again" }
  | { readonly do: "restarted" }
  | { readonly do: "forget" };

/** The step that is due, or undefined when it only has to wait. */
export function nextStep(instance: InstanceRecord, nowMs: number, machine: MachineFacts): Step | undefined {
  const { due, status } = instance;
  switch (status) {
    case "booting":
      if (!instance.booted) return nowMs >= due.power ? { do: "power-on" } : undefined;
      if (!machine.alive) return machine.bootOwed ? { do: "power-on" } : endedByItself(machine);
      if (nowMs < due.active || !machine.answers) return undefined;
      return { do: "become", status: instance.becomesUnhealthyAtBoot ? "unhealthy" : "active" };
    case "active":
    case "unhealthy":
      if (due.preempt !== null && nowMs >= due.preempt) return { do: "become", status: "preempted" };
      if (machine.bootOwed) return { do: "boot-again" };
      if (instance.restartDueMs !== null) return restarting(instance.restartDueMs, nowMs, machine);
      if (status === "unhealthy") return undefined;
      if (!machine.alive) return endedByItself(machine);
      return due.unhealthy !== null && nowMs >= due.unhealthy ? { do: "become", status: "unhealthy" } : undefined;
    case "terminating":
      if (machine.alive) return { do: "power-off" };
      return nowMs >= (due.terminated ?? 0) ? { do: "become", status: "terminated" } : undefined;
    case "terminated":
      return nowMs >= (due.forgotten ?? 0) ? { do: "forget" } : undefined;
    case "preempted":
      return undefined;
    default: {
      const unknown: never = status;
      throw new Error(`unknown instance status ${String(unknown)}`);
    }
  }
}

/** True when the next step depends on whether sshd answers. */
export function needsAnswer(instance: InstanceRecord, nowMs: number): boolean {
  return instance.status === "booting" ? instance.booted && nowMs >= instance.due.active : instance.restartDueMs !== null;
}

/** True while it is on its way to another status by itself, so that the daemon should look often. */
export function isMoving(instance: InstanceRecord): boolean {
  const { status, due } = instance;
  if (status === "booting" || status === "terminating" || status === "terminated" || instance.restartDueMs !== null) return true;
  return (status === "active" && due.unhealthy !== null) || (status !== "preempted" && due.preempt !== null);
}

function restarting(dueMs: number, nowMs: number, machine: MachineFacts): Step | undefined {
  if (!machine.alive) return { do: "become", status: "unhealthy" };
  return nowMs >= dueMs && machine.answers ? { do: "restarted" } : undefined;
}

/** Without an API call an end is a fault of the instance: it is shown as unhealthy, and its meter runs on. */
function endedByItself(machine: MachineFacts): Step {
  return machine.request === "reboot" ? { do: "boot-again" } : { do: "become", status: "unhealthy" };
}
