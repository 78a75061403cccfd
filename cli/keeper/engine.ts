/**
 * The real engine, as a person would start it: `pulumi up` and `pulumi destroy` of one run. What it says goes to a file, so that an
 * engine whose keeper was killed goes on to its end instead of dying of a closed pipe.
 */
import { execa } from "execa";
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RunRef } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import { BRINGS_BACK } from "../../providers/asDeclared";
import { projectEngineEnvironment } from "../runs/projectEngine";
import type { StateResource } from "../runs/pulumiState";
import { exportState } from "../runs/pulumiState";

export interface EngineOptions {
  readonly projectRoot: string;
  readonly env: NodeJS.ProcessEnv;
  /** What the engine said last, of this run. */
  readonly logPath: string;
}

export interface EngineOutcome {
  readonly exitCode: number;
  readonly output: string;
  /** Somebody else's operation holds the stack's lock. */
  readonly busy: boolean;
}

/** toolchain/verbs/stack.cjs, which the npm scripts use too. */
interface StackRules {
  readonly removeDeadLocks: (options: { project: string; stack: string; backendUrl: string | undefined }) => string[];
}

const packageRoot = join(__dirname, "..", "..", "..");

/** Everything of the run, and nothing else: what is not part of its component is not the keeper's to delete. */
export async function destroyRun(run: RunRef, options: EngineOptions): Promise<EngineOutcome> {
  const env = await projectEngineEnvironment(options.projectRoot, options.env);
  const resources = await exportState(options.projectRoot, run.stack, env);
  if (resources === null) throw new UserError(`The Pulumi state of stack ${run.stack} cannot be read here, so ${runId(run)} cannot be destroyed.`, { code: "no-state", next: ['eval "$(npx holdfast env)"', "holdfast doctor"] });
  const component = componentOf(resources, run);
  if (component === null) throw new UserError(`The Pulumi state of stack ${run.stack} holds no run ${run.name}.`, { code: "not-found", next: ["holdfast audit"] });
  const others = goesAlong(resources, component);
  if (others.length > 0) {
    throw new UserError(`Other resources of stack ${run.stack} depend on ${runId(run)} and would go with it (${others.slice(0, 3).join(", ")}); the keeper deletes the run alone.`, { code: "others-depend", next: ["pulumi destroy (a person decides)"] });
  }
  return runEngine(["destroy", "--target", component, "--target-dependents"], run.stack, env, options);
}

/** The run as it was declared last: the program of a checkout that says something else ends with what differs, and changes nothing. */
export async function updateStack(run: RunRef, options: EngineOptions): Promise<EngineOutcome> {
  await assertCommitted(options);
  return runEngine(["up"], run.stack, { ...await projectEngineEnvironment(options.projectRoot, options.env), [BRINGS_BACK]: runId(run) }, options);
}

/** The URN of the run's component; null when state does not have it. What the program put around it is the program's. Pure. */
export function componentOf(resources: readonly StateResource[], run: RunRef): string | null {
  const own = resources.find((resource) => (resource.outputs?.["binding"] as { run?: unknown } | undefined)?.run === run.name);
  const parentOf = (resource: StateResource): StateResource | undefined => resources.find(({ urn }) => urn === resource.parent);
  let component: StateResource | null = null;
  for (let above = own === undefined ? undefined : parentOf(own); above?.type.startsWith("holdfast:") === true; above = parentOf(above)) component = above;
  return component?.urn ?? null;
}

/** URNs of what would be deleted with the component and is not part of it. Pure. */
export function goesAlong(resources: readonly StateResource[], component: string): string[] {
  const inside = new Set([component]);
  const going = new Set([component]);
  for (let before = -1; before !== going.size + inside.size;) {
    before = going.size + inside.size;
    for (const { urn, parent, dependencies } of resources) {
      if (parent !== undefined && inside.has(parent)) inside.add(urn);
      if ((parent !== undefined && going.has(parent)) || (dependencies ?? []).some((dependency) => going.has(dependency))) going.add(urn);
    }
  }
  return [...going].filter((urn) => !inside.has(urn)).sort();
}

async function runEngine(args: readonly string[], stack: string, env: NodeJS.ProcessEnv, { projectRoot, logPath }: EngineOptions): Promise<EngineOutcome> {
  const rules = (await import(join(packageRoot, "toolchain", "verbs", "stack.cjs"))) as { default: StackRules };
  rules.default.removeDeadLocks({ project: projectRoot, stack, backendUrl: env.PULUMI_BACKEND_URL });
  mkdirSync(dirname(logPath), { recursive: true });
  const log = openSync(logPath, "w", 0o600);
  try {
    const [command = "", ...rest] = args;
    const words = [command, "--yes", "--skip-preview", "--non-interactive", "--color", "never", "--stack", stack, ...rest];
    const exitCode = await ended(spawn("pulumi", words, { cwd: projectRoot, env, stdio: ["ignore", log, log] }));
    const output = readFileSync(logPath, "utf8");
    return { exitCode, output, busy: exitCode !== 0 && /the stack is currently locked/i.test(output) };
  } finally {
    closeSync(log);
  }
}

const ended = (child: ChildProcess): Promise<number> =>
  new Promise((done, fail) => {
    child.once("error", (cause: NodeJS.ErrnoException) => {
      fail(cause.code === "ENOENT" ? new UserError("There is no pulumi on PATH, so nothing can be destroyed or brought back.", { code: "no-engine", next: ['eval "$(npx holdfast env)"'], cause }) : cause);
    });
    child.once("exit", (code) => { done(code ?? -1); });
  });

/** An update applies whatever lies in the checkout; a half-finished edit is not the keeper's to apply. No repository: nobody can tell. */
async function assertCommitted({ projectRoot, env }: EngineOptions): Promise<void> {
  const result = await execa("git", ["status", "--porcelain", "--untracked-files=no", "--", "."], { cwd: projectRoot, env, extendEnv: false, reject: false, stdin: "ignore", timeout: 60_000 });
  if (result.exitCode === 0 && result.stdout.trim() !== "") {
    throw new UserError(`${projectRoot} has changes that are not committed, and pulumi up would apply them.`, { code: "uncommitted", next: ["git stash (or commit), or: pulumi up (a person decides)"] });
  }
}
