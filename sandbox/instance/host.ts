// Starts, adopts and ends instances. An instance is not tied to the daemon: a daemon that is killed leaves it running and
// the next one takes it over by pid and start ticks.
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostBootId, identify, isAlive, killAll, pidInside, processesBeside, processesWithArgument, signal, untilGone, type ProcessIdentity } from "../process/identity.js";
import { sandboxTag, type Layout } from "../layout.js";
import { answersSsh, chooseAddress } from "./address.js";
import { guestCommand, hiddenArguments, visibleArguments } from "./bubblewrap.js";
import { removeTree } from "./disk.js";
import { installGuest, powerRequestFile, renewBootId } from "./guest.js";
import type { Machine, MachineMount, RunningMachine } from "./machine.js";

export interface NewMachine {
  readonly id: string;
  readonly hostname?: string;
  readonly authorizedKeys: readonly string[];
  readonly mounts: readonly MachineMount[];
}

const bubblewrap = "bwrap";
const argumentsFd = 3;
const statusFd = 4;

export class InstanceHost {
  private readonly tag: string;
  private readonly turns = new Map<string, Promise<unknown>>();
  private readonly working = new Map<string, number>();

  constructor(
    private readonly layout: Layout,
    private readonly machines: Record<string, Machine>,
    private readonly sshPort: number,
    private readonly save: () => void,
    /** Called when an instance that this process started has ended. */
    private readonly onExit: () => void = () => undefined,
  ) {
    this.tag = sandboxTag(layout);
  }

  /** Adds a machine that is off. Nothing is written or started yet, so a launch can be committed in one step with `save`. */
  add(request: NewMachine): Machine {
    const address = chooseAddress(new Set(Object.values(this.machines).map((machine) => machine.address)));
    const machine: Machine = {
      ...{ id: request.id, hostname: request.hostname ?? address.replaceAll(".", "-"), address },
      ...{ authorizedKeys: request.authorizedKeys, mounts: request.mounts },
      ...{ power: "off", running: null, bootOwed: false },
    };
    this.machines[request.id] = machine;
    return machine;
  }

  /** Boots it (first boot: makes its disk). Resolves when its PID 1 exists; sshd answers a little later. */
  powerOn(id: string): Promise<void> {
    return this.inTurn(id, () => this.boot(id));
  }

  /** Ends everything inside. `graceMs` > 0: processes are asked (TERM) first, as a shutdown does. */
  powerOff(id: string, options: { graceMs?: number; keepPower?: boolean } = {}): Promise<void> {
    return this.inTurn(id, async () => {
      await this.halt(id, options.graceMs ?? 0);
      const machine = this.machines[id];
      if (machine && !options.keepPower) machine.power = "off";
      this.save();
    });
  }

  /** Home and file systems stay; processes, /tmp and /run do not. */
  reboot(id: string, graceMs: number): Promise<void> {
    return this.inTurn(id, async () => {
      const machine = this.machines[id];
      // Recorded first: a daemon killed in between must not take the gap for a crash of the guest.
      if (machine) machine.bootOwed = true;
      this.save();
      await this.halt(id, graceMs);
      await this.boot(id);
    });
  }

  /** True while one of the above is under way: what is observed meanwhile means nothing. */
  isBusy(id: string): boolean {
    return this.working.has(id);
  }

  /** Ends it and removes its disk; its record disappears. */
  async remove(id: string): Promise<void> {
    await this.inTurn(id, async () => {
      await this.halt(id, 0);
      await removeTree(this.layout.instance(id).dir);
      Reflect.deleteProperty(this.machines, id);
      this.save();
    });
    this.turns.delete(id);
  }

  isAlive(id: string): boolean {
    const machine = this.machines[id];
    return machine !== undefined && this.alive(machine) !== undefined;
  }

  async answers(id: string): Promise<boolean> {
    const machine = this.machines[id];
    return machine !== undefined && this.isAlive(id) && (await answersSsh(machine.address, this.sshPort, 1_000));
  }

  /** What a guest that has ended asked for before; undefined after a crash. */
  powerRequest(id: string): "reboot" | "poweroff" | undefined {
    try {
      const text = readFileSync(powerRequestFile(this.layout.instance(id)), "utf8").trim();
      return text === "reboot" ? "reboot" : "poweroff";
    } catch {
      return undefined;
    }
  }

  /** After a start of the daemon: forgets what has died, and what a reboot of the host or a clean stop has ended is marked for a boot. */
  async adopt(): Promise<void> {
    for (const machine of Object.values(this.machines)) {
      if (machine.running && machine.running.hostBootId !== hostBootId()) machine.bootOwed = machine.power === "on";
      if (this.alive(machine)) continue;
      machine.running = null;
      // A daemon that was killed between a spawn and its record leaves a process that nobody knows by pid.
      await this.kill(machine.id, []);
    }
    this.save();
  }

