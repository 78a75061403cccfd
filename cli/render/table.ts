/** Tables without boxes: a header, a rule, rows. The same in a pipe, only without colours. */
import Table from "cli-table3";
import type { Paint } from "./paint";
import { plainPaint } from "./paint";

export interface TableOptions {
  readonly paint?: Paint;
  /** Column numbers that hold figures. */
  readonly right?: readonly number[];
  /** Width of the terminal; longer cells of the widest column wrap. Absent: no wrapping. */
  readonly width?: number | undefined;
  /** Spaces before each line. */
  readonly indent?: number;
}

const noBorders = {
  top: "", "top-mid": "", "top-left": "", "top-right": "",
  bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "",
  left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  ",
};

/** In a pipe the last column may be very long; its rule need not be. */
const longestLastRule = 60;

/** Lines of the table, without a final newline. Cells may hold colours and newlines. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[], options: TableOptions = {}): string {
  const paint = options.paint ?? plainPaint;
  const indent = " ".repeat(options.indent ?? 0);
  const widths = columnWidths(head, rows);
  const fitted = options.width === undefined ? widths : fit(widths, options.width - indent.length);
  const table = new Table({
    chars: noBorders,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
    colAligns: head.map((_, column) => (options.right?.includes(column) ? "right" : "left")),
    colWidths: [...fitted],
    wordWrap: true,
    wrapOnWordBoundary: true,
  });
  table.push(head.map((title) => paint("strong", title)), fitted.map((width, column) => paint("faint", "-".repeat(column === fitted.length - 1 ? Math.min(width, longestLastRule) : width))), ...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => `${indent}${line}`.trimEnd())
    .join("\n");
}

/** Names and their values, one per line, the values aligned. */
export function renderFacts(facts: readonly (readonly [string, string])[], options: { paint?: Paint; indent?: number } = {}): string {
  const paint = options.paint ?? plainPaint;
  const indent = " ".repeat(options.indent ?? 0);
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  const hanging = `\n${indent}${" ".repeat(width + 2)}`;
  return facts.map(([name, value]) => `${indent}${paint("faint", name.padEnd(width))}  ${value.replaceAll("\n", hanging)}`).join("\n");
}

// eslint-disable-next-line no-control-regex -- terminal colours are control sequences
const colours = /\u001b\[[0-9;]*m/g;
export const visibleWidth = (text: string): number => Math.max(0, ...text.split("\n").map((line) => line.replace(colours, "").length));

function columnWidths(head: readonly string[], rows: readonly (readonly string[])[]): number[] {
  return head.map((title, column) => Math.max(1, visibleWidth(title), ...rows.map((row) => visibleWidth(row[column] ?? ""))));
}

/** Takes what is too much from the widest columns; none becomes narrower than 12. */
function fit(widths: readonly number[], available: number): number[] {
  const fitted = [...widths];
  const gaps = 2 * (widths.length - 1);
  for (;;) {
    const total = fitted.reduce((sum, width) => sum + width, gaps);
    const widest = fitted.indexOf(Math.max(...fitted));
    const width = fitted[widest];
    if (total <= available || width === undefined || width <= 12) return fitted;
    fitted[widest] = width - 1;
  }
}
