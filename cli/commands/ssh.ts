/** holdfast ssh: a shell on the run's machine, or one command there; its exit code is handed on. */
import { Command, Option } from "commander";
import type { RunCustody } from "../../custody";
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
    .addOption(new Option("--json", "connect nowhere; print address, key and command line for other programs"))
    .passThroughOptions()
    .addHelpText(
      "after",
      examples(
        ["holdfast ssh", "a login shell"],
        ["holdfast ssh digits -- nvidia-smi", "one command; its exit code is handed on (255: no connection)"],
        ["holdfast ssh --json", "what an editor or rsync needs: host, port, user, key, known_hosts"],
      ),
    )
    .action(
      cli.action(async (session, [run, words]: [string | undefined, string[]]) => {
        const typed = afterDashes(cli.argv);
        // Behind the run's name commander takes it for a word of the command.
        if (session.json || (typed === null && words[0] === "--json")) return describe(session, run);
        return typed === null ? connect(session, run, words) : connect(session, typed.run, typed.words);
      }),
    );
}

/** `ssh [run] -- command...`: commander does not tell where the dashes stood. null without dashes. Pure. */
export function afterDashes(argv: readonly string[]): { run: string | undefined; words: readonly string[] } | null {
  const dashes = argv.indexOf("--");
  return dashes === -1 ? null : { run: argv.slice(argv.indexOf("ssh") + 1, dashes)[0], words: argv.slice(dashes + 1) };
}

/** Names a key file, never its content. */
async function describe(session: Session, text: string | undefined): Promise<undefined> {
  const { run } = await openRun(session, text, "ssh");
  const { sshCommandLine, sshTarget } = await import("../../providers/ssh/forRun.js");
  const target = sshTarget(run);
  if (target === null) throw noMachine(run);
  const { host, port, user, keyPath, knownHostsPath, hostKeyAlias } = target;
  session.printJson({ run: runId(run.ref), host, port, user, identityFile: keyPath, knownHostsFile: knownHostsPath, hostKeyAlias, command: sshCommandLine(run) });
  return undefined;
}

const noMachine = (run: RunCustody): UserError =>
  new UserError(`No machine of ${runId(run.ref)} is known to stand.`, { code: "no-machine", next: ["holdfast ls", "holdfast audit (asks the vendor)"] });

async function connect(session: Session, text: string | undefined, words: readonly string[]): Promise<ExitCode> {
  const { run } = await openRun(session, text, "ssh");
  const { sshCommandLine } = await import("../../providers/ssh/forRun.js");
  const line = sshCommandLine(run);
  if (line === null) throw noMachine(run);
  const [program = "ssh", ...args] = line;
  const { shellWord } = await import("../../providers/ssh/outcome.js");
  const { execa } = await import("execa");
  const remote = words.length === 0 ? [] : ["--", words.length === 1 ? (words[0] ?? "") : words.map(shellWord).join(" ")];
  const result = await execa(program, [...args, ...remote], { stdio: "inherit", reject: false });
  return (result.exitCode ?? 255) as ExitCode;
}
