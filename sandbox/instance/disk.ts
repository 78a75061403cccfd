// Disks and shared file systems are plain directories: how many bytes they hold, and removing them whole.
import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** Sum of the sizes of all regular files. Files that vanish meanwhile count as nothing. */
export async function bytesIn(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) bytes += await bytesIn(path);
    else if (entry.isFile()) bytes += await lstat(path).then((stat) => stat.size, () => 0);
  }
  return bytes;
}

/** Removes a directory even if a guest took its own permissions away inside it. */
export async function removeTree(directory: string): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    await unlockDirectories(directory);
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function unlockDirectories(directory: string): Promise<void> {
  await chmod(directory, 0o700);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await unlockDirectories(join(directory, entry.name));
  }
}
