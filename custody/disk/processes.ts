/**
 * Is the process that wrote this line still alive? A pid alone does not say: pids are used again, and a host restarts.
 * The kernel's start time of the process (clock ticks since boot) and the boot id make the answer definite on Linux.
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

export interface ProcessIdentity {
  readonly host: string;
  /** Empty where the system has none. */
  readonly bootId: string;
  readonly pid: number;
  /** Clock ticks between boot and the start of the process; null where /proc is absent. */
  readonly startTicks: number | null;
}

export type Liveness = "alive" | "dead" | "other-host";

/** Field 22 of /proc/<pid>/stat (proc_pid_stat(5)); null when there is no such process or no /proc. */
export function startTicksOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command name in parentheses may itself contain spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[19]);
    // A zombie has ended: it holds nothing any more.
    return Number.isSafeInteger(ticks) && fields[0] !== "Z" ? ticks : null;
  } catch {
    return null;
  }
}

export function bootIdOfHost(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

let own: ProcessIdentity | undefined;

export function ownIdentity(): ProcessIdentity {
  own ??= { host: hostname(), bootId: bootIdOfHost(), pid: process.pid, startTicks: startTicksOf(process.pid) };
  return own;
}

/** `dead` only when that is certain. A process of another host is never judged. */
export function livenessOf(identity: ProcessIdentity): Liveness {
  const self = ownIdentity();
  if (identity.host !== self.host) return "other-host";
  if (identity.bootId !== self.bootId) return "dead";
  if (identity.startTicks !== null && self.startTicks !== null) {
    return startTicksOf(identity.pid) === identity.startTicks ? "alive" : "dead";
  }
  try {
    process.kill(identity.pid, 0);
    return "alive";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH" ? "dead" : "alive";
  }
}
