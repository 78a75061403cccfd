/** Size and sha256 of a file, read once in bounded memory. */
import { createHash } from "node:crypto";
import { open, lstat } from "node:fs/promises";

/** null when there is no regular file at the path (a symbolic link counts as none: it is no copy). */
export async function hashFile(path: string, signal?: AbortSignal): Promise<{ bytes: number; sha256: string } | null> {
  const found = await lstat(path).catch((error: unknown) => {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
    throw error;
  });
  if (found === null || !found.isFile()) return null;
  const file = await open(path, "r");
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(1 << 20);
    let bytes = 0;
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return { bytes, sha256: hash.digest("hex") };
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await file.close();
  }
}
