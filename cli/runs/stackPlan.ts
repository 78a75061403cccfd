/** A stack's plan without the engine: reads Pulumi.yaml and Pulumi.<stack>.yaml, resolves job and platform, touches no network. */
import { existsSync } from "node:fs";
import { basename, join, resolve as resolvePath } from "node:path";
import { UserError } from "../../custody/userError";
import { collectStackConfig, parseStackConfig, profileFor, resolve } from "../../profiles";
import type { Plan } from "../../profiles/plan";
import { readJob } from "../../providers/job/source";
import { configuredStacks, projectName, readYaml } from "./pulumiProject";

export interface StackChoice {
  readonly stack: string | undefined;
  /** Absolute, or relative to the project. */
  readonly configFile?: string | undefined;
}

/** Facts are doubted for their age at `now`. Throws UserError: no such stack, or every fault of config and job at once. */
export function planOfStack(projectRoot: string, choice: StackChoice, now = new Date()): { stack: string; plan: Plan } {
  const { stack, path } = locateStack(projectRoot, choice);
  const project = projectName(projectRoot);
  const config = parseStackConfig(collectStackConfig(flatConfig(readYaml(path), project)), basename(path));
  const { request, code, inputs, lock } = readJob(config, projectRoot);
  const run = { project, stack: shortName(stack), name: request.name };
  return { stack, plan: resolve(request, profileFor(config.platform), { run, config, codeSha256: code.sha256, inputs, lock, now }) };
}

/** The stack that is meant and its config file, an absolute path that exists. Throws UserError. */
export function locateStack(projectRoot: string, choice: StackChoice): { stack: string; path: string } {
  const stack = choice.stack ?? onlyStack(projectRoot);
  const path = choice.configFile === undefined ? join(projectRoot, `Pulumi.${shortName(stack)}.yaml`) : resolvePath(projectRoot, choice.configFile);
  if (!existsSync(path)) throw noConfig(projectRoot, stack, path);
  return { stack, path };
}

function onlyStack(projectRoot: string): string {
  const stacks = configuredStacks(projectRoot);
  const [only] = stacks;
  if (only !== undefined && stacks.length === 1) return only;
  throw new UserError(stacks.length === 0 ? "No stack of this project has a config file yet." : `Several stacks have config, say which: ${stacks.join(", ")}.`, {
    code: "which-stack",
    next: stacks.length === 0 ? ["write Pulumi.dev.yaml, or: pulumi stack init"] : stacks.map((stack) => `holdfast plan --stack ${stack}`),
  });
}

/** `organization/project/stack` names the same file as `stack`. */
export const shortName = (stack: string): string => stack.split("/").at(-1) ?? stack;

/** As the engine hands config to a program: `namespace:key` to a string, objects as JSON. */
export function flatConfig(document: unknown, project: string): Record<string, string> {
  const value = document as { config?: Record<string, unknown> } | null;
  const flat: Record<string, string> = {};
  for (const [key, entry] of Object.entries(value?.config ?? {})) {
    const name = key.includes(":") ? key : `${project}:${key}`;
    flat[name] = typeof entry === "string" ? entry : JSON.stringify(entry);
  }
  return flat;
}

function noConfig(projectRoot: string, stack: string, path: string): UserError {
  const stacks = configuredStacks(projectRoot);
  return new UserError(`There is no ${path}. Stacks with config: ${stacks.join(", ") || "none"}.`, {
    code: "not-found",
    next: stacks.map((other) => `holdfast plan --stack ${other}`).filter((line) => !line.endsWith(` ${stack}`)),
  });
}
