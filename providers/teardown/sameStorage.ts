/**
 * Is a copy really elsewhere? A folder of this machine may be the run's own storage, mounted here (sshfs, NFS), and this machine
 * may be the instance itself: then the deletion takes the copy along.
 */
import { randomBytes } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Remote } from "../../custody/remote";

/**
 * True when one of these folders of this machine lies below something that shows what lies in `places` on the other: a mark is
 * laid there, looked for from each folder upwards, and removed. A tier that is full may take no mark; then nothing is found.
 */
export async function showsMark(remote: Remote, places: readonly string[], folders: readonly string[]): Promise<boolean> {
  const name = `.mark-${randomBytes(8).toString("hex")}`;
  const marks = places.map((place) => `${place}/${name}`);
  await remote.exec(["sh", "-c", 'for mark do touch -- "$mark"; done 2>/dev/null', "sh", ...marks]);
  try {
    const seen = new Set<string>();
    return folders.some((folder) => marks.some((mark) => isVisible(mark, realPath(folder), seen)));
  } finally {
    await remote.exec(["rm", "-f", "--", ...marks]);
  }
}

/** Anything from the other machine's root down to the mark's own folder may be what is mounted, at any folder above. */
function isVisible(mark: string, folder: string, seen: Set<string>): boolean {
  const parts = mark.split("/").filter((part) => part !== "");
  for (let above = folder; !seen.has(`${mark}\0${above}`); above = dirname(above)) {
    seen.add(`${mark}\0${above}`);
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
