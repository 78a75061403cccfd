/** Where Pulumi keeps this stack's state: in the project's own folder it is lost with the machine, while a vendor goes on billing. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseDocument } from "yaml";

/** A paragraph when the state of a stack on a real platform lies inside the project; null otherwise. Reads files, asks nobody. */
export function localBackendWarning(projectRoot: string, api: string, env: NodeJS.ProcessEnv = process.env): string | null {
  if (api === "sandbox") return null;
  const url = backendUrl(projectRoot, env);
  const folder = url === null ? null : folderOf(url, projectRoot);
  if (folder === null || !isInside(folder, projectRoot)) return null;
  return `The state of this stack is kept in ${folder}, inside the project on this machine, and what it names bills at ${api}. If this folder is lost, nobody's pulumi destroy finds the run. `
    + "Keep the state elsewhere (pulumi login s3://BUCKET, or backend.url in Pulumi.yaml; pulumi stack export and import move it), and the evidence in a shared store (custody.store). "
    + "What can be done after a loss: holdfast recover --from-api.";
}

/** In the engine's order: the variable, the project's own, the login. */
function backendUrl(projectRoot: string, env: NodeJS.ProcessEnv): string | null {
  const given = env["PULUMI_BACKEND_URL"];
  if (given) return given;
  for (const name of ["Pulumi.yaml", "Pulumi.yml"]) {
    const path = join(projectRoot, name);
    const url = existsSync(path) ? (parseDocument(readFileSync(path, "utf8")).toJS() as { backend?: { url?: unknown } } | null)?.backend?.url : undefined;
    if (typeof url === "string" && url !== "") return url;
  }
  const credentials = join(env["PULUMI_HOME"] ?? join(homedir(), ".pulumi"), "credentials.json");
  if (!existsSync(credentials)) return null;
  try {
    const current = (JSON.parse(readFileSync(credentials, "utf8")) as { current?: unknown }).current;
    return typeof current === "string" ? current : null;
  } catch {
    // The engine's own file, and its own complaint when it is broken.
    return null;
  }
}

/** `file:///abs`, `file://./relative` (counted from where the command runs, which is the project), `file://~` (home). */
function folderOf(url: string, projectRoot: string): string | null {
  if (!url.startsWith("file://")) return null;
  const path = url.slice("file://".length).split("?")[0] ?? "";
  if (path === "~" || path.startsWith("~/")) return join(homedir(), path.slice(1));
  return isAbsolute(path) ? fileURLToPath(`file://${path}`) : resolve(projectRoot, path);
}

function isInside(folder: string, projectRoot: string): boolean {
  const path = relative(projectRoot, folder);
  return path === "" || (!path.startsWith("..") && !isAbsolute(path));
}
