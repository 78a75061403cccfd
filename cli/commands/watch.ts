/** holdfast watch: runs as they go, full-screen on a terminal, line by line in a pipe. */
import { Command, InvalidArgumentError } from "commander";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument } from "../cli";
import type { ExitCode } from "../exitCodes";
import { Interrupted } from "../exitCodes";
import { knownRuns, openProject, openRun } from "../runs/project";
import type { Session } from "../terminal";

interface WatchOptions {
  readonly every: number;
  readonly plain?: boolean;
}

export function watchCommand(cli: Cli): Command {
  return new Command("watch")
    .summary("runs as they go: cells, steps, checkpoints, machine, cost, clocks")
    .description(
      "watch runs as they go: cells with step and loss, checkpoint age, disk, inodes, memory, GPU, cost so far, clocks as times of day. On a terminal a full-screen " +
        "view (? shows the keys); in a pipe a line for each change, until every queue has closed. With --json one JSON object a line",
    )
    .argument(runArgument, "project/stack/name, or the name alone; without it all live runs, also those that begin later")
    .option("--every <seconds>", "how often each machine is asked", wholeSeconds, 5)
    .option("--plain", "lines, also on a terminal")
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast watch", "all live runs, full-screen"], ["holdfast watch digits --every 30", "one run, over a slow line"], ["holdfast watch > watch.log", "a line for each change; ends when all queues have closed"], ["holdfast watch --json | jq -c .activity", "for programs"]))
    .action(cli.action((session, [run]: [string | undefined], options: WatchOptions) => watch(session, run, options)));
}

async function watch(session: Session, text: string | undefined, options: WatchOptions): Promise<ExitCode | undefined> {
  const { Observer } = await import("../watch/observer.js");
  const { custody } = await openProject(session);
  const observer = new Observer(session, custody, options.every);
  if (text === undefined) {
    watchLive(observer, custody);
    if (observer.runs().length === 0) throw new UserError("No run is live.", { code: "run-not-found", next: ["holdfast ls", "pulumi up (or npm run up)"] });
  } else {
    observer.watch((await openRun(session, text, "watch")).run.ref);
  }
  // A run that begins meanwhile belongs to "all live runs".
  const relist = text === undefined ? setInterval(() => { watchLive(observer, custody); }, Math.max(5, options.every) * 1000) : undefined;
  try {
    await show(session, observer, options);
  } catch (error) {
    // It goes on until somebody ends it, so ending it is no failure.
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    clearInterval(relist);
    await observer.stop();
  }
  return undefined;
}

async function show(session: Session, observer: InstanceType<typeof import("../watch/observer.js").Observer>, { plain }: WatchOptions): Promise<void> {
  const { stdin, stdout } = process;
  const fullScreen = session.terminal.stdout === stdout && stdout.isTTY && stdin.isTTY && session.env.TERM !== "dumb" && !session.json && plain !== true;
  if (fullScreen) return (await import("../watch/screen.js")).showScreen(session, observer, { stdin, stdout });
  return (await import("../watch/plain.js")).showLines(session, observer, session.signal);
}

function watchLive(observer: { watch: (ref: { project: string; stack: string; name: string }) => void }, custody: Parameters<typeof knownRuns>[0]): void {
  for (const { ref, state } of knownRuns(custody)) if (state === "live") observer.watch(ref);
}

function wholeSeconds(text: string): number {
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (seconds < 1) throw new InvalidArgumentError("a whole number of seconds from 1 on, for example 5");
  return seconds;
}
