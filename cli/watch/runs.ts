/** The watched runs as lines, the chosen one marked. Pure. */
import { formatDistance, formatMoment } from "../render/moment";
import { activityTone } from "../render/overview";
import { formatRough, formatUsd } from "../render/units";
import { nextClock } from "../runs/clocks";
import type { Screen } from "./look";
import { gridLines, type Column } from "./grid";
import type { WatchedRun } from "./observer";
import { checkpointAge } from "./cells";

const columns: readonly Column[] = [
  { title: "  run", leaves: 0, shrinksTo: 20 },
  { title: "state", leaves: 0 },
  { title: "cells", leaves: 0 },
  { title: "ckpt", leaves: 2 },
  { title: "$/h", right: true, leaves: 1 },
  { title: "so far", right: true, leaves: 1 },
  { title: "clock", leaves: 2 },
  { title: "", leaves: 3 },
];

/** A head and at most `most` runs around the chosen one. */
export function runLines(runs: readonly WatchedRun[], chosen: WatchedRun, most: number, screen: Screen): string[] {
  const { paint } = screen;
  const at = runs.indexOf(chosen);
  const first = Math.max(0, Math.min(at - Math.floor(most / 2), runs.length - most));
  const shown = runs.slice(first, first + most);
  const { head, rows } = gridLines(columns, shown.map((run) => cellsOf(run, run === chosen && runs.length > 1, screen)), screen.columns);
  const hidden = runs.length - shown.length;
  return [paint("faint", hidden > 0 ? `${head}  (${first + 1}-${first + shown.length} of ${runs.length})` : head), ...rows];
}

function cellsOf(run: WatchedRun, marked: boolean, { paint, now }: Screen): string[] {
  const { report } = run;
  const name = `${marked ? "> " : "  "}${marked ? paint("strong", run.id) : run.id}`;
  if (report === null) return [name, "reading", "", "", "", "", "", ""];
  const cells = report.remote?.cells ?? null;
  const count = (state: string): number => cells?.filter((cell) => cell.state === state).length ?? 0;
  const failed = count("failed");
  const next = nextClock(report.clocks);
  const newest = report.remote?.newestCheckpoint;
  return [
    name,
    run.silence === null ? paint(activityTone(run.activity), run.activity) : paint("bad", "silent"),
    `${cells === null ? "?" : count("complete")}/${report.roster.length}${failed > 0 ? paint("bad", ` ${failed} failed`) : ""}`,
    newest ? formatRough(checkpointAge(newest, run, now)) : "-",
    formatUsd(report.cost.usdPerHour),
    formatUsd(report.cost.usdSoFar),
    ...(next === null || next.at === null ? ["-", ""] : [formatMoment(next.at, now), `${formatDistance(next.at, now, formatRough)}: ${next.title}`]),
  ];
}
