/** holdfast env: the variables under which plain `pulumi` works in this project. */
import { Command } from "commander";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { exitCodes } from "../exitCodes";
import type { Session } from "../terminal";

/** toolchain/env.cjs, which the npm scripts use too. */
interface EnvironmentRules {
  readonly engineEnvironment: (options: { project: string; engine: { directory: string }; node: { directory: string }; env: NodeJS.ProcessEnv }) => Record<string, string>;
  readonly ensureBackend: (project: string, variables: Record<string, string>) => void;
  readonly exportLines: (variables: Record<string, string>) => string;
}

const packageRoot = join(__dirname, "..", "..", "..");

export function envCommand(cli: Cli): Command {
  return new Command("env")
    .summary("print exports under which plain pulumi works here")
    .description("print shell exports so that plain pulumi works here: engine and Node on PATH, local state")
    .addOption(jsonOption())
    .addHelpText("after", examples(['eval "$(npx holdfast env)"', "then pulumi up, pulumi destroy, ... as usual"]))
    .action(cli.action((session) => printEnvironment(session)));
}

async function printEnvironment(session: Session): Promise<ExitCode | undefined> {
  const { projectRootFrom } = await import("../../custody/index.js");
  const { engineDirectory } = await import("../runs/projectEngine.js");
  const project = projectRootFrom(session.terminal.cwd, session.env);
  const inCheckout = project === packageRoot && existsSync(join(packageRoot, "toolchain", "run.cjs"));
  if (inCheckout && !session.json) return fromToolchain();
  const rules = (await import(join(packageRoot, "toolchain", "env.cjs"))) as { default: EnvironmentRules };
  const { engineEnvironment, ensureBackend, exportLines } = rules.default;
  const node = { directory: dirname(process.execPath) };
  const variables = engineEnvironment({ project, engine: { directory: (await engineDirectory(session.env)) ?? node.directory }, node, env: session.env });
  ensureBackend(project, variables);
  if (session.json) session.printJson(variables);
  else session.terminal.stdout.write(exportLines(variables));
  return undefined;
}

/** The checkout's own toolchain may have to obtain the engine first; what it says meanwhile goes to stderr. */
async function fromToolchain(): Promise<ExitCode> {
  const { execa } = await import("execa");
  const result = await execa(process.execPath, [join(packageRoot, "toolchain", "run.cjs"), "env"], { stdio: ["ignore", "inherit", "inherit"], reject: false });
  return result.exitCode === 0 ? exitCodes.ok : exitCodes.unexpected;
}
