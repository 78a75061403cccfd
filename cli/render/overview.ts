/** All runs for a person: one line each where there is room, two lines on a terminal of 80 columns. Pure. */
import type { RunOverview } from "../runs/overview";
import { formatDistance, formatMoment } from "./moment";
import type { Paint, Tone } from "./paint";
import { renderTable } from "./table";
import { waitingText } from "./status";
import { formatDuration, formatRough, formatUsd, plural } from "./units";

export interface OverviewRendering {
  readonly paint: Paint;
  readonly width: number | undefined;
  readonly now: Date;
}

export function renderOverview(runs: readonly RunOverview[], options: OverviewRendering): string {
  const { paint, width } = options;
  const table = width !== undefined && width < roomy ? narrowTable(runs, options) : wideTable(runs, options);
  return [table, "", summary(runs), ...runs.flatMap(({ run, waiting }) => (waiting === null ? [] : [`${run}: ${waitingText(waiting, options.now.toISOString())}`])), ...runs.flatMap(({ run, problem }) => (problem === null ? [] : [paint("warn", `${run}: ${problem}`)]))].join("\n");
}

/** Columns from which on a run fits into one line. */
const roomy = 130;

function wideTable(runs: readonly RunOverview[], options: OverviewRendering): string {
  const rows = runs.map((run) => {
    const { paint, now } = options;
    const { age, seen } = checkpointOf(run, now, formatDuration);
    const clock = clockOf(run, options, formatDistance);
    const { done, failed } = cellsOf(run, paint);
    return [run.run, stateOf(run, paint), run.platform ?? "?", `${done}${failed && ` ${failed}`}`, `${age}${seen && paint("faint", `, ${seen}`)}`, ...costOf(run), clock === null ? "-" : `${clock.when}, ${clock.what}`];
  });
  return renderTable(["run", "state", "platform", "cells", "checkpoint", "$/h", "so far", "next clock"], rows, { ...options, right: [5, 6] });
}

function narrowTable(runs: readonly RunOverview[], options: OverviewRendering): string {
  const rows = runs.map((run) => {
    const { paint, now } = options;
    const { age, seen } = checkpointOf(run, now, formatRough);
    const clock = clockOf(run, options, (at) => formatDistance(at, now, formatRough));
    const { done, failed } = cellsOf(run, paint);
    const [name, stack] = [run.run.slice(run.run.lastIndexOf("/") + 1), run.run.slice(0, run.run.lastIndexOf("/"))];
    return [`${name}\n${paint("faint", stack)}`, stateOf(run, paint), `${done}\n${failed}`, `${age}\n${seen && paint("faint", seen)}`, ...costOf(run), clock === null ? "-" : `${clock.when}\n${clock.what}`];
  });
  return renderTable(["run", "state", "cells", "checkpoint", "$/h", "so far", "next clock"], rows, { ...options, right: [4, 5] });
}

const stateOf = ({ activity }: RunOverview, paint: Paint): string => paint(activityTone(activity), activity);

/** What needs nobody is green or faint; what waits for somebody, or is not known, is a warning. */
export const activityTone = (activity: string): Tone => activityTones[activity] ?? "warn";

const activityTones: Readonly<Record<string, Tone>> = { training: "good", started: "good", preparing: "good", launching: "good", adopted: "faint", ended: "faint", unreadable: "bad" };

function cellsOf({ cells: { complete, failed, total } }: RunOverview, paint: Paint): { done: string; failed: string } {
  return { done: total === 0 ? "-" : `${complete ?? "?"}/${total}`, failed: failed ? paint("bad", `${failed} failed`) : "" };
}

/** A look older than this is told beside what it saw. Seconds. */
const freshFor = 60;

function checkpointOf({ checkpointAgeSeconds, seenAt }: RunOverview, now: Date, format: (seconds: number) => string): { age: string; seen: string } {
  if (checkpointAgeSeconds === null) return { age: "-", seen: "" };
  const seenAgo = seenAt === null ? 0 : (now.getTime() - Date.parse(seenAt)) / 1000;
  return { age: format(checkpointAgeSeconds), seen: seenAgo > freshFor ? `seen ${format(seenAgo)} ago` : "" };
}

function costOf({ usdPerHour, usdSoFar, costIncomplete, state }: RunOverview): string[] {
  const bound = costIncomplete && state === "live" ? "+" : "";
  return [usdPerHour, usdSoFar].map((usd) => (usd === null ? "?" : `${formatUsd(usd)}${bound}`));
}

/** What has struck already stays in sight until somebody acts. */
function clockOf({ nextClock }: RunOverview, { paint, now }: OverviewRendering, distance: (at: string, now: Date) => string): { when: string; what: string } | null {
  if (nextClock === null || nextClock.at === null) return null;
  const tone: Tone = Date.parse(nextClock.at) <= now.getTime() ? "bad" : "strong";
  return { when: paint(tone, `${formatMoment(nextClock.at, now)}, ${distance(nextClock.at, now)}`), what: nextClock.title };
}

function summary(runs: readonly RunOverview[]): string {
  const perHour = runs.reduce((sum, line) => sum + (line.usdPerHour ?? 0), 0);
  const live = runs.filter((line) => line.state === "live");
  const bound = live.some((line) => line.costIncomplete) ? " at least (+: a price is unknown)" : "";
  return `${plural(live.length, "run")} live, ${formatUsd(perHour)} per hour${bound} by list price.`;
}
