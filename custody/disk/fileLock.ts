/**
 * A lock between processes of one host: a symbolic link that exists while the lock is held and whose text says who
 * holds it. Unlike a file, a link appears together with its text, so no process ever reads a half-written holder, and
 * making one costs no flush. A holder that died is recognised by its start time, and its lock is broken by exactly one
 * of those that wait.
 */
import { randomBytes } from "node:crypto";
import { readlinkSync, symlinkSync, unlinkSync } from "node:fs";
import { UserError } from "../userError";
import { livenessOf, ownIdentity, type ProcessIdentity } from "./processes";

export interface FileLock {
  readonly path: string;
  release(): void;
}

/** What stands in a lock file. `token` tells two locks of one process apart. */
interface Holder extends ProcessIdentity {
  readonly token: string;
}

/**
 * Takes the lock, waiting (synchronously) at most `waitMilliseconds` for a living holder; default 30 s.
 * Throws UserError `lock-held` that names the holder.
 */
export function acquireFileLock(path: string, options: { waitMilliseconds?: number } = {}): FileLock {
  const deadline = performance.now() + (options.waitMilliseconds ?? 30_000);
  let pause = 1;
  for (;;) {
    const lock = tryFileLock(path);
    if (lock !== null) return lock;
    if (performance.now() >= deadline) throw heldError(path);
    pauseSynchronously(pause + Math.random() * pause);
    pause = Math.min(pause * 2, 25);
  }
}

/** Takes the lock when it is free or its holder is dead; null when somebody holds it. Never waits for the holder. */
export function tryFileLock(path: string): FileLock | null {
  return attempt(path, 0);
}

/** Runs `work` under the lock. `work` is synchronous, so the lock is never held over an await. */
export function withFileLock<T>(path: string, work: () => T, options: { waitMilliseconds?: number } = {}): T {
  const lock = acquireFileLock(path, options);
  try {
    return work();
  } finally {
    lock.release();
  }
}

function attempt(path: string, depth: number): FileLock | null {
  const holder: Holder = { ...ownIdentity(), token: randomBytes(8).toString("hex") };
  const lock: FileLock = { path, release: () => { release(path, holder.token); } };
  if (link(path, holder)) return lock;
  const found = readHolder(path);
  if (found !== null && livenessOf(found) !== "dead") return null;
  if (found !== null) breakLock(path, found, depth);
  return link(path, holder) ? lock : null;
}

function link(path: string, holder: Holder): boolean {
  try {
    symlinkSync(JSON.stringify(holder), path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/**
 * Two that wait may both see a dead holder; without a lock around the removal the second would remove the first one's
 * new lock. The breaker may die too, so its lock is broken the same way; three deaths in that instant are not believed.
 */
function breakLock(path: string, dead: Holder, depth: number): void {
  if (depth >= 3) throw heldError(path);
  const breaking = attempt(`${path}.break`, depth + 1);
  if (breaking === null) return;
  try {
    release(path, dead.token);
  } finally {
    breaking.release();
  }
}

function release(path: string, token: string): void {
  if (readHolder(path)?.token === token) unlinkSync(path);
}

function readHolder(path: string): Holder | null {
  let text = "";
  try {
    text = readlinkSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return null;
    if (code !== "EINVAL") throw error;
  }
  try {
    const value = JSON.parse(text) as Partial<Holder>;
    if (typeof value.host === "string" && typeof value.bootId === "string" && typeof value.pid === "number" && typeof value.token === "string") {
      return { host: value.host, bootId: value.bootId, pid: value.pid, startTicks: value.startTicks ?? null, token: value.token };
    }
  } catch {
    // Not made by this file, so not ours to break: it counts as held.
  }
  return { host: "(unreadable)", bootId: "", pid: 0, startTicks: null, token: "" };
}

function heldError(path: string): UserError {
  const holder = readHolder(path);
  const who = holder === null ? "another process" : `process ${holder.pid} on ${holder.host}`;
  return new UserError(`${path} is held by ${who}, so nothing can be recorded now.`, {
    code: "lock-held",
    next: ["wait until it ends and try again", `when that process is certainly gone: rm ${path}`],
  });
}

/** Ledger appends are synchronous by contract: an await between deciding and recording would be a gap. */
function pauseSynchronously(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
