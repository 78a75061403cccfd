/** The job's code directory as content: one hash for the folder, so that a pushed copy is named for what it holds. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../custody/userError";

/** Never part of a job's code: version control, caches, and what this tool writes. rsync and the hash use the same list. */
export const codeExcludes: readonly string[] = [".git", ".holdfast", ".pulumi", "node_modules", "__pycache__", "*.pyc", ".DS_Store", ".venv"];

const mostBytes = 512 * 1024 * 1024;

/**
 * sha256 over relative path, executable bit and content of every file, in path order. `without` are further paths, relative to
 * the folder: the job file often lies beside the code, and a cell added there is no change of code; inputs are data.
 * Throws UserError for a missing or huge folder.
 */
export function hashCode(directory: string, without: readonly string[] = []): string {
  const hash = createHash("sha256");
  let bytes = 0;
  for (const path of listFiles(directory, "").filter((file) => !without.some((path) => file === path || file.startsWith(`${path}/`)))) {
    const full = join(directory, path);
    const stat = statSync(full);
    bytes += stat.size;
    if (bytes > mostBytes) {
      throw new UserError(`The job's code directory ${directory} holds more than ${mostBytes / 1024 / 1024} MiB: that is data, not code.`, {
        code: "code-too-large",
        next: ["move data out of it and name it under job.inputs", "or point job.code at the folder with the code only"],
      });
    }
    hash.update(`${path}\0${(stat.mode & 0o111) === 0 ? "-" : "x"}\0${stat.size}\0`);
    hash.update(readFileSync(full));
  }
  return hash.digest("hex");
}

const excluded = (name: string): boolean =>
  codeExcludes.some((pattern) => (pattern.startsWith("*") ? name.endsWith(pattern.slice(1)) : name === pattern));

function listFiles(root: string, below: string): string[] {
  let entries;
  try {
    entries = readdirSync(join(root, below), { withFileTypes: true });
  } catch (error) {
    throw new UserError(`The job's code directory ${join(root, below)} cannot be read: ${(error as Error).message}`, { code: "no-code" });
  }
  return entries
    .filter((entry) => !excluded(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      // A link is followed once, as a file or not at all: a link to a folder could lead anywhere.
      if (entry.isDirectory()) return listFiles(root, path);
      return entry.isFile() || (entry.isSymbolicLink() && statSync(join(root, path)).isFile()) ? [path] : [];
    });
}
