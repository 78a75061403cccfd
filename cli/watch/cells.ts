/** The cells of a run as lines on the screen, around the chosen one. Pure. */
import { formatMetric, mainMetric, type MetricsRow } from "../metrics/series";
import { formatRough, formatDuration } from "../render/units";
import { stepOf } from "../runs/checkpointStep";
import type { RemoteCell } from "../runs/remoteStatus";
import { renderFailure, stateTones, stateWords } from "../render/cellState";
import type { Paint } from "../render/paint";
import type { Screen } from "./look";
import { gridLines, type Column } from "./grid";
import type { WatchedRun } from "./observer";

/** In the order of the roster; cells that only the machine knows come last. */
export function cellNames({ report }: WatchedRun): string[] {
  return report === null ? [] : [...new Set([...report.roster, ...(report.remote?.cells.map(({ cell }) => cell) ?? [])])];
}

/** Seconds; it went on growing older since the machine was asked. */
export function checkpointAge({ ageSeconds }: { readonly ageSeconds: number }, { seenAt }: WatchedRun, now: Date): number {
  return ageSeconds + (seenAt === null ? 0 : Math.max(0, (now.getTime() - Date.parse(seenAt)) / 1000));
}

/** A head and at most `room - 1` cells. */
export function cellLines(run: WatchedRun, chosen: number, room: number, screen: Screen): string[] {
  const names = cellNames(run);
  if (names.length === 0 || room < 2) return [];
  const known = new Map(run.report?.remote?.cells.map((cell) => [cell.cell, cell]));
  const most = room - 1;
  const at = Math.min(chosen, names.length - 1);
  const first = Math.max(0, Math.min(at - Math.floor(most / 2), names.length - most));
  const shown = names.slice(first, first + most);
  // Columns of all cells, so that scrolling moves none.
  const metric = mainMetric([...new Set([...run.rows.values()].flatMap(({ values }) => Object.keys(values)))]);
  const rows = names.map((name, index) => cellRow(name, known.get(name), { run, metric, marked: index === at, screen }));
  const { head, rows: lines } = gridLines(columnsFor(metric), rows, screen.columns);
  const hidden = names.length > shown.length ? `  (${first + 1}-${first + shown.length} of ${names.length})` : "";
  return [screen.paint("faint", `${head}${hidden}`), ...lines.slice(first, first + shown.length)];
}

/** What the chosen cell failed of, how that is known, and what to do; empty for one that did not. */
export function failureLines(run: WatchedRun, chosen: number, { paint, columns }: Screen): string[] {
  const names = cellNames(run);
  const cell = run.report?.remote?.cells.find(({ cell: name }) => name === names[Math.min(chosen, names.length - 1)]);
  return cell?.state === "failed" ? renderFailure(cell, { paint, width: columns }).split("\n") : [];
}

const columnsFor = (metric: string | null): readonly Column[] => [
  { title: "  cell", leaves: 0, shrinksTo: 16 },
  { title: "state", leaves: 0 },
  { title: "step", right: true, leaves: 1 },
  ...(metric === null ? [] : [{ title: metric.replaceAll("_", " "), right: true, leaves: 3 }]),
  { title: "checkpoint", leaves: 0 },
  { title: "ran", leaves: 2 },
  { title: "newest file", leaves: 4 },
];

interface RowContext {
  readonly run: WatchedRun;
  readonly metric: string | null;
  readonly marked: boolean;
  readonly screen: Screen;
}

function cellRow(name: string, cell: RemoteCell | undefined, { run, metric, marked, screen }: RowContext): string[] {
  const { paint, now } = screen;
  const row = run.rows.get(name);
  const title = marked ? `> ${paint("strong", name)}` : `  ${name}`;
  const checkpoint = cell?.newestCheckpoint;
  const step = stepText(row, checkpoint?.path);
  const value = row === undefined || metric === null || !(metric in row.values) ? null : (row.values[metric] ?? Number.NaN);
  return [
    title,
    stateText(cell, paint),
    step,
    ...(metric === null ? [] : [value === null ? "-" : Number.isNaN(value) ? paint("bad", "not finite") : formatMetric(value)]),
    checkpoint ? ageText(checkpointAge(checkpoint, run, now), cell, run, paint) : "-",
    cell?.startedAt ? formatDuration((Date.parse(cell.endedAt ?? now.toISOString()) - Date.parse(cell.startedAt)) / 1000) : "-",
    checkpoint?.path.split("/").at(-1) ?? "-",
  ];
}

/** The trainer's own word, else the number in the checkpoint's name. */
function stepText(row: MetricsRow | undefined, path: string | undefined): string {
  const saved = path === undefined ? null : stepOf(path);
  const step = row === undefined ? saved : Math.max(row.step, saved ?? 0);
  return step === null ? "-" : String(step);
}

/** With the class of a failure, and which attempt it is from the second on. */
export function stateText(cell: RemoteCell | undefined, paint: Paint): string {
  if (cell === undefined) return paint("faint", "pending");
  const attempt = cell.state === "running" && (cell.attempt ?? 1) > 1 ? ` (attempt ${cell.attempt})` : "";
  return paint(stateTones[cell.state] ?? "warn", `${stateWords(cell)}${attempt}`);
}

/** A running cell that has not saved for three times its cadence is late. */
function ageText(age: number, cell: RemoteCell, { report }: WatchedRun, paint: Paint): string {
  const every = report?.checkpointEverySeconds ?? null;
  const late = cell.state === "running" && every !== null && age > Math.max(3 * every, 30);
  return late ? paint("bad", `${formatRough(age)}, late`) : formatRough(age);
}
