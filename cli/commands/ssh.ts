/** holdfast ssh: a shell on the run's machine, or one command there; its exit code is handed on. */
import { Command } from "commander";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { openRun } from "../runs/project";
import type { Session } from "../terminal";

export function sshCommand(cli: Cli): Command {
  return new Command("ssh")
    .summary("a shell on the run's machine, or one command there")
    .description("open a shell on the run's machine, or run one command there")
    .argument(runArgument, runArgumentHelp)
    .argument("[command...]", "after --: the command and its arguments")
    .passThroughOptions()
    .addHelpText("after", examples(["holdfast ssh", "a login shell"], ["holdfast ssh digits -- nvidia-smi", "one command; its exit code is handed on (255: no connection)"]))
    .action(
      cli.action(async (session, [run, words]: [string | undefined, string[]], _options, command) => {
        // `holdfast ssh -- nvidia-smi`: commander counts the first word after the dashes as the run.
        const dashes = cli.argv.indexOf("--");
        const before = command.args.length - (dashes === -1 ? 0 : cli.argv.length - dashes - 1);
        return before === 0 ? connect(session, undefined, command.args) : connect(session, run, words);
      }),
    );
}

async function connect(session: Session, text: string | undefined, words: readonly string[]): Promise<ExitCode> {
  const { run } = await openRun(session, text, "ssh");
  const { sshCommandLine } = await import("../../providers/ssh/forRun.js");
  const line = sshCommandLine(run);
  if (line === null) throw new UserError(`No machine of ${runId(run.ref)} is known to stand.`, { code: "no-machine", next: ["holdfast ls", "holdfast audit (asks the vendor)"] });
  const [program = "ssh", ...args] = line;
  const { shellWord } = await import("../../providers/ssh/outcome.js");
  const { execa } = await import("execa");
  const remote = words.length === 0 ? [] : ["--", words.length === 1 ? (words[0] ?? "") : words.map(shellWord).join(" ")];
  const result = await execa(program, [...args, ...remote], { stdio: "inherit", reject: false });
  return (result.exitCode ?? 255) as ExitCode;
}
