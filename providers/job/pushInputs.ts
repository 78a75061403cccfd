/** Inputs on their way from this machine: room checked, pushed resumably under content-hashed names. The instance checks their hash. */
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { PlanInput } from "../../profiles/plan";
import { inputPlace } from "./inputs";
import type { JobPlace } from "./layout";
import type { JobContent } from "./place";

/** Refuses before anything is moved or fetched: no room, a path that is not there, no program to fetch with. Changes nothing. */
export async function checkInputs(remote: Remote, { plan }: JobContent, place: JobPlace): Promise<void> {
  if (plan.inputs.length === 0) return;
  const result = await remote.exec(["sh", `${place.scripts}/fetch_inputs.sh`, "--check", place.directory, place.spec]);
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while inputs were checked");
  if (result.exitCode === 0) return;
  const refusals = result.stdout.split("\n").filter((line) => line.startsWith("refuse input ")).map((line) => `  - ${line.slice("refuse input ".length).replace(/^(\S+) (\S+): /, "$2 ($1): ")}`);
  throw new UserError(`Inputs of the job cannot be brought to ${remote.description}; no job was started.\n${refusals.join("\n") || result.stderr.trim()}`, {
    code: "inputs",
    next: ["pulumi up (after the cause is mended; the instance is kept, and bills)", "pulumi destroy (no job was started, nothing needs pulling)"],
  });
}

/** Local inputs only. What is there already, or was cut off, is not sent again. `say` is told the progress. Throws UserError, RemoteUnreachable. */
export async function pushInputs(remote: Remote, { plan, mountPoint }: JobContent, projectRoot: string, say: (message: string) => void): Promise<void> {
  for (const input of plan.inputs) {
    const { entry, target, pushed } = inputPlace(input, plan, mountPoint);
    if (entry === null || pushed === null || (await isThere(remote, entry, pushed))) continue;
    await pushInput(remote, input, join(projectRoot, input.source), { pushed, name: basename(target) }, say);
  }
}

async function isThere(remote: Remote, entry: string, pushed: string): Promise<boolean> {
  const result = await remote.exec(["sh", "-c", '[ -d "$1" ] || [ -d "$2" ]', "sh", entry, pushed]);
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while inputs were looked for");
  return result.exitCode === 0;
}

async function pushInput(remote: Remote, input: PlanInput, path: string, to: { pushed: string; name: string }, say: (message: string) => void): Promise<void> {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
  if (isFolder === undefined) {
    throw new UserError(`Input ${input.name}: ${input.source} is not on this machine, and not on ${remote.description} either; no job was started.`, {
      code: "inputs",
      next: [`put it at ${path}, then pulumi up`, "or type pulumi up where it is"],
    });
  }
  const partial = `${to.pushed}.partial`;
  say(`pushing input ${input.name} (${size(input.bytes ?? 0)}) to ${remote.description}`);
  let told = Date.now();
  const onProgress = ({ bytes }: { readonly bytes: number }): void => {
    if (Date.now() - told < 10_000) return;
    told = Date.now();
    say(`input ${input.name}: ${size(bytes)} of ${size(input.bytes ?? 0)}`);
  };
  if (isFolder) await remote.send(path, `${partial}/${to.name}`, { files: listFiles(path, ""), onProgress });
  else await remote.send(dirname(path), partial, { files: [basename(path)], onProgress });
  const finish = '[ "$2" = "$3" ] || mv -- "$1/$2" "$1/$3"; { sync -f "$1" 2>/dev/null || sync; }; mv -T -- "$1" "$4"';
  const result = await remote.exec(["sh", "-ec", finish, "sh", partial, isFolder ? to.name : basename(path), to.name, to.pushed], { timeoutSeconds: 600 });
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, `the connection ended while input ${input.name} was put in its place`);
  if (result.exitCode !== 0) throw new UserError(`${remote.description}: input ${input.name} could not be put in its place: ${result.stderr.trim()}`, { code: "inputs", next: ["the same command again"] });
}

function listFiles(root: string, below: string): string[] {
  return readdirSync(join(root, below)).flatMap((name) => {
    const path = below === "" ? name : `${below}/${name}`;
    return statSync(join(root, path)).isDirectory() ? listFiles(root, path) : [path];
  });
}

const size = (bytes: number): string => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`);
