/** Watching without a terminal: a line when something has changed, and now and then one that says that nothing has. */
import type { Paint } from "../render/paint";
import { plainPaint } from "../render/paint";
import { formatTimeOfDay } from "../render/moment";
import { formatDuration, formatUsd } from "../render/units";
import type { Session } from "../terminal";
import { formatMetric, mainMetric } from "../metrics/series";
import { stepOf } from "../runs/checkpointStep";
import { checkpointAge, stateText } from "./cells";
import type { Observer, WatchedRun } from "./observer";

/** A run of which nothing is new is told this often. Seconds. */
const sayAgainAfter = 60;

/** Resolves when every run has ended or its queue has closed. Throws the signal's reason. */
export async function showLines(session: Session, observer: Observer, signal: AbortSignal): Promise<void> {
  const told = new Map<string, { readonly what: string; readonly at: number }>();
  await new Promise<void>((done, fail) => {
    const look = (): void => {
      const failure = observer.failure();
      if (failure !== null) fail(failure.error instanceof Error ? failure.error : new Error(String(failure.error)));
      for (const run of observer.runs()) tell(session, run, told);
      if (observer.runs().every(isOver)) finish(done);
    };
    const stopListening = observer.onChange(look);
    const onAbort = (): void => {
      finish(() => {
        fail(signal.reason as Error);
      });
    };
    const finish = (then: () => void): void => {
      stopListening();
      signal.removeEventListener("abort", onAbort);
      then();
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** Nothing more will come by itself. */
const isOver = ({ looked, activity, silence }: WatchedRun): boolean => looked && silence === null && (activity === "ended" || activity === "finished");

function tell(session: Session, run: WatchedRun, told: Map<string, { readonly what: string; readonly at: number }>): void {
  if (!run.looked) return;
  const now = session.clock.now();
  const what = newsOf(run);
  const last = told.get(run.id);
  if (last?.what === what && now.getTime() - last.at < sayAgainAfter * 1000) return;
  told.set(run.id, { what, at: now.getTime() });
  if (session.json) session.terminal.stdout.write(`${JSON.stringify(jsonOf(run, now))}\n`);
  else session.print(`${formatTimeOfDay(now)} ${lineOf(run, now, session.paint)}`);
}

/** What is worth a line of its own when it changes: not an age, not a step. */
function newsOf({ report, activity, silence }: WatchedRun): string {
  const cells = report?.remote?.cells.map(({ cell, state, attempt, cause }) => [cell, state, attempt, cause]) ?? [];
  return JSON.stringify([activity, silence?.since ?? null, cells]);
}

function lineOf(run: WatchedRun, now: Date, paint: Paint): string {
  const { id, report, activity, silence, seenAt } = run;
  if (silence !== null) return `${id} ${paint("bad", "silent")}: no answer since ${formatTimeOfDay(new Date(silence.since))}${seenAt === null ? "" : `, last seen ${formatTimeOfDay(new Date(seenAt))}`}. ${silence.why}`;
  const cells = report?.remote?.cells ?? [];
  const done = cells.filter(({ state }) => state === "complete").length;
  const told = cells.filter(({ state }) => state === "running" || state === "failed" || state === "cancelled").map((cell) => {
    const row = run.rows.get(cell.cell);
    const metric = row === undefined ? null : mainMetric(Object.keys(row.values));
    const step = row?.step ?? (cell.newestCheckpoint ? stepOf(cell.newestCheckpoint.path) : null);
    const parts = [
      ...(step === null ? [] : [`step ${step}`]),
      ...(row === undefined || metric === null ? [] : [`${metric} ${formatMetric(row.values[metric] ?? null)}`]),
      ...(cell.newestCheckpoint ? [`checkpoint ${formatDuration(checkpointAge(cell.newestCheckpoint, run, now))} old`] : []),
    ];
    return `${cell.cell} ${[stateText(cell, plainPaint), ...parts].join(", ")}`;
  });
  return `${[`${id} ${activity}`, `${done}/${report?.roster.length ?? 0} cells complete`, ...told].join("; ")}; ${formatUsd(report?.cost.usdSoFar)} so far`;
}

function jsonOf({ id, report, activity, rows, seenAt, silence }: WatchedRun, now: Date): object {
  const cells = report?.remote?.cells.map((cell) => ({ ...cell, metrics: rows.get(cell.cell) ?? null })) ?? null;
  const { heartbeat = null, closed = null, newestCheckpoint = null, bytesFree = null, bytesTotal = null, inodesFree = null, writer = null } = report?.remote ?? {};
  return {
    at: now.toISOString(), run: id, state: report?.state ?? null, activity, seenAt, silence, writer, cells, heartbeat, closed, newestCheckpoint, bytesFree, bytesTotal, inodesFree,
    cost: report?.cost ?? null, clocks: report?.clocks ?? [],
  };
}
