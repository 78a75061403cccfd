/** Columns on a screen of a given width: what does not fit goes column by column, the least important first, never by wrapping. Pure. */
import { printable } from "../render/paint";
import { visibleWidth } from "../render/table";

export interface Column {
  readonly title: string;
  readonly right?: boolean;
  /** 0 stays; of the others the highest number goes first. */
  readonly leaves: number;
  /** Gives up room before a column goes; at least this wide. */
  readonly shrinksTo?: number;
}

const gap = 2;

/** Header and rows, each at most `width` wide. Cells may hold colours. */
export function gridLines(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): { head: string; rows: string[] } {
  const all = columns.map(({ title }, index) => Math.max(title.length, ...rows.map((row) => visibleWidth(row[index] ?? ""))));
  let shown = columns.map((_, index) => index);
  const need = (index: number): number => Math.min(all[index] ?? 0, columns[index]?.shrinksTo ?? Infinity);
  const total = (measure: (index: number) => number): number => shown.reduce((sum, index) => sum + measure(index) + gap, -gap);
  while (total(need) > width) {
    const last = Math.max(...shown.map((index) => columns[index]?.leaves ?? 0));
    if (last === 0) break;
    shown = shown.filter((index) => columns[index]?.leaves !== last);
  }
  const widths = new Map(shown.map((index) => [index, all[index] ?? 0]));
  for (const index of shown) {
    const excess = [...widths.values()].reduce((sum, one) => sum + one + gap, -gap) - width;
    if (excess > 0) widths.set(index, Math.max(need(index), (widths.get(index) ?? 0) - excess));
  }
  const line = (cells: readonly string[]): string =>
    clip(shown.map((index) => fill(clip(cells[index] ?? "", widths.get(index) ?? 0), widths.get(index) ?? 0, columns[index]?.right === true)).join(" ".repeat(gap)), width).trimEnd();
  return { head: line(columns.map(({ title }) => title)), rows: rows.map(line) };
}

const fill = (text: string, width: number, right: boolean): string => {
  const blanks = " ".repeat(Math.max(0, width - visibleWidth(text)));
  return right ? `${blanks}${text}` : `${text}${blanks}`;
};

/** At most `width` characters; what was cut shows as `~`. Colours are kept and closed. */
export function clip(text: string, width: number): string {
  const safe = printable(text).replaceAll(/[\n\t]/g, " ");
  if (visibleWidth(safe) <= width) return safe;
  let column = 0;
  let coloured = false;
  let out = "";
  for (const [part] of safe.matchAll(/\u001b\[[0-9;]*m|[^]/gu)) {
    if (part.startsWith("\u001b")) {
      coloured = true;
      out += part;
    } else if (column < width - 1) {
      column += 1;
      out += part;
    } else if (column === width - 1) {
      column += 1;
      out += "~";
    }
  }
  return coloured ? `${out}\u001b[0m` : out;
}
