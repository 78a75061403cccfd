/**
 * The curves a trainer writes: `metrics.jsonl` in a cell's output folder, one JSON object a line with `step`, optionally `time`
 * (seconds since 1970, or ISO 8601), and any numbers under names of its own. docs/seeing.md describes it. Pure.
 */

export interface MetricsRow {
  readonly step: number;
  /** Seconds since 1970; null when the trainer does not say. */
  readonly time: number | null;
  /** null: not a finite number (NaN, Infinity), which is worth seeing. */
  readonly values: Readonly<Record<string, number | null>>;
}

export interface CellMetrics {
  readonly cell: string;
  /** By step; of several rows for one step, which a resume may leave, the last. */
  readonly rows: readonly MetricsRow[];
  /** Lines that are no such row. */
  readonly unreadable: number;
  /** Only every n-th line was read, because the file is long. */
  readonly every: number;
}

export function parseMetrics(cell: string, text: string, every = 1): CellMetrics {
  const rows = new Map<number, MetricsRow>();
  let unreadable = 0;
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const row = parseRow(line);
    if (row !== null) rows.set(row.step, row);
    // The last line may be half written.
    else if (index < lines.length - 1) unreadable += 1;
  }
  return { cell, rows: [...rows.values()].sort((a, b) => a.step - b.step), unreadable, every };
}

/** null when the line is no row. */
export function parseRow(line: string): MetricsRow | null {
  const value = parseLoosely(line);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const { step, time, ...others } = value as Record<string, unknown>;
  if (typeof step !== "number" || !Number.isFinite(step)) return null;
  const values = Object.entries(others).filter((entry): entry is [string, number | null] => typeof entry[1] === "number" || entry[1] === null);
  return { step, time: secondsOf(time), values: Object.fromEntries(values.map(([name, number]) => [name, Number.isFinite(number) ? number : null])) };
}

/** Python writes NaN and Infinity, which JSON does not know. */
function parseLoosely(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    try {
      return JSON.parse(line.replace(/("(?:[^"\\]|\\.)*")|-?\b(?:NaN|Infinity)\b/g, (_all, quoted: string | undefined) => quoted ?? "null"));
    } catch {
      return null;
    }
  }
}

function secondsOf(time: unknown): number | null {
  if (typeof time === "number" && Number.isFinite(time)) return time;
  const parsed = typeof time === "string" ? Date.parse(time) / 1000 : NaN;
  return Number.isFinite(parsed) ? parsed : null;
}

/** Names in the order of their first appearance; counters that only repeat the axis come last. */
export function metricNames(cells: readonly CellMetrics[]): string[] {
  const names = [...new Set(cells.flatMap(({ rows }) => rows.flatMap(({ values }) => Object.keys(values))))];
  return [...names.filter((name) => !counters.has(name)), ...names.filter((name) => counters.has(name))];
}

/** Of little use as a curve over steps. */
export const counters: ReadonlySet<string> = new Set(["epoch", "iteration", "batch", "global_step"]);

/** The one to show where there is room for one: a loss, else an error or a score, else the first. */
export function mainMetric(names: readonly string[]): string | null {
  const shown = names.filter((name) => !counters.has(name));
  return shown.find((name) => /loss/i.test(name)) ?? shown.find((name) => /err|accuracy|perplexity|score|reward/i.test(name)) ?? shown[0] ?? null;
}

/** Four significant digits; 0.0031, 12.35, 1.2e-7. */
export function formatMetric(value: number | null): string {
  if (value === null) return "not finite";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-4 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}
