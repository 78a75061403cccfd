/** What this machine brings: Node, the engine and its language host, the system's programs. */
import { execa } from "execa";
import type { Check } from "./check";

/** `engines` of package.json; @pulumi/pulumi needs Node 22 since 3.249. */
const minimumNode = [22, 19] as const;
/** Below it the engine's re-run of a half-failed destroy is broken. */
const minimumEngine = [3, 259] as const;

interface Program {
  readonly name: string;
  readonly why: string;
  readonly install: string;
  /** Without it a run cannot be provisioned or ended; otherwise only the sandbox or the examples miss it. */
  readonly always: boolean;
}

const programs: readonly Program[] = [
  { name: "ssh", why: "reaches the machine", install: "openssh-client", always: true },
  { name: "rsync", why: "pulls the artifacts", install: "rsync", always: true },
  { name: "bwrap", why: "starts the sandbox's instances", install: "bubblewrap", always: false },
  { name: "sshd", why: "sandbox instances", install: "openssh-server", always: false },
  { name: "tmux", why: "sandbox instances", install: "tmux", always: false },
  { name: "python3", why: "sandbox instances and the examples", install: "python3 python3-numpy", always: false },
];

export async function machineChecks(env: NodeJS.ProcessEnv): Promise<Check[]> {
  return [nodeCheck(process.versions.node), await engineCheck(env), await hostCheck(env), ...(await Promise.all(programs.map((program) => programCheck(program, env))))];
}

export function nodeCheck(version: string): Check {
  const detail = `${version} (at least ${minimumNode.join(".")})`;
  return atLeast(version, minimumNode) ? { name: "node", state: "ok", detail } : { name: "node", state: "fault", detail, next: ["https://nodejs.org/"] };
}

const engineRemedy = ['eval "$(npx holdfast env)"', "npm run up (brings the engine along)"];

async function engineCheck(env: NodeJS.ProcessEnv): Promise<Check> {
  const result = await execa("pulumi", ["version"], { env: { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" }, extendEnv: false, reject: false, stdin: "ignore", timeout: 20_000 });
  const version = /v?(\d+\.\d+\.\d+)/.exec(result.stdout)?.[1];
  if (version === undefined) return { name: "pulumi", state: "fault", detail: "not on PATH", next: engineRemedy };
  return atLeast(version, minimumEngine)
    ? { name: "pulumi", state: "ok", detail: version }
    : { name: "pulumi", state: "fault", detail: `${version}, needs ${minimumEngine.join(".")} or newer`, next: engineRemedy };
}

async function hostCheck(env: NodeJS.ProcessEnv): Promise<Check> {
  const found = await find("pulumi-language-nodejs", env);
  return found === null
    ? { name: "language host", state: "fault", detail: "pulumi-language-nodejs is not on PATH, so pulumi cannot start the program", next: engineRemedy }
    : { name: "language host", state: "ok", detail: found };
}

async function programCheck(program: Program, env: NodeJS.ProcessEnv): Promise<Check> {
  const found = (await find(program.name, env)) ?? (await find(program.name, { ...env, PATH: "/usr/sbin:/sbin" }));
  if (found !== null) return { name: program.name, state: "ok", detail: found };
  return { name: program.name, state: program.always ? "fault" : "note", detail: `missing: ${program.why}`, next: [`apt-get install ${program.install}`] };
}

async function find(program: string, env: NodeJS.ProcessEnv): Promise<string | null> {
  const result = await execa("sh", ["-c", 'command -v -- "$1"', "sh", program], { env, extendEnv: false, reject: false, stdin: "ignore" });
  return result.exitCode === 0 && typeof result.stdout === "string" ? result.stdout.trim() : null;
}

function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
