/** holdfast logs: the queue's log, or one cell's, from the durable tier. */
import { Command, InvalidArgumentError } from "commander";
import { runId } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { openRun } from "../runs/project";
import type { Session } from "../terminal";

interface LogsOptions {
  readonly follow?: boolean;
  readonly lines: number;
}

export function logsCommand(cli: Cli): Command {
  return new Command("logs")
    .summary("the queue's log, or the log of one cell")
    .description("show the queue's log, or the log of one cell")
    .argument(runArgument, runArgumentHelp)
    .argument("[cell]", "name of a cell; without it the queue's own log")
    .option("-f, --follow", "go on printing what is added; Ctrl-C ends it")
    .option("-n, --lines <n>", "how many lines of the end to show", wholeNumber, 100)
    .addHelpText("after", examples(["holdfast logs", "what the queue did"], ["holdfast logs digits lr-0.1 -f", "follow one cell of the run digits"]))
    .action(cli.action(async (session, [run, cell]: [string | undefined, string | undefined], options: LogsOptions) => show(session, run, cell, options)));
}

async function show(session: Session, text: string | undefined, cell: string | undefined, options: LogsOptions): Promise<ExitCode | undefined> {
  const { run } = await openRun(session, text, "logs");
  const view = run.view();
  if (cell !== undefined && !view.roster.has(cell)) {
    throw new UserError(`${runId(run.ref)} has no cell "${cell}". Its cells: ${[...view.roster].join(", ") || "none"}.`, { code: "cell-not-found" });
  }
  const { jobPlace } = await import("../../providers/job/layout.js");
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const place = jobPlace(view);
  const remote = remoteForRun(run, { clock: session.clock });
  if (place === null || remote === null) {
    const pulled = (await import("../runs/pulledLogs.js")).pulledLog(run, cell);
    if (pulled === null) throw new UserError(`No machine of ${runId(run.ref)} stands, and no pulled copy holds this log.`, { code: "no-machine", next: ["holdfast ls"] });
    session.note(session.notePaint("faint", `No machine stands; from the pulled copy ${pulled.path}:`));
    session.terminal.stdout.write(pulled.tail(options.lines));
    return undefined;
  }
  await follow(session, remote, `${place.directory}/logs/${cell ?? "queue"}.log`, options);
  return undefined;
}

/** Timers of Node end at 2^31 milliseconds, a little under 25 days. */
const followSeconds = 24 * 24 * 3600;

/** -F opens the file again when it is replaced, and waits for one that does not exist yet. */
async function follow(session: Session, remote: Remote, path: string, options: LogsOptions): Promise<void> {
  const argv = ["tail", "-n", String(options.lines), ...(options.follow ? ["-F"] : []), "--", path];
  try {
    const result = await remote.exec(argv, {
      timeoutSeconds: options.follow ? followSeconds : 60,
      onLine: (line) => {
        session.print(line);
      },
      ...(options.follow ? { signal: session.signal } : {}),
    });
    if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended");
    if (result.exitCode !== 0) throw new UserError(`${path} cannot be read: ${result.stderr.trim() || `tail ended with ${result.exitCode}`}`, { code: "not-found", next: ["holdfast status"] });
  } finally {
    await remote.close();
  }
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("a whole number of lines, for example 100");
  return Number(text);
}
