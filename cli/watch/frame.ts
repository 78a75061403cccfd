/** One picture of what is watched, as lines that fit the screen. Pure: the same facts give the same picture. */
import { stripVTControlCharacters } from "node:util";
import { formatTimeOfDay } from "../render/moment";
import { visibleWidth } from "../render/table";
import { formatUsd, plural } from "../render/units";
import { cellLines, failureLines } from "./cells";
import { factLines } from "./facts";
import { clip } from "./grid";
import type { LogOnScreen, Screen } from "./look";
import { runLines } from "./runs";
import type { WatchedRun } from "./observer";
import type { WatchView } from "./view";

/** At most `rows` lines of at most `columns` characters. */
export function frameLines(runs: readonly WatchedRun[], view: WatchView, log: LogOnScreen | null, screen: Screen): string[] {
  const chosen = chosenRun(runs, view);
  const body = Math.max(0, screen.rows - 2);
  const middle = view.mode === "help" ? helpLines(screen) : view.mode === "log" && log !== null ? logLines(log, view, body, screen) : boardLines(runs, chosen, view, body, screen);
  const lines = [headLine(runs, screen), ...middle.slice(0, body)];
  while (lines.length < screen.rows - 1) lines.push("");
  return [...lines, footLine(view, runs.length, screen)].slice(0, screen.rows).map((line) => clip(line, screen.columns));
}

export const chosenRun = (runs: readonly WatchedRun[], view: WatchView): WatchedRun | null => runs.find(({ id }) => id === view.run) ?? runs[0] ?? null;

/** Lines of a log that fit below its title. */
export const logPage = (rows: number): number => Math.max(1, rows - 3);

/** A log's lines as they stand on the screen. */
export function wrappedLog(lines: readonly string[], columns: number): string[] {
  return lines.flatMap((raw) => {
    // A progress bar rewrites its line; what it showed last counts.
    const line = clip(stripVTControlCharacters(raw.slice(raw.lastIndexOf("\r", raw.length - 2) + 1)), Infinity);
    const parts: string[] = [];
    for (let at = 0; at === 0 || at < line.length; at += columns) parts.push(line.slice(at, at + columns));
    return parts;
  });
}

function headLine(runs: readonly WatchedRun[], { columns, paint, now }: Screen): string {
  const live = runs.flatMap(({ report }) => (report?.state === "live" ? [report] : []));
  const perHour = live.reduce((sum, { cost }) => sum + cost.usdPerHour, 0);
  const soFar = runs.reduce((sum, { report }) => sum + (report?.cost.usdSoFar ?? 0), 0);
  const left = `holdfast watch  ${plural(live.length, "run")} live, ${formatUsd(perHour)}/h, ${formatUsd(soFar)} so far`;
  const right = formatTimeOfDay(now);
  const blanks = columns - left.length - right.length;
  return paint("strong", blanks >= 2 ? `${left}${" ".repeat(blanks)}${right}` : left);
}

function boardLines(runs: readonly WatchedRun[], chosen: WatchedRun | null, view: WatchView, room: number, screen: Screen): string[] {
  if (chosen === null) return ["", "No run is live. The first one begins with: pulumi up (or npm run up)"];
  const overview = runLines(runs, chosen, Math.max(1, Math.min(6, Math.floor(room / 4))), screen);
  const facts = factLines(chosen, screen);
  const space = room - overview.length - 1;
  // Cells first: at least the head, the chosen one and its neighbours. Then why the chosen one failed, then everything else.
  const advice = failureLines(chosen, view.cell, screen);
  const adviceRoom = Math.max(0, Math.min(advice.length, space - 5));
  const below = space - (adviceRoom === 0 ? 0 : adviceRoom + 1);
  const factRoom = Math.max(0, Math.min(facts.length, below - 5));
  const cells = cellLines(chosen, view.cell, below - (factRoom === 0 ? 0 : factRoom + 1), screen);
  return [...overview, "", ...cells, ...(adviceRoom === 0 ? [] : ["", ...advice.slice(0, adviceRoom)]), ...(factRoom === 0 ? [] : ["", ...facts.slice(0, factRoom)])];
}

function logLines(log: LogOnScreen, view: WatchView, room: number, { columns, rows, paint }: Screen): string[] {
  const lines = wrappedLog(log.lines, columns);
  const page = Math.min(logPage(rows), Math.max(1, room - 1));
  const end = Math.max(Math.min(page, lines.length), lines.length - view.scrolledUp);
  const where = view.scrolledUp > 0 ? `${view.scrolledUp} lines above the end` : (log.note ?? "following");
  const title = `${log.title}  `;
  return [`${paint("accent", title)}${paint(view.scrolledUp === 0 && log.note !== null ? "warn" : "faint", where)}`, ...lines.slice(Math.max(0, end - page), end)];
}

const keys: readonly (readonly [string, string])[] = [
  ["q, Ctrl-C", "quit; the runs go on"],
  ["up, down, k, j", "choose a cell; scroll in a log"],
  ["PgUp, PgDn, g, G", "a page; the first, the last"],
  ["left, right, Tab", "choose a run"],
  ["l, Enter", "log of the chosen cell; back with l, Esc"],
  ["r", "look now"],
  ["?", "this help"],
];

function helpLines({ paint }: Screen): string[] {
  const width = Math.max(...keys.map(([key]) => visibleWidth(key)));
  return [
    "",
    ...keys.map(([key, what]) => `  ${paint("strong", key.padEnd(width))}  ${what}`),
    "",
    "  Ages and costs count on between two looks. Of a machine that does not",
    "  answer you see what it said last, and since when it is silent.",
    "  Nothing here stops, pulls or deletes anything.",
  ];
}

function footLine(view: WatchView, runs: number, { paint, columns }: Screen): string {
  const words = {
    board: ["q quit", "up/down cell", ...(runs > 1 ? ["left/right run"] : []), "l log", "r look now", "? help"],
    log: ["q quit", "Esc back", "up/down scroll", "G follow"],
    help: ["q quit", "? back"],
  }[view.mode];
  return paint("faint", clip(words.join("   "), columns));
}
