// Which process is meant, and whether it still lives: by pid *and* start ticks, read from /proc. A zombie counts as dead,
// because on a machine whose init reaps late an ended process keeps answering signal 0.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface ProcessIdentity {
  pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since the host booted. */
  startTicks: number;
}

/** Undefined when there is no such process or it is a zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The command name may contain spaces and parentheses; the fields start after its last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  const startTicks = Number(fields[19]);
  if (state === "Z" || state === "X" || state === "x" || !Number.isFinite(startTicks)) return undefined;
  return { pid, startTicks };
}

export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startTicks === process.startTicks;
}

/** Changes with every boot of the host; pids of another boot mean nothing. */
export function hostBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Sends a signal to exactly this process; false when it is already gone. */
export function signal(target: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    process.kill(target.pid, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** Waits until none of them lives. False when the deadline (milliseconds) passed first. */
export async function untilGone(targets: readonly ProcessIdentity[], deadlineMs: number): Promise<boolean> {
  const end = performance.now() + deadlineMs;
  while (targets.some(isAlive)) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return true;
}

/** Ends one process: asks (TERM) for `graceMs`, then kills. Throws when it outlives the kill by five seconds. */
export async function endProcess(target: ProcessIdentity, graceMs: number): Promise<void> {
  if (graceMs > 0 && signal(target, "SIGTERM") && (await untilGone([target], graceMs))) return;
  await killAll([target]);
}

/** Kills them all and waits until none lives. Throws when one survives five seconds. */
export async function killAll(targets: readonly ProcessIdentity[]): Promise<void> {
  for (const target of targets) signal(target, "SIGKILL");
  if (!(await untilGone(targets, 5_000))) throw new Error(`processes ${targets.filter(isAlive).map(({ pid }) => pid).join(", ")} survive SIGKILL`);
}

/** Processes whose command line contains a word that fits. */
export function processesWithArgument(fits: (word: string) => boolean): ProcessIdentity[] {
  return allPids().flatMap((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").some(fits)) return [];
    } catch {
      return [];
    }
    return identify(pid) ?? [];
  });
}

/** Processes of the pid namespace that `member` lives in. */
export function processesBeside(member: ProcessIdentity): ProcessIdentity[] {
  const namespace = namespaceOf(member.pid);
  if (namespace === undefined || !isAlive(member) || namespace === namespaceOf(process.pid)) return [];
  return allPids().flatMap((pid) => (namespaceOf(pid) === namespace ? (identify(pid) ?? []) : []));
}

/** The pid by which a process of an inner pid namespace is known in there. */
export function pidInside(pid: number): number | undefined {
  try {
    const ids = /^NSpid:\s*(.+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]?.split(/\s+/);
    return ids === undefined ? undefined : Number(ids.at(-1));
  } catch {
    return undefined;
  }
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

function allPids(): number[] {
  return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}
