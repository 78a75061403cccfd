/**
 * The one place where custody writes to disk. Everything here is on the platters (or the disk's word for it) when the
 * call returns, and a reader sees the old content or the new, never a part.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync, closeSync, existsSync, fsyncSync, ftruncateSync, linkSync, mkdirSync, openSync, renameSync, rmSync, fstatSync, writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../userError";

/** A point at which the process can die or the disk can fail. */
export interface WriteStep {
  readonly operation: "mkdir" | "write" | "fsync" | "rename" | "link" | "fsync-directory";
  readonly path: string;
}

/** Fault tests set `beforeStep`: it may throw (a disk that fails) or end the process (a machine that dies). */
export const durableWrites: { beforeStep: (step: WriteStep) => void } = { beforeStep: () => {} };

/** Replaces or creates `path` (and its folder) with exactly `content`. Mode is octal; 0o644 unless told. */
export function writeFileDurably(path: string, content: string | Uint8Array, mode = 0o644): void {
  makeDirectory(dirname(path));
  const temporary = writeTemporary(path, content, mode);
  try {
    step("rename", path, () => { renameSync(temporary, path); });
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/** Creates `path` with exactly `content`, or returns false when it exists already: one of several creators wins. */
export function createExclusively(path: string, content: string | Uint8Array, mode = 0o644): boolean {
  const temporary = writeTemporary(path, content, mode);
  try {
    step("link", path, () => { linkSync(temporary, path); });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  syncDirectory(dirname(path));
  return true;
}

/** Appends to `path`, creating it when absent. A write that fails half-way is taken back as far as the disk allows. */
export function appendDurably(path: string, content: string, mode = 0o644): void {
  const file = guarded(path, () => openSync(path, "a", mode));
  try {
    const before = fstatSync(file).size;
    try {
      step("write", path, () => { writeFully(file, Buffer.from(content, "utf8")); });
      step("fsync", path, () => { fsyncSync(file); });
    } catch (error) {
      takeBack(file, before);
      throw error;
    }
    if (before === 0) syncDirectory(dirname(path));
  } finally {
    closeSync(file);
  }
}

/** Makes a folder and its parents; does nothing when it is there. */
export function makeDirectory(path: string, mode = 0o755): void {
  if (existsSync(path)) return;
  const first = step("mkdir", path, () => mkdirSync(path, { recursive: true, mode }));
  if (first !== undefined) syncDirectory(dirname(first));
}

export function renameDurably(from: string, to: string): void {
  step("rename", to, () => { renameSync(from, to); });
  syncDirectory(dirname(to));
  if (dirname(from) !== dirname(to)) syncDirectory(dirname(from));
}

/** Flushes one file that another program wrote. */
export function syncFile(path: string): void {
  const file = guarded(path, () => openSync(path, "r"));
  try {
    step("fsync", path, () => { fsyncSync(file); });
  } finally {
    closeSync(file);
  }
}

/** Flushes a folder's entries: a rename is only durable once its folder is. */
export function syncDirectory(path: string): void {
  const directory = guarded(path, () => openSync(path, "r"));
  try {
    step("fsync-directory", path, () => { fsyncSync(directory); });
  } finally {
    closeSync(directory);
  }
}

function writeTemporary(path: string, content: string | Uint8Array, mode: number): string {
  const temporary = join(dirname(path), `.tmp-${process.pid}-${randomBytes(6).toString("hex")}`);
  const file = guarded(path, () => openSync(temporary, "wx", mode));
  try {
    step("write", path, () => { writeFully(file, typeof content === "string" ? Buffer.from(content, "utf8") : content); });
    step("fsync", path, () => { fsyncSync(file); });
    // The mode given to open is narrowed by the umask; a private key must have exactly this one.
    chmodSync(temporary, mode);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  return temporary;
}

function writeFully(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.byteLength; ) written += writeSync(file, bytes, written);
}

function takeBack(file: number, size: number): void {
  try {
    ftruncateSync(file, size);
    fsyncSync(file);
  } catch {
    // The torn line stays; the next append finds it and sets it aside.
  }
}

function step<T>(operation: WriteStep["operation"], path: string, run: () => T): T {
  return guarded(path, () => {
    durableWrites.beforeStep({ operation, path });
    return run();
  });
}

/** A full or read-only disk is the reader's to mend, so it is told as such. */
function guarded<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOSPC" || code === "EDQUOT") {
      throw new UserError(`The disk that holds ${path} is full; nothing was recorded there.`, {
        code: "disk-full", next: [`df -h ${dirname(path)}`], cause: error,
      });
    }
    if (code === "EROFS" || code === "EACCES") {
      throw new UserError(`${path} cannot be written (${code === "EROFS" ? "the file system is read-only" : "permission denied"}).`, {
        code: "not-writable", next: [`ls -ld ${dirname(path)}`], cause: error,
      });
    }
    throw error;
  }
}
