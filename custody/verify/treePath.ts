// Resolves a path that a manifest names inside a folder, and refuses every way out of the folder.
import type { ProblemCode } from "./codes.js";
import { lstatSync, realpathSync } from "node:fs";
import { join, sep } from "node:path";
import { ProblemList, type Problem } from "./verdict.js";

export type ResolvedPath = { readonly absolute: string; readonly bytes: number } | { readonly problem: Problem };

/** `root` must be a real path. A symbolic link may point anywhere inside the root, and nowhere else. */
export function resolveInside(root: string, path: string): ResolvedPath {
  const refuse = (code: ProblemCode, message: string): ResolvedPath => {
    const problems = new ProblemList();
    problems.add(code, message);
    return { problem: problems.list()[0] ?? { code, message } };
  };
  const parts = path.split("/");
  if (path.startsWith("/") || path.includes("\0") || parts.some((part) => part === "" || part === "." || part === "..")) {
    return refuse("path", 'The path must be relative, with no empty part and no "." or ".." in it.');
  }
  try {
    const absolute = realpathSync.native(join(root, path));
    if (!absolute.startsWith(root.endsWith(sep) ? root : root + sep)) return refuse("path-escapes", "A symbolic link on the path leads out of the folder that is verified.");
    const stat = lstatSync(absolute);
    return stat.isFile() ? { absolute, bytes: stat.size } : refuse("not-a-file", "It is not a regular file.");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "error";
    if (code === "ENOENT" || code === "ENOTDIR") return refuse("missing", "The file is not there.");
    return refuse("unreadable", `The path cannot be followed: ${code}.`);
  }
}
