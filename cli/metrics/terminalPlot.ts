/**
 * A figure in a terminal. Braille patterns give two columns and four rows of dots per character, which a loss curve needs; the
 * libraries for this draw one mark per column with the row number as x, so steps of different cells would not line up, and know no
 * gaps. Without colours, or where braille may not be shown, each curve has a letter of its own. Pure.
 */
import { printable } from "../render/paint";
import type { Curve, Figure, Point } from "./curve";
import type { Scale } from "./scale";
import { axisOf, formatTick, scaleOf } from "./scale";

export interface PlotLook {
  /** Whole width in columns, and rows of the drawing itself. */
  readonly width: number;
  readonly height: number;
  readonly log: boolean;
  /** Draw with dots in colours; else with letters. */
  readonly dots: boolean;
  /** Colours the text of the n-th curve. */
  readonly colour: (curve: number, text: string) => string;
  readonly faint: (text: string) => string;
}

export function plotLines(figure: Figure, look: PlotLook): string[] {
  const values = figure.curves.flatMap(({ points }) => points.flatMap(({ y }) => (y === null ? [] : [y])));
  const y = scaleOf(values, { count: Math.max(2, Math.round(look.height / 3)), log: look.log, round: true });
  const x = axisOf(figure.curves.flatMap(({ points }) => points.map((point) => point.x)), Math.max(2, Math.round(look.width / 14)));
  const labels = labelsByRow(y, look.height);
  const margin = Math.max(0, ...[...labels.values()].map((label) => label.length));
  const columns = Math.max(8, look.width - margin - 2);
  const drawn = look.dots ? drawDots(figure.curves, { x, y, columns, rows: look.height }) : drawLetters(figure.curves, { x, y, columns, rows: look.height });
  const body = drawn.map((row, index) => {
    const label = labels.get(index);
    return `${look.faint(`${(label ?? "").padStart(margin)} ${label === undefined ? "|" : "+"}`)}${paintRow(row, look)}`.trimEnd();
  });
  return [...body, ...axisLines(x, { margin, columns, figure, look }), ...legendLines(figure, look)];
}

/** Which curve a character of the drawing belongs to, and the character; null: nothing there. */
type Mark = { readonly curve: number; readonly glyph: string } | null;

interface Area {
  readonly x: Scale;
  readonly y: Scale;
  readonly columns: number;
  readonly rows: number;
}

/** U+2800 and a bit per dot (Unicode, Braille Patterns): left column 1 2 4 64, right column 8 16 32 128, from above. */
const dotBits = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]] as const;

function drawDots(curves: readonly Curve[], area: Area): Mark[][] {
  const bits = Array.from({ length: area.rows }, () => new Array<{ curve: number; bits: number } | null>(area.columns).fill(null));
  curves.forEach(({ points }, curve) => {
    trace(points, area, { across: 2, down: 4 }, (column, row) => {
      const at = bits[row >> 2];
      const [place, bit] = [column >> 1, dotBits[column & 1 ? 1 : 0][row & 3] ?? 0];
      const there = at?.[place] ?? null;
      // One character has one colour: the later curve's, with the earlier one's dots.
      if (at) at[place] = { curve, bits: (there?.bits ?? 0) | bit };
    });
  });
  return bits.map((row) => row.map((cell) => (cell === null ? null : { curve: cell.curve, glyph: String.fromCodePoint(0x2800 + cell.bits) })));
}

function drawLetters(curves: readonly Curve[], area: Area): Mark[][] {
  const marks = Array.from({ length: area.rows }, () => new Array<Mark>(area.columns).fill(null));
  curves.forEach(({ points }, curve) => {
    trace(points, area, { across: 1, down: 1 }, (column, row) => {
      const at = marks[row];
      if (at) at[column] = { curve, glyph: letterOf(curve) };
    });
  });
  return marks;
}

const letterOf = (curve: number): string => "abcdefghijklmnopqrstuvwxyz"[curve % 26] ?? "?";

/** Every dot of the line through the points; a gap breaks it, a point between two gaps is a dot of its own. */
function trace(points: readonly Point[], { x, y, columns, rows }: Area, fine: { across: number; down: number }, set: (column: number, row: number) => void): void {
  const [width, height] = [columns * fine.across, rows * fine.down];
  let before: readonly [number, number] | null = null;
  for (const point of points) {
    const place = point.y === null ? NaN : y.place(point.y);
    if (!Number.isFinite(place)) {
      before = null;
      continue;
    }
    const here = [Math.round(x.place(point.x) * (width - 1)), Math.round((1 - place) * (height - 1))] as const;
    const [fromColumn, fromRow]: readonly [number, number] = before ?? here;
    const steps = Math.max(1, Math.abs(here[0] - fromColumn), Math.abs(here[1] - fromRow));
    for (let step = 0; step <= steps; step += 1) set(Math.round(fromColumn + ((here[0] - fromColumn) * step) / steps), Math.round(fromRow + ((here[1] - fromRow) * step) / steps));
    before = here;
  }
}

function paintRow(row: readonly Mark[], { colour }: PlotLook): string {
  let line = "";
  for (let at = 0; at < row.length; ) {
    const curve = row[at]?.curve ?? null;
    let text = "";
    while (at < row.length && (row[at]?.curve ?? null) === curve) {
      text += row[at]?.glyph ?? " ";
      at += 1;
    }
    line += curve === null ? text : colour(curve, text);
  }
  return line;
}

function labelsByRow(y: Scale, rows: number): Map<number, string> {
  return new Map(y.ticks.map((tick) => [Math.round((1 - y.place(tick)) * (rows - 1)), formatTick(tick)]));
}

function axisLines(x: Scale, { margin, columns, figure, look }: { margin: number; columns: number; figure: Figure; look: PlotLook }): string[] {
  const [rule, labels] = [new Array<string>(columns).fill("-"), new Array<string>(columns).fill(" ")];
  let free = 0;
  for (const tick of x.ticks) {
    const at = Math.round(x.place(tick) * (columns - 1));
    const text = figure.axis === "time" ? formatElapsed(tick) : formatTick(tick);
    const start = Math.max(0, Math.min(columns - text.length, at - Math.floor(text.length / 2)));
    if (start < free) continue;
    rule[at] = "+";
    labels.splice(start, text.length, ...text.split(""));
    free = start + text.length + 1;
  }
  const before = " ".repeat(margin + 1);
  return [look.faint(`${before}+${rule.join("")}`), look.faint(`${before} ${labels.join("").trimEnd()}`)];
}

/** 90s, 15m, 2.5h */
function formatElapsed(seconds: number): string {
  if (seconds < 120) return `${Number(seconds.toPrecision(3))}s`;
  if (seconds < 7200) return `${Number((seconds / 60).toPrecision(3))}m`;
  return `${Number((seconds / 3600).toPrecision(3))}h`;
}

function legendLines({ curves }: Figure, { colour, width, dots }: PlotLook): string[] {
  const lines: string[] = [];
  let line = "";
  let room = 0;
  curves.forEach(({ cell }, index) => {
    const entry = `${dots ? "--" : letterOf(index)} ${printable(cell)}`;
    if (room < entry.length + 2) {
      if (line !== "") lines.push(line);
      line = "  ";
      room = width - 2;
    }
    line += `${colour(index, entry)}  `;
    room -= entry.length + 2;
  });
  return [...lines, line].map((text) => text.trimEnd());
}
