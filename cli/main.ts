/** The holdfast command: wires the commands, runs one, turns what it threw into a paragraph and an exit code. */
import { Command, CommanderError } from "commander";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Cli, helpLayout } from "./cli";
import { adoptCommand } from "./commands/adopt";
import { approveCommand } from "./commands/approve";
import { auditCommand } from "./commands/audit";
import { breakGlassCommand } from "./commands/breakGlass";
import { cancelCommand } from "./commands/cancel";
import { completionCommand } from "./commands/completion";
import { doctorCommand } from "./commands/doctor";
import { envCommand } from "./commands/env";
import { explainCommand } from "./commands/explain";
import { keeperCommand } from "./commands/keeper";
import { leaseCommand } from "./commands/lease";
import { ledgerCommand } from "./commands/ledger";
import { logsCommand } from "./commands/logs";
import { lsCommand } from "./commands/ls";
import { metricsCommand } from "./commands/metrics";
import { planCommand } from "./commands/plan";
import { pullCommand } from "./commands/pull";
import { recoverCommand } from "./commands/recover";
import { relocateCommand } from "./commands/relocate";
import { rescueCommand } from "./commands/rescue";
import { retryCommand } from "./commands/retry";
import { sandboxCommand } from "./commands/sandbox";
import { sshCommand } from "./commands/ssh";
import { statusCommand } from "./commands/status";
import { tunnelCommand } from "./commands/tunnel";
import { trustCommand } from "./commands/trust";
import { verifyCommand } from "./commands/verify";
import { watchCommand } from "./commands/watch";
import type { ExitCode } from "./exitCodes";
import { exitCodeFor, exitCodeHelp, exitCodes } from "./exitCodes";
import { renderError, reportOf } from "./render/error";
import { paintFor } from "./render/paint";
import type { Terminal } from "./terminal";
import { processTerminal } from "./terminal";

/** Commands by what they are for, in the order of a run's life. */
const groups: readonly (readonly [string, readonly ((cli: Cli) => Command)[]])[] = [
  ["Before:", [planCommand, explainCommand, doctorCommand, envCommand]],
  ["While it runs:", [lsCommand, watchCommand, statusCommand, metricsCommand, logsCommand, sshCommand, tunnelCommand, keeperCommand, leaseCommand, retryCommand, cancelCommand]],
  ["Before it ends:", [pullCommand, verifyCommand, relocateCommand, approveCommand, breakGlassCommand]],
  ["Evidence and money:", [auditCommand, ledgerCommand, recoverCommand, rescueCommand, adoptCommand, trustCommand]],
  ["Local cloud and shell:", [sandboxCommand, completionCommand]],
];

export function buildProgram(cli: Cli): Command {
  const program = new Command("holdfast")
    .description("Training runs that cannot lose a checkpoint by accident: what Pulumi has no verb for.")
    .version(version(), "-V, --version")
    .helpOption("-h, --help", "show help")
    .configureHelp(helpLayout)
    .showSuggestionAfterError(true)
    .helpCommand(false)
    .enablePositionalOptions();
  for (const [heading, commands] of groups) {
    for (const create of commands) program.addCommand(create(cli).helpGroup(heading));
  }
  program.addHelpText("after", () => helpFooter());
  settle(program, cli);
  return program;
}

/** Runs argv (without node and script) and returns the exit code. Never throws. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const cli = new Cli(terminal, argv);
  try {
    await buildProgram(cli).parseAsync([...argv], { from: "user" });
    return cli.exitCode;
  } catch (error) {
    return report(error, argv, terminal);
  }
}

function report(error: unknown, argv: readonly string[], terminal: Terminal): ExitCode {
  const json = wantsJson(argv);
  if (error instanceof CommanderError) {
    // Help and version end here too; their text has been printed.
    if (error.exitCode === 0) return exitCodes.ok;
    const message = error.message.replace(/^error: /, "");
    if (json) terminal.stderr.write(`${JSON.stringify({ error: { code: "usage", message, next: [] } })}\n`);
    return exitCodes.usage;
  }
  if (json) terminal.stderr.write(`${JSON.stringify(reportOf(error))}\n`);
  else terminal.stderr.write(`${renderError(error, { paint: paintFor(terminal.stderr, terminal.env), debug: Boolean(terminal.env.HOLDFAST_DEBUG) })}\n`);
  return exitCodeFor(error);
}

/** Asked before the options are parsed: a fault of usage must be JSON too. */
const wantsJson = (argv: readonly string[]): boolean => argv.slice(0, argv.includes("--") ? argv.indexOf("--") : undefined).includes("--json");

/** Output, exits and help of every command go through the terminal that was given. */
function settle(command: Command, cli: Cli): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => void cli.terminal.stdout.write(text),
    writeErr: (text) => void cli.terminal.stderr.write(text),
    outputError: (text, write) => {
      if (!wantsJson(cli.argv)) write(text.replace(/^error: /, "holdfast: ").trimEnd() + `\n  next: ${commandLine(command)} --help\n`);
    },
    getOutHelpWidth: () => Math.min(cli.terminal.stdout.columns ?? 100, 110),
    getErrHelpWidth: () => Math.min(cli.terminal.stderr.columns ?? 100, 110),
  });
  command.configureHelp(helpLayout);
  for (const child of command.commands) settle(child, cli);
}

function commandLine(command: Command): string {
  return command.parent ? `${commandLine(command.parent)} ${command.name()}` : command.name();
}

function helpFooter(): string {
  const codes = exitCodeHelp.map(([code, meaning]) => `  ${String(code).padEnd(5)}${meaning}`).join("\n");
  return `
A run is named project/stack/name, or by its name alone; where exactly one run is live it may be left out.

Examples:
  $ holdfast plan --stack dev          what teardown keeps and loses, cost, clocks, before anything is created
  $ holdfast status                    cells, checkpoint age, disk and cost of the live run
  $ holdfast pull && holdfast approve  the two things that pulumi destroy asks for

Exit codes:
${codes}

Environment: HOLDFAST_CUSTODY_DIR, HOLDFAST_SANDBOX_DIR, HOLDFAST_PROJECT_ROOT, HOLDFAST_DEBUG, NO_COLOR.`;
}

/** From the package this file was compiled into: dist/cli/main.js. */
function version(): string {
  const manifest = JSON.parse(readFileSync(join(__dirname, "..", "..", "package.json"), "utf8")) as { version: string };
  return manifest.version;
}

if (require.main === module) {
  // A reader that went away (| head) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  void run(process.argv.slice(2), processTerminal()).then((code) => {
    process.exitCode = code;
  });
}
