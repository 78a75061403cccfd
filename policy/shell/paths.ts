/** Paths of a shell, in which variables may still stand. Pure. */

/** A path as a program in that folder means it, without `.` and `..` where they can be told. */
export function under(folder: string, path: string): string {
  if (/^[A-Za-z][\w+.-]*:\/\//.test(path)) return path;
  const whole = /^[/~$]/.test(path) || path.startsWith("`") || folder === "" ? path : `${folder}/${path}`;
  const kept: string[] = [];
  for (const segment of whole.split("/")) {
    const last = kept.at(-1);
    if (segment === "." || (segment === "" && kept.length > 0)) continue;
    if (segment === ".." && last !== undefined && last !== "" && last !== ".." && !last.includes("$")) kept.pop();
    else kept.push(segment);
  }
  return kept.join("/") || (whole.startsWith("/") ? "/" : ".");
}
