/**
 * Is a copy really elsewhere? A folder of this machine may be the run's own storage, mounted here (sshfs, NFS), and this machine
 * may be the instance itself: then the deletion takes the copy along.
 */
import { randomBytes } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import type { Remote } from "../../custody/remote";

/** Paths on the other machine. */
export interface Storage {
  /** All of it lies below. */
  readonly root: string;
  /** A folder in it that may be written to and that no listing names. */
  readonly folder: string;
}

/**
 * True when one of these folders of this machine lies on one of the storages of the other: a mark is laid there, looked for from
 * each folder upwards, and removed. A tier that is full may take no mark; then nothing is found.
 */
export async function liesOn(remote: Remote, storages: readonly Storage[], folders: readonly string[]): Promise<boolean> {
  const name = `.mark-${randomBytes(8).toString("hex")}`;
  const marks = storages.map(({ folder }) => `${folder}/${name}`);
  await remote.exec(["sh", "-c", 'for mark do touch -- "$mark"; done 2>/dev/null', "sh", ...marks]);
  try {
    const here = folders.map(realPath);
    return storages.some(({ root, folder }) => {
      const mark = `${folder}/${name}`;
      // Under its own path it is no proof: the two machines may be one, which has other disks too.
      if (existsSync(mark)) return here.some((path) => path === realPath(root) || path.startsWith(`${realPath(root)}${sep}`));
      const seen = new Set<string>();
      return here.some((path) => isVisible(mark, path, seen));
    });
  } finally {
    await remote.exec(["rm", "-f", "--", ...marks]);
  }
}

/** Anything from the other machine's root down to the mark's own folder may be what is mounted, at any folder above. */
function isVisible(mark: string, folder: string, seen: Set<string>): boolean {
  const parts = mark.split("/").filter((part) => part !== "");
  for (let above = folder; !seen.has(above); above = dirname(above)) {
    seen.add(above);
    if (parts.some((_part, index) => existsSync(join(above, ...parts.slice(index))))) return true;
  }
  return false;
}

function realPath(folder: string): string {
  try {
    return realpathSync.native(folder);
  } catch {
    // What is not there shows nothing; the copy is found missing elsewhere.
    return resolve(folder);
  }
}
