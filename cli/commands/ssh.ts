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
      cli.action(async (session, [run, words]: [string | undefined, string[]]) => {
        const typed = afterDashes(cli.argv);
        return typed === null ? connect(session, run, words) : connect(session, typed.run, typed.words);
      }),
    );
}

/** `ssh [run] -- command...`: commander does not tell where the dashes stood. null without dashes. Pure. */
export function afterDashes(argv: readonly string[]): { run: string | undefined; words: readonly string[] } | null {
  const dashes = argv.indexOf("--");
  return dashes === -1 ? null : { run: argv.slice(argv.indexOf("ssh") + 1, dashes)[0], words: argv.slice(dashes + 1) };
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
