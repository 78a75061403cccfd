/** holdfast keeper: watches runs from outside their instances, tells people, and ends finished ones within a standing approval. */
import { Command } from "commander";
import { resolve } from "node:path";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { exitCodes, Interrupted } from "../exitCodes";
import type { PassReport } from "../keeper/pass";
import { renderNews, renderState } from "../render/keeper";
import { parseDuration } from "../runs/duration";
import { UserError } from "../../custody/userError";
import type { Session } from "../terminal";

interface KeeperOptions {
  readonly once?: boolean;
  readonly every?: number;
  readonly to?: string;
  readonly printSystemd?: boolean;
  readonly printWorkflow?: boolean;
}

export function keeperCommand(cli: Cli): Command {
  return new Command("keeper")
    .summary("watch runs from outside: pull, warn, end them as agreed")
    .description("watch runs from outside their instances: pull what is closed, warn before each clock, and end a finished run within a standing approval")
    .argument("[runs...]", "project/stack/name, or names alone; without any, every run that is live")
    .option("--once", "one pass, for cron or a scheduled workflow; the exit code says whether a person is needed")
    .option("--every <duration>", "time between passes (default: 60s)", parseDuration)
    .option("--to <dir>", "folder for the copies of artifacts, one folder in it per run (default: pulled/ in the custody folder)")
    .option("--print-systemd", "print a systemd user unit that keeps this project's runs, and end")
    .option("--print-workflow", "print a GitHub workflow that keeps this project's runs on a schedule, and end")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      [
        examples(
          ["holdfast keeper", "until Ctrl-C: every live run of this project"],
          ["holdfast keeper digits --every 5m", "one run, until it has ended"],
          ["holdfast keeper --once --json", "one pass; exit code 0 all is well, 3 a person is needed, 5 a machine is silent, 6 not proven"],
          ["holdfast keeper --print-systemd > ~/.config/systemd/user/holdfast-keeper.service", "so that it outlives this terminal"],
          ["holdfast keeper --print-workflow > .github/workflows/holdfast-keeper.yml", "every half hour, on GitHub"],
        ),
        "\nWithout a standing approval (holdfast approve --standing) it destroys nothing and says every hour what the wait has cost.\nWith --json each pass is one line; with --once it is one JSON value.",
      ].join("\n"),
    )
    .action(cli.action((session, [runs]: [string[] | undefined], options: KeeperOptions) => run(session, runs ?? [], options)));
}

async function run(session: Session, runs: readonly string[], options: KeeperOptions): Promise<ExitCode | undefined> {
  if (options.printWorkflow === true) return printWorkflow(session, runs);
  if (options.printSystemd === true) return printSystemd(session, runs, options);
  if (options.once === true && options.every !== undefined) throw new UserError("--once is one pass; --every is the time between passes.", { code: "usage", next: ["holdfast keeper --once", "holdfast keeper --every 5m"] });
  const { keep } = await import("../keeper/loop.js");
  const everySeconds = options.once === true ? null : (options.every ?? 60);
  const shown = new Map<string, string>();
  if (everySeconds !== null) session.note(`Looking every ${everySeconds} s, ${runs.length === 0 ? "at every live run" : `at ${runs.join(", ")}`}; Ctrl-C ends it, the runs go on.`);
  const reports = await keep({
    session, runs, to: options.to === undefined ? null : resolve(session.terminal.cwd, options.to), everySeconds, signal: stopSignal(session),
    onPass: (pass) => {
      if (session.json) session.terminal.stdout.write(`${everySeconds === null ? JSON.stringify({ runs: pass }, null, 2) : JSON.stringify({ runs: pass })}\n`);
      else for (const line of news(session, pass, shown, everySeconds === null)) session.print(line);
    },
  });
  return everySeconds === null ? worst(reports) : undefined;
}

/** A state line only when it says something new; what happened, always. */
function news(session: Session, reports: readonly PassReport[], shown: Map<string, string>, all: boolean): string[] {
  const options = { paint: session.paint, now: session.clock.now() };
  if (all && reports.length === 0) return ["No run is live."];
  return reports.flatMap((report) => {
    const essence = [report.activity, report.state, report.cells.complete, report.did].join(" ");
    const changed = shown.get(report.run) !== essence;
    shown.set(report.run, essence);
    const told = renderNews(report, options);
    return all || changed || told.length > 0 ? [renderState(report, options), ...told] : [];
  });
}

/** What one pass says to whoever started it, the gravest first. */
function worst(reports: readonly PassReport[]): ExitCode {
  const has = (...states: readonly PassReport["state"][]): boolean => reports.some(({ state }) => states.includes(state));
  if (has("unproven")) return exitCodes.verification;
  if (has("waits")) return exitCodes.refused;
  if (has("silent")) return exitCodes.unreachable;
  return has("failed") ? exitCodes.unexpected : exitCodes.ok;
}

/** Ctrl-C, or the service manager: what has begun is brought to its end first. */
function stopSignal(session: Session): AbortSignal {
  const stopped = new AbortController();
  process.once("SIGTERM", () => { stopped.abort(new Interrupted()); });
  return AbortSignal.any([session.signal, stopped.signal]);
}

async function printSystemd(session: Session, runs: readonly string[], options: KeeperOptions): Promise<undefined> {
  const { systemdUnit } = await import("../keeper/systemd.js");
  const { projectRootFrom } = await import("../../custody/index.js");
  const root = projectRootFrom(session.terminal.cwd, session.env);
  session.terminal.stdout.write(systemdUnit({ root, runs, everySeconds: options.every ?? 60, env: session.env }));
  return undefined;
}

async function printWorkflow(session: Session, runs: readonly string[]): Promise<undefined> {
  const { keeperWorkflow } = await import("../keeper/workflow.js");
  const { projectRootFrom } = await import("../../custody/index.js");
  session.terminal.stdout.write(keeperWorkflow({ root: projectRootFrom(session.terminal.cwd, session.env), runs }));
  return undefined;
}
