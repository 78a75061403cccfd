/**
 * The engine of this project, however the command was started: npx puts node_modules/.bin first on PATH, where npm's wrapper is called
 * `pulumi` too and downloads when it is asked anything; and what `npm run up` obtained lies in our cache, on nobody's PATH.
 */
import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

/** toolchain/env.cjs and toolchain/engine/find.cjs, which the npm scripts use too. */
interface EnvironmentRules {
  readonly engineEnvironment: (options: EngineOptions) => Record<string, string>;
  readonly toolEnvironment: (options: EngineOptions) => Record<string, string>;
}
interface EngineOptions {
  readonly project: string;
  readonly engine: { readonly directory: string };
  readonly node: { readonly directory: string };
  readonly env: NodeJS.ProcessEnv;
}
interface EngineRules {
  readonly findEngine: (options: { root: string; env: NodeJS.ProcessEnv }) => Promise<{ engine: { directory: string } | null }>;
}

const packageRoot = join(__dirname, "..", "..", "..");

/** For whoever starts `pulumi`. Its state is the project's own folder where that is used, unless the environment names another. */
export async function projectEngineEnvironment(projectRoot: string, env: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
  const rules = ((await import(join(packageRoot, "toolchain", "env.cjs"))) as { default: EnvironmentRules }).default;
  const directory = await engineDirectory(env);
  if (directory === null) return { ...env, PATH: withoutWrappers(env).join(delimiter) };
  const options = { project: projectRoot, engine: { directory }, node: { directory: dirname(process.execPath) }, env };
  const local = !env.PULUMI_BACKEND_URL && !env.PULUMI_ACCESS_TOKEN && existsSync(join(projectRoot, ".state"));
  return { ...env, ...(local ? rules.engineEnvironment(options) : rules.toolEnvironment(options)) };
}

/** The folder of the `pulumi` that is on PATH, else of the one that was obtained for this project; null: there is none. Starts nothing. */
export async function engineDirectory(env: NodeJS.ProcessEnv): Promise<string | null> {
  const onPath = withoutWrappers(env).find((folder) => existsSync(join(folder, "pulumi")));
  if (onPath !== undefined) return onPath;
  const { findEngine } = ((await import(join(packageRoot, "toolchain", "engine", "find.cjs"))) as { default: EngineRules }).default;
  return (await findEngine({ root: packageRoot, env })).engine?.directory ?? null;
}

const withoutWrappers = (env: NodeJS.ProcessEnv): string[] =>
  (env.PATH ?? "").split(delimiter).filter((folder) => folder !== "" && !isWrapper(join(folder, "pulumi")));

const isWrapper = (program: string): boolean => existsSync(program) && realpathSync(program).endsWith(".js");
