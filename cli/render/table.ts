/** Tables without boxes: a header, a rule, rows. The same in a pipe, only without colours. */
import Table from "cli-table3";
import type { Paint } from "./paint";
import { plainPaint, printable } from "./paint";

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
export function renderTable(head: readonly string[], unsafe: readonly (readonly string[])[], options: TableOptions = {}): string {
  const paint = options.paint ?? plainPaint;
  const indent = " ".repeat(options.indent ?? 0);
  const rows = unsafe.map((row) => row.map(printable));
  const widths = columnWidths(head, rows);
  const words = head.map((title, column) => Math.max(...[title, ...rows.map((row) => row[column] ?? "")].flatMap((cell) => cell.split(/[ \n]/)).map(visibleWidth)));
  const fitted = options.width === undefined ? widths : fit(widths, words, options.width - indent.length);
  const table = new Table({
    chars: noBorders,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
    colAligns: head.map((_, column) => (options.right?.includes(column) ? "right" : "left")),
    colWidths: [...fitted],
    wordWrap: true,
    wrapOnWordBoundary: true,
  });
  table.push(head.map((title) => paint("strong", title)), fitted.map((width, column) => paint("faint", "-".repeat(column === fitted.length - 1 ? Math.min(width, longestLastRule) : width))), ...rows.map((row) => row.map((cell, column) => breakLongWords(cell, fitted[column] ?? cell.length))));
  return table
    .toString()
    .split("\n")
    .map((line) => `${indent}${line}`.trimEnd())
    .join("\n");
}

/** Names and their values, one per line, the values aligned; with a width they wrap below each other. */
export function renderFacts(facts: readonly (readonly [string, string])[], options: { paint?: Paint; indent?: number; width?: number | undefined } = {}): string {
  const paint = options.paint ?? plainPaint;
  const indent = " ".repeat(options.indent ?? 0);
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  const before = indent.length + width + 2;
  const hanging = `\n${" ".repeat(before)}`;
  return facts.map(([name, value]) => `${indent}${paint("faint", name.padEnd(width))}  ${wrapWords(printable(value), (options.width ?? Infinity) - before).replaceAll("\n", hanging)}`).join("\n");
}

/** Breaks lines between words; a word that is longer than a line stays whole. */
export function wrapWords(text: string, width: number): string {
  const lines = text.split("\n").map((line) => {
    const wrapped: string[] = [];
    for (const word of line.split(" ")) {
      const last = wrapped.at(-1);
      if (last !== undefined && visibleWidth(last) + 1 + visibleWidth(word) <= width) wrapped[wrapped.length - 1] = `${last} ${word}`;
      else wrapped.push(word);
    }
    return wrapped.join("\n");
  });
  return lines.join("\n");
}

const colours = /\u001b\[[0-9;]*m/g;
export const visibleWidth = (text: string): number => Math.max(0, ...text.split("\n").map((line) => line.replace(colours, "").length));

function columnWidths(head: readonly string[], rows: readonly (readonly string[])[]): number[] {
  return head.map((title, column) => Math.max(1, visibleWidth(title), ...rows.map((row) => visibleWidth(row[column] ?? ""))));
}

/** The table's own wrapping cuts a word that is wider than its column; a path or an id must stay whole. */
function breakLongWords(cell: string, width: number): string {
  if (visibleWidth(cell) <= width) return cell;
  return cell.replace(/[^ \n]+/g, (word) => {
    if (visibleWidth(word) <= width) return word;
    let column = 0;
    // Colour sequences take no room; everything else is counted.
    return word.replace(/\u001b\[[0-9;]*m|[^]/gu, (part) => {
      if (part.startsWith("\u001b")) return part;
      column += 1;
      return column > 1 && column % width === 1 ? `\n${part}` : part;
    });
  });
}

/** Takes what is too much from the widest columns, and breaks words (names, paths) only when that is not enough. */
function fit(widths: readonly number[], words: readonly number[], available: number): number[] {
  const fitted = [...widths];
  const gaps = 2 * (widths.length - 1);
  const excess = (): number => fitted.reduce((sum, width) => sum + width, gaps) - available;
  for (const least of [(column: number) => Math.max(narrowest, words[column] ?? 0), () => narrowest]) {
    while (excess() > 0) {
      const candidates = fitted.map((width, column) => (width > least(column) ? width : 0));
      const widest = candidates.indexOf(Math.max(...candidates));
      if (candidates[widest] === 0) break;
      fitted[widest] = (fitted[widest] ?? 0) - 1;
    }
  }
  return fitted;
}

const narrowest = 12;
