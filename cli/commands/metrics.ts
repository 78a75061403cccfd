/** holdfast metrics: the cells' curves in the terminal, or the whole run as one page to attach to a report. */
import { Command, Option } from "commander";
import { resolve as resolvePath } from "node:path";
import type { RunCustody } from "../../custody";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { exitCodes } from "../exitCodes";
import { openRun } from "../runs/project";
import type { Session } from "../terminal";

interface MetricsOptions {
  readonly metric?: readonly string[];
  readonly cell?: readonly string[];
  readonly x: "step" | "time";
  readonly log?: boolean;
  readonly copy?: boolean;
  readonly html?: string;
  readonly verify?: boolean;
}

export function metricsCommand(cli: Cli): Command {
  return new Command("metrics")
    .summary("curves of the cells, in the terminal or as a page")
    .description(
      "show the curves that the cells write to metrics.jsonl, from the machine or from the pulled copy; with --html one page that needs nothing else: curves, what survives what, evidence, " +
        "cost, cells and failures (exit code 4: no cell has written metrics, and no page was asked for; 6: --verify found the copy damaged)",
    )
    .argument(runArgument, runArgumentHelp)
    .option("-m, --metric <name...>", "only these metrics")
    .option("-c, --cell <name...>", "only these cells")
    .addOption(new Option("--x <axis>", "over training steps, or over time since each cell's first row").choices(["step", "time"]).default("step"))
    .option("--log", "logarithmic values")
    .option("--copy", "from the pulled copy, without asking the machine")
    .option("--html <file>", "write the page; `-` prints it")
    .option("--verify", "with --html: read the pulled copy once more, every byte, and say so in the page")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["holdfast metrics", "every metric of the live run"],
        ["holdfast metrics digits -m train_loss --log", "one metric, logarithmic"],
        ["holdfast metrics -c lr-0.1 lr-0.2 --x time", "two cells, over time"],
        ["holdfast metrics --html report.html --verify", "the page to attach to a report"],
        ["holdfast metrics --json", "the rows, for other programs"],
      ),
    )
    .action(cli.action((session, [run]: [string | undefined], options: MetricsOptions) => show(session, run, options)));
}

async function show(session: Session, text: string | undefined, options: MetricsOptions): Promise<ExitCode | undefined> {
  const { run } = await openRun(session, text, "metrics");
  const view = run.view();
  const unknown = options.cell?.find((cell) => !view.roster.has(cell));
  if (unknown !== undefined) throw new UserError(`${runId(run.ref)} has no cell "${unknown}". Its cells: ${[...view.roster].join(", ") || "none"}.`, { code: "cell-not-found" });
  if (options.verify === true && options.html === undefined) throw new UserError("--verify is about the page: add --html FILE, or type: holdfast verify.", { code: "usage" });
  if (options.html !== undefined) return writePage(session, run, options, options.html);
  const { readMetrics } = await import("../metrics/source.js");
  const metrics = await readMetrics(session, run, view, { copyOnly: options.copy === true });
  const cells = metrics.cells.filter(({ cell }) => options.cell?.includes(cell) ?? true);
  if (session.json) session.printJson({ run: runId(run.ref), from: metrics.from, cells });
  else await print(session, { ...metrics, cells }, options, runId(run.ref));
  return cells.some(({ rows }) => rows.length > 0) ? undefined : exitCodes.notFound;
}

async function print(session: Session, metrics: import("../metrics/source.js").RunMetrics, options: MetricsOptions, id: string): Promise<void> {
  const { renderMetrics } = await import("../metrics/render.js");
  const { colorsWanted } = await import("../render/paint.js");
  const { instead, kind, place } = metrics.from;
  if (instead !== null) session.note(session.notePaint("warn", `${instead}. From the pulled copy instead:`));
  session.note(session.notePaint("faint", `${id}, from ${kind === "copy" ? "the copy " : ""}${place}`));
  const coloured = colorsWanted(session.terminal.stdout, session.env);
  session.print(renderMetrics(metrics.cells, { metrics: options.metric ?? null, axis: options.x, log: options.log === true, width: session.width ?? 80, coloured, dots: coloured && speaksUtf8(session.env), paint: session.paint }));
}

/** As setlocale(3) chooses; macOS and most containers set at least one of them. */
function speaksUtf8(env: NodeJS.ProcessEnv): boolean {
  return /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || "");
}

async function writePage(session: Session, run: RunCustody, options: MetricsOptions, file: string): Promise<ExitCode | undefined> {
  const { collectDossier } = await import("../metrics/page/collect.js");
  const { renderPage } = await import("../metrics/page/page.js");
  const dossier = await collectDossier(session, run, { copyOnly: options.copy === true, cells: options.cell ?? null, axis: options.x, log: options.log === true, metrics: options.metric ?? null, verify: options.verify === true });
  const page = renderPage(dossier);
  const code = (dossier.evidence.copy?.faults.length ?? 0) > 0 ? exitCodes.verification : undefined;
  if (file === "-") {
    session.terminal.stdout.write(page);
    return code;
  }
  const { writeFileDurably } = await import("../../custody/disk/files.js");
  const path = resolvePath(session.terminal.cwd, file);
  writeFileDurably(path, page);
  if (session.json) session.printJson({ run: runId(run.ref), file: path, bytes: Buffer.byteLength(page), problems: dossier.problems });
  else session.print([`${path}: ${runId(run.ref)} as one page, ${(Buffer.byteLength(page) / 1000).toFixed(0)} kB, nothing outside it is needed.`, ...dossier.problems.map((problem) => session.paint("warn", problem))].join("\n"));
  return code;
}
