/** What all commands share: how an action is run, the options that mean the same everywhere, and its exit code. */
import type { Argument, Command, Help } from "commander";
import { Option } from "commander";
import type { ExitCode } from "./exitCodes";
import { exitCodes } from "./exitCodes";
import type { Terminal } from "./terminal";
import { Session } from "./terminal";

export type Handler<A extends readonly unknown[], O> = (session: Session, args: A, options: O, command: Command) => Promise<ExitCode | undefined>;

export class Cli {
  exitCode: ExitCode = exitCodes.ok;

  constructor(
    readonly terminal: Terminal,
    /** The words as typed: commander drops where `--` stood. */
    readonly argv: readonly string[] = [],
  ) {}

  /** Adapts a handler to commander: positional arguments as a tuple, options as an object, the result as exit code. */
  action<A extends readonly unknown[], O>(handler: Handler<A, O>): (...raw: unknown[]) => Promise<void> {
    return async (...raw) => {
      const command = raw.at(-1) as Command;
      const options = command.optsWithGlobals<O & { json?: boolean }>();
      const session = new Session(this.terminal, options.json === true);
      try {
        this.exitCode = (await handler(session, raw.slice(0, -2) as unknown as A, options, command)) ?? exitCodes.ok;
      } finally {
        await session.end();
      }
    };
  }
}

export const jsonOption = (): Option => new Option("--json", "print one JSON value for programs");

export const runArgument = "[run]";
export const runArgumentHelp = "project/stack/name, or the name alone; may be left out when only one is live, or only one known";

/** Examples at the end of a command's help. */
export function examples(...lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  return `\nExamples:\n${lines.map(([command, what]) => `  $ ${command.padEnd(width)}  ${what}`).join("\n")}`;
}

export const helpLayout: Partial<Help> = {
  sortSubcommands: false,
  sortOptions: false,
  showGlobalOptions: false,
  // Every command has options; saying so on each line only costs width.
  subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map((argument) => humanReadable(argument))].join(" "),
};

function humanReadable(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}