  /** Ends every instance because the daemon stops; they boot again when it is started. */
  async suspendAll(): Promise<void> {
    await Promise.all(
      Object.values(this.machines).map(async (machine) => {
        if (machine.power === "on" && this.isAlive(machine.id)) machine.bootOwed = true;
        await this.powerOff(machine.id, { keepPower: true });
      }),
    );
  }

  private async boot(id: string): Promise<void> {
    const machine = this.machines[id];
    if (!machine || this.isAlive(id)) return;
    const own = this.layout.instance(id);
    mkdirSync(own.dir, { recursive: true, mode: 0o700 });
    if (!existsSync(own.bubblewrapArguments)) await installGuest(machine, own, this.sshPort);
    renewBootId(own);
    rmSync(powerRequestFile(own), { force: true });
    machine.power = "on";
    try {
      machine.running = await this.spawn(machine);
    } finally {
      machine.bootOwed = false;
    }
    this.save();
  }

  private async halt(id: string, graceMs: number): Promise<void> {
    const machine = this.machines[id];
    if (!machine) return;
    const running = this.alive(machine);
    if (running && graceMs > 0) await this.askInside(running, graceMs);
    await this.kill(id, running ? [running.init, running.outer] : []);
    machine.running = null;
  }

  private alive(machine: Machine): RunningMachine | undefined {
    const { running } = machine;
    return running && running.hostBootId === hostBootId() && isAlive(running.init) ? running : undefined;
  }

  private machineTag(id: string): string {
    return `${this.tag}/${id}`;
  }

  private async spawn(machine: Machine): Promise<RunningMachine> {
    const own = this.layout.instance(machine.id);
    writeFileSync(own.bubblewrapArguments, hiddenArguments(machine, own, (id) => this.layout.fileSystem(id)));
    const files = [openSync(own.console, "a", 0o600), openSync(own.bubblewrapArguments, "r"), openSync(own.bubblewrapStatus, "w", 0o600)] as const;
    const [console, words, status] = files;
    try {
      const child = spawn(bubblewrap, [...visibleArguments(this.machineTag(machine.id), argumentsFd, statusFd), ...guestCommand], {
        cwd: "/",
        detached: true,
        env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
        stdio: ["ignore", console, console, words, status],
      });
      child.unref();
      let ended: string | undefined;
      child.once("error", (error) => (ended = error.message));
      child.once("exit", (code, signalName) => {
        ended = `ended with ${signalName ?? code}`;
        this.onExit();
      });
      const outer = child.pid === undefined ? undefined : identify(child.pid);
      const init = await this.readInit(own.bubblewrapStatus, () => ended);
      if (!outer || !init) throw new Error(`bubblewrap did not start instance ${machine.id} (${ended ?? "no answer"}); see ${own.console}`);
      return { hostBootId: hostBootId(), outer, init };
    } finally {
      files.forEach(closeSync);
    }
  }

  /** bubblewrap writes the pid of the instance's PID 1 as soon as it exists. */
  private async readInit(statusFile: string, ended: () => string | undefined): Promise<ProcessIdentity | undefined> {
    const end = performance.now() + 10_000;
    while (performance.now() < end && ended() === undefined) {
      const pid = /"child-pid":\s*(\d+)/.exec(readFileSync(statusFile, "utf8"))?.[1];
      if (pid !== undefined) return identify(Number(pid));
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    return undefined;
  }

  /** The listening sshd is spared, because the instance ends with it at once and nobody else would have time to finish. */
  private async askInside(running: RunningMachine, graceMs: number): Promise<void> {
    const inside = processesBeside(running.init).filter(({ pid }) => (pidInside(pid) ?? 0) > 2);
    for (const member of inside) signal(member, "SIGTERM");
    await untilGone(inside, graceMs);
  }

  /** Ends the recorded processes and any bubblewrap process that carries this instance's tag. */
  private async kill(id: string, recorded: readonly ProcessIdentity[]): Promise<void> {
    const tag = this.machineTag(id);
    await endMachines([...recorded, ...processesWithArgument((word) => word === tag)]);
  }

  private inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    this.working.set(id, (this.working.get(id) ?? 0) + 1);
    const turn = (this.turns.get(id) ?? Promise.resolve()).then(work).finally(() => {
      const left = (this.working.get(id) ?? 1) - 1;
      if (left > 0) this.working.set(id, left);
      else this.working.delete(id);
    });
    this.turns.set(id, turn.catch(() => undefined));
    return turn;
  }
}

/** Ends every instance of a sandbox, known to its state or not. */
export async function endTaggedMachines(layout: Layout): Promise<void> {
  const beginning = `${sandboxTag(layout)}/`;
  await endMachines(processesWithArgument((word) => word.startsWith(beginning)));
}

/** PID 1 of each goes first, and bubblewrap reaps it: where the host's init reaps late, killing both would leave zombies. */
async function endMachines(processes: readonly ProcessIdentity[]): Promise<void> {
  for (const one of processes) if (pidInside(one.pid) === 1) signal(one, "SIGKILL");
  await untilGone(processes, 1_000);
  await killAll(processes);
}
