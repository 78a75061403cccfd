/** A small file system of the test's own, so that a full disk is a full disk. Only root may mount one. */
import { execa } from "execa";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
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
        const { bavail, bsize } = statfsSync(path);
        writeFileSync(filler, Buffer.alloc(Number(bavail) * Number(bsize)));
      },
      makeRoom: () => { rmSync(filler); },
    });
  } finally {
    // Lazily: a process of the run may still have its working directory there.
    await execa("umount", ["--lazy", path], { reject: false });
  }
}
