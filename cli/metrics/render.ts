/** Curves of a run for a terminal: a plot and a few figures for each metric. Pure. */
import { UserError } from "../../custody/userError";
import type { Paint } from "../render/paint";
import { printable } from "../render/paint";
import { renderTable } from "../render/table";
import { formatDuration, plural } from "../render/units";
import { styleText } from "node:util";
import type { Axis, Figure } from "./curve";
import { figureOf, summaryOf, thinned } from "./curve";
import type { CellMetrics } from "./series";
import { counters, formatMetric, metricNames } from "./series";
import { plotLines } from "./terminalPlot";

export interface MetricsRendering {
  /** null: all that are no mere counters. */
  readonly metrics: readonly string[] | null;
  readonly axis: Axis;
  readonly log: boolean;
  readonly width: number;
  readonly coloured: boolean;
  readonly dots: boolean;
  readonly paint: Paint;
}

/** More curves than this in one plot tell nothing apart. */
const curvesShown = 8;
const plotHeight = 12;

/** Throws UserError when a metric was asked for that no cell has. */
export function renderMetrics(cells: readonly CellMetrics[], options: MetricsRendering): string {
  const { paint } = options;
  const wanted = chosenMetrics(cells, options.metrics);
  if (wanted.length === 0) return "No cell has written metrics. A line of JSON with `step` and numbers in $HOLDFAST_OUTPUT_DIR/metrics.jsonl for each measurement is enough: docs/seeing.md.";
  const figures = wanted.map((metric) => figureOf(cells, metric, options.axis));
  const unreadable = cells.filter((cell) => cell.unreadable > 0).map(({ cell, unreadable: lines }) => paint("warn", `${cell}: ${plural(lines, "line")} of metrics.jsonl cannot be read.`));
  const thin = cells.filter(({ every }) => every > 1).map(({ cell, every }) => paint("faint", `${cell}: every ${every}th row is shown.`));
  return [...figures.map((figure) => renderFigure(figure, options)), ...(unreadable.length + thin.length === 0 ? [] : [[...unreadable, ...thin].join("\n")])].join("\n\n");
}

/** Shared with the page. Throws UserError when a metric was asked for that no cell has. */
export function chosenMetrics(cells: readonly CellMetrics[], asked: readonly string[] | null): string[] {
  const names = metricNames(cells);
  const unknown = asked?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UserError(`No cell has a metric "${printable(unknown)}". There are: ${names.map(printable).join(", ") || "none"}.`, { code: "not-found" });
  return asked === null ? names.filter((name) => !counters.has(name)) : [...asked];
}

function renderFigure(figure: Figure, options: MetricsRendering): string {
  const { paint, width } = options;
  const title = paint("strong", printable(figure.metric));
  const axis = paint("faint", `over ${figure.axis === "step" ? "steps" : "time since the cell began"}${options.log ? ", logarithmic" : ""}`);
  if (figure.curves.length === 0) return `${title}  ${paint("faint", "no row has a time")}`;
  const shown = { ...figure, curves: figure.curves.slice(0, curvesShown).map(({ cell, points }) => ({ cell, points: thinned(points, width * 8) })) };
  const look = { width: Math.min(width, 160), height: plotHeight, log: options.log, dots: options.dots, colour: options.coloured ? colourOf : (_curve: number, text: string) => text, faint: (text: string) => paint("faint", text) };
  const hidden = figure.curves.length - shown.curves.length;
  return [
    `${title}  ${axis}`,
    ...plotLines(shown, look),
    ...(hidden > 0 ? [paint("faint", `and ${plural(hidden, "cell")} more, in the table below; --cell draws those you name`)] : []),
    "",
    renderSummary(figure, options),
  ].join("\n");
}

function renderSummary(figure: Figure, { paint, width }: MetricsRendering): string {
  const at = (x: number): string => (figure.axis === "step" ? `at ${x}` : `after ${formatDuration(x)}`);
  const rows = figure.curves.map(summaryOf).map(({ cell, rows: count, last, lowest, highest, notFinite }) => [
    cell,
    last === null ? paint("bad", "not finite") : formatMetric(last),
    lowest === null ? "-" : `${formatMetric(lowest.y)} ${at(lowest.x)}`,
    highest === null ? "-" : `${formatMetric(highest.y)} ${at(highest.x)}`,
    `${count}${notFinite > 0 ? paint("bad", `, ${notFinite} not finite`) : ""}`,
  ]);
  return renderTable(["cell", "last", "lowest", "highest", "rows"], rows, { paint, width, indent: 2, right: [1] });
}

const colours = ["cyan", "yellow", "magenta", "green", "blue", "red", "white", "gray"] as const;
const colourOf = (curve: number, text: string): string => styleText(colours[curve % colours.length] ?? "white", text, { validateStream: false });
