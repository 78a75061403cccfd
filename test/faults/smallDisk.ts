/** A small file system of the test's own, so that a full disk is a full disk. Only root may mount one. */
import { execa } from "execa";
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Printed by tests that are skipped without it. */
export const withoutRoot = process.getuid?.() === 0 ? false : "a disk that really fills up needs mount, and mount needs root";

export interface SmallDisk {
  readonly path: string;
  /** Leaves no byte free. */
  fill(): void;
  /** Takes back what `fill` wrote. */
  makeRoom(): void;
}

/** Runs `body` with `mebibytes` of memory mounted at `path`; unmounts whatever happens. */
export async function withSmallDisk<T>(path: string, mebibytes: number, body: (disk: SmallDisk) => Promise<T>): Promise<T> {
  mkdirSync(path, { recursive: true });
  await execa("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m,mode=0777`, "holdfast-test", path]);
  const filler = join(path, "filler");
  try {
    return await body({
      path,
      fill: () => {
        // In one go it would be as much as was free a moment ago: somebody else may be writing.
        const file = openSync(filler, "a");
        try {
          for (;;) writeSync(file, Buffer.alloc(1 << 20));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        } finally {
          closeSync(file);
        }
      },
      makeRoom: () => { rmSync(filler); },
    });
  } finally {
    // Lazily: a process of the run may still have its working directory there.
    await execa("umount", ["--lazy", path], { reject: false });
  }
}

/** Bytes of all files below a folder, those in transfer included; 0 when it is not there. */
export function bytesBelow(folder: string): number {
  let total = 0;
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) if (entry.isFile()) total += statSync(join(entry.parentPath, entry.name)).size;
  } catch {
    // A file that was just renamed into place: the next look counts it.
  }
  return total;
}
