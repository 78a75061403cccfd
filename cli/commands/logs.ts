/** holdfast logs: the queue's log, or one cell's, from the durable tier; of a run whose machine is gone from the pulled copy. */
import { Command, InvalidArgumentError } from "commander";
import type { RunCustody } from "../../custody";
import { runId } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { onlyRunWith } from "../runs/cellRun";
import { knownRuns, openProject } from "../runs/project";
import { selectRun } from "../runs/select";
import type { Session } from "../terminal";

interface LogsOptions {
  readonly follow?: boolean;
  readonly lines: number;
}

export function logsCommand(cli: Cli): Command {
  return new Command("logs")
    .summary("the queue's log, or the log of one cell")
    .description("show the queue's log, or the log of one cell. Where one run is meant anyway, `logs CELL` is enough")
    .argument(runArgument, runArgumentHelp)
    .argument("[cell]", "name of a cell; without it the queue's own log")
    .option("-f, --follow", "go on printing what is added, over lost connections, until the cell or the queue has ended; Ctrl-C ends it")
    .option("-n, --lines <n>", "how many lines of the end to show", wholeNumber, 100)
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(["holdfast logs", "what the queue did"], ["holdfast logs lr-0.1 -f", "follow one cell"], ["holdfast logs digits lr-0.1 -n 20", "of one of several runs"], ["holdfast logs -f --json", "one JSON object a line, as it comes"]),
    )
    .action(cli.action(async (session, [run, cell]: [string | undefined, string | undefined], options: LogsOptions) => show(session, run, cell, options)));
}

async function show(session: Session, text: string | undefined, named: string | undefined, options: LogsOptions): Promise<ExitCode | undefined> {
  const { run, cell } = await chooseLog(session, text, named);
  const view = run.view();
  if (cell !== undefined && !view.roster.has(cellOf(cell))) {
    throw new UserError(`${runId(run.ref)} has no cell "${cell}". Its cells: ${[...view.roster].join(", ") || "none"}.`, { code: "cell-not-found" });
  }
  const { jobPlace } = await import("../../providers/job/layout.js");
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const place = jobPlace(view);
  const remote = remoteForRun(run, { clock: session.clock });
  if (place === null || remote === null) {
    await showPulled(session, run, cell, options);
  } else if (options.follow === true) {
    await follow(session, run, cell, options);
  } else {
    await showEnd(session, { run, cell, remote, path: `${place.directory}/logs/${cell ?? "queue"}.log`, lines: options.lines });
  }
  return undefined;
}

/** One word may be a run or, where one run is meant anyway, a cell of it. */
async function chooseLog(session: Session, text: string | undefined, cell: string | undefined): Promise<{ run: RunCustody; cell: string | undefined }> {
  const { custody } = await openProject(session);
  const known = knownRuns(custody);
  try {
    return { run: custody.run(selectRun(text, known, "logs")), cell };
  } catch (error) {
    if (text === undefined || cell !== undefined || !(error instanceof UserError) || error.code !== "run-not-found") throw error;
    const only = onlyRunWith(cellOf(text), custody);
    if (only === null) throw error;
    return { run: only, cell: text };
  }
}

/** What a fresh start set aside is a cell's too, with its log. */
const cellOf = (name: string): string => name.replace(/\.kept-\d+$/, "");

async function showPulled(session: Session, run: RunCustody, cell: string | undefined, { lines }: LogsOptions): Promise<void> {
  const pulled = (await import("../runs/pulledLogs.js")).pulledLog(run, cell);
  if (pulled === null) throw new UserError(`No machine of ${runId(run.ref)} stands, and no pulled copy holds this log.`, { code: "no-machine", next: ["holdfast ls"] });
  const text = pulled.tail(lines);
  session.note(session.notePaint("faint", `No machine stands; from the pulled copy ${pulled.path}:`));
  if (session.json) session.printJson({ run: runId(run.ref), cell: cell ?? null, from: pulled.path, lines: text === "" ? [] : text.replace(/\n$/, "").split("\n") });
  else session.terminal.stdout.write(text);
}

async function showEnd(session: Session, { run, cell, remote, path, lines }: { run: RunCustody; cell: string | undefined; remote: Remote; path: string; lines: number }): Promise<void> {
  try {
    const result = await remote.exec(["tail", "-n", String(lines), "--", path]);
    if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended");
    if (result.exitCode !== 0) throw new UserError(`${path} cannot be read: ${result.stderr.trim() || `tail ended with ${result.exitCode}`}`, { code: "not-found", next: ["holdfast status"] });
    if (session.json) session.printJson({ run: runId(run.ref), cell: cell ?? null, from: path, lines: result.stdout === "" ? [] : result.stdout.replace(/\n$/, "").split("\n") });
    else session.terminal.stdout.write(result.stdout);
  } finally {
    await remote.close();
  }
}

async function follow(session: Session, run: RunCustody, cell: string | undefined, { lines }: LogsOptions): Promise<void> {
  const { followLog } = await import("../runs/followLog.js");
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const note = (text: string): void => {
    session.note(session.notePaint("faint", `-- ${text}`));
  };
  try {
    const end = await followLog(run, {
      cell,
      lines,
      signal: session.signal,
      clock: session.clock,
      connect: () => remoteForRun(run, { clock: session.clock, attempts: 1 }),
      onLine: (line) => {
        if (session.json) session.terminal.stdout.write(`${JSON.stringify({ line })}\n`);
        else session.print(line);
      },
      onNote: note,
    });
    note(end === "gone" ? "the run's machine is gone" : cell === undefined ? "the queue has closed" : "the cell has ended");
  } finally {
    await remoteForRun(run)?.close();
  }
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("a whole number of lines, for example 100");
  return Number(text);
}
