/** Curves of one metric, one per cell, ready to be drawn: points in order, with gaps where a value is not finite. Pure. */
import type { CellMetrics } from "./series";

export type Axis = "step" | "time";

export interface Point {
  readonly x: number;
  /** null: not finite, or not drawable on this scale; the curve has a gap here. */
  readonly y: number | null;
}

export interface Curve {
  readonly cell: string;
  readonly points: readonly Point[];
}

export interface Figure {
  readonly metric: string;
  readonly axis: Axis;
  readonly curves: readonly Curve[];
  /** Values that are not finite, in all curves. */
  readonly notFinite: number;
}

/** Cells that have this metric. With `time` the curves begin at 0, each at its own first row; rows without a time are left out. */
export function figureOf(cells: readonly CellMetrics[], metric: string, axis: Axis): Figure {
  let notFinite = 0;
  const curves = cells.flatMap(({ cell, rows }): Curve[] => {
    const having = rows.filter(({ values, time }) => metric in values && (axis === "step" || time !== null));
    const begin = having[0]?.time ?? 0;
    const points = having.map(({ step, time, values }) => ({ x: axis === "step" ? step : (time ?? begin) - begin, y: values[metric] ?? null }));
    notFinite += points.filter(({ y }) => y === null).length;
    return points.length === 0 ? [] : [{ cell, points }];
  });
  return { metric, axis, curves, notFinite };
}

/** At most about `count` points that draw the same line: of each stretch its first, lowest, highest and last, and every gap. */
export function thinned(points: readonly Point[], count: number): readonly Point[] {
  if (points.length <= count) return points;
  const stretch = Math.ceil(points.length / Math.max(1, count / 4));
  const kept: Point[] = [];
  for (let at = 0; at < points.length; at += stretch) kept.push(...extremes(points.slice(at, at + stretch)));
  return kept;
}

function extremes(points: readonly Point[]): Point[] {
  const finite = points.filter(({ y }) => y !== null);
  const by = (better: (a: number, b: number) => boolean): Point | undefined =>
    finite.reduce<Point | undefined>((best, point) => (best === undefined || better(point.y ?? 0, best.y ?? 0) ? point : best), undefined);
  const wanted = new Set([points[0], by((a, b) => a < b), by((a, b) => a > b), points.at(-1), ...points.filter(({ y }) => y === null)]);
  return points.filter((point) => wanted.has(point));
}

/** Figures of a curve that are told beside it. */
export interface CurveSummary {
  readonly cell: string;
  readonly rows: number;
  readonly first: number | null;
  readonly last: number | null;
  readonly lowest: Point | null;
  readonly highest: Point | null;
  readonly notFinite: number;
}

export function summaryOf({ cell, points }: Curve): CurveSummary {
  const finite = points.filter(({ y }) => y !== null);
  const extreme = (sign: 1 | -1): Point | null => finite.reduce<Point | null>((best, point) => (best === null || sign * (point.y ?? 0) < sign * (best.y ?? 0) ? point : best), null);
  return { cell, rows: points.length, first: points[0]?.y ?? null, last: points.at(-1)?.y ?? null, lowest: extreme(1), highest: extreme(-1), notFinite: points.length - finite.length };
}
