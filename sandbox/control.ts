// Starting, asking, stopping and resetting a sandbox from another process.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../custody/userError.js";
import { askAdmin, findDaemon, readDescriptor, type SandboxDescriptor } from "./descriptor.js";
import { removeTree } from "./instance/disk.js";
import { endTaggedMachines, InstanceHost } from "./instance/host.js";
import { checkInstanceSupport } from "./instance/support.js";
import type { KnobsPatch } from "./knobs.js";
import { layoutOf, prepareStateDir, sandboxTag, type Layout } from "./layout.js";
import { daemonLockName, startLockName, tryLock } from "./process/lock.js";
import type { MeterReport } from "./meter.js";
import { endProcess, isAlive, untilGone } from "./process/identity.js";
import { Store } from "./store.js";

export interface EnsureOptions {
  /** Given to a daemon that has to be started; a running one keeps its own. */
  readonly knobs?: KnobsPatch;
  /** Default: this package's `sandbox/main.js`. */
  readonly mainScript?: string;
  /** Real milliseconds. Default 30 000. */
  readonly deadlineMs?: number;
}

export type DaemonStatus =
  | { readonly running: true; readonly descriptor: SandboxDescriptor; readonly meter: MeterReport; readonly instances: readonly AdminInstance[] }
  | { readonly running: false; readonly dir: string };

export interface AdminInstance {
  readonly vendor: string;
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly address?: string;
  readonly alive?: boolean;
  readonly pid?: number | null;
  readonly initPid?: number | null;
  readonly disk?: string;
  readonly console?: string;
}

/** The running daemon of this directory; started detached when there is none. Callers at the same moment start one. Throws UserError. */
export async function ensureDaemon(dir: string, options: EnsureOptions = {}): Promise<SandboxDescriptor> {
  const layout = layoutOf(dir);
  const found = await findDaemon(layout);
  if (found) return found;
  await checkInstanceSupport();
  prepareStateDir(layout);
  const deadline = performance.now() + (options.deadlineMs ?? 30_000);
  const lock = await waitFor(deadline, () => tryLock(startLockName(sandboxTag(layout))));
  if (!lock) throw notStarted(layout, "another process has been starting it for too long");
  try {
    return (await findDaemon(layout)) ?? (await spawnDaemon(layout, options, deadline));
  } finally {
    await lock.release();
  }
}

/** Ends the daemon; its instances end too and boot again at the next start, unless they are kept. False when none was running. */
export async function stopDaemon(dir: string, options: { keepInstances?: boolean } = {}): Promise<boolean> {
  const layout = layoutOf(dir);
  const descriptor = readDescriptor(layout);
  if (!descriptor || !isAlive(descriptor)) return false;
  const keepInstances = options.keepInstances ?? false;
  const asked = await askAdmin(descriptor, "POST", "/stop", { keepInstances }).then(({ ok }) => ok, () => false);
  const deadline = performance.now() + (asked ? 20_000 : 0);
  const stopped = await waitFor(deadline, async () => ((await isServed(layout)) ? undefined : true));
  // It holds no lock any more; a daemon inside this very process has no process of its own to wait for.
  if (stopped && (descriptor.pid === process.pid || (await untilGone([descriptor], 5_000)))) return true;
  await endProcess(descriptor, 0);
  if (!keepInstances) await suspendInstances(layout);
  return true;
}

/** Stops the daemon, ends every instance and removes all state, file systems and disks included. The directory itself stays. */
export async function resetSandbox(dir: string): Promise<void> {
  const layout = layoutOf(dir);
  await stopDaemon(dir);
  if (!existsSync(layout.dir)) return;
  // By their tag, so that instances end even when the state cannot be read.
  await endTaggedMachines(layout);
  for (const path of [layout.instances, layout.fileSystems]) await removeTree(path);
  for (const path of [layout.state, layout.descriptor, layout.apiKey, layout.log, layout.startError]) rmSync(path, { force: true });
}

export async function daemonStatus(dir: string): Promise<DaemonStatus> {
  const layout = layoutOf(dir);
  const descriptor = await findDaemon(layout);
  if (!descriptor) return { running: false, dir: layout.dir };
  const [meter, instances] = await Promise.all(["/meter", "/instances"].map(async (path) => (await askAdmin(descriptor, "GET", path)).json()));
  return { running: true, descriptor, meter: meter as MeterReport, instances: instances as AdminInstance[] };
}

async function spawnDaemon(layout: Layout, options: EnsureOptions, deadline: number): Promise<SandboxDescriptor> {
  rmSync(layout.startError, { force: true });
  mkdirSync(layout.dir, { recursive: true, mode: 0o700 });
  const words = [options.mainScript ?? join(__dirname, "main.js"), "--dir", layout.dir];
  if (options.knobs) words.push("--knobs", JSON.stringify(options.knobs));
  const child = spawn(process.execPath, words, { cwd: layout.dir, detached: true, stdio: "ignore", env: scrubbedEnvironment() });
  child.unref();
  let ended: string | undefined;
  child.once("error", (error) => (ended = error.message));
  child.once("exit", (code, signal) => (ended = `it ended with ${signal ?? `exit code ${code}`}`));
  const descriptor = await waitFor<SandboxDescriptor | "ended">(deadline, () => (ended === undefined ? findDaemon(layout) : Promise.resolve("ended")));
  if (descriptor && descriptor !== "ended") return descriptor;
  throw startFailure(layout) ?? notStarted(layout, ended ?? "it did not answer in time");
}

/** Nothing of the caller's credentials, passphrases or engine variables reaches a process that outlives it. */
function scrubbedEnvironment(): NodeJS.ProcessEnv {
  const kept = ["PATH", "HOME", "TMPDIR", "LANG"];
  return Object.fromEntries(kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
}

/** For a daemon that is not there to do it. */
async function suspendInstances(layout: Layout): Promise<void> {
  const state = Store.read(layout.state);
  if (!state) return;
  const store = new Store(layout.state, state);
  await new InstanceHost(layout, state.machines, state.sshPort, () => { store.save(); }).suspendAll();
}

async function isServed(layout: Layout): Promise<boolean> {
  const lock = await tryLock(daemonLockName(sandboxTag(layout)));
  await lock?.release();
  return lock === undefined;
}

function startFailure(layout: Layout): UserError | undefined {
  try {
    const { message, next, code } = JSON.parse(readFileSync(layout.startError, "utf8")) as { message: string; next: string[]; code: string };
    return new UserError(message, { next, code });
  } catch {
    return undefined;
  }
}

function notStarted(layout: Layout, why: string): UserError {
  return new UserError(`The sandbox did not start in ${layout.dir}: ${why}.`, { code: "sandbox-not-started", next: [`read ${layout.log}`, "holdfast sandbox start --foreground"] });
}

/** Asks again and again until there is an answer or the deadline (of `performance.now()`) passes. */
async function waitFor<T>(deadline: number, ask: () => Promise<T | undefined>): Promise<T | undefined> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || performance.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
