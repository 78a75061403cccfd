/** A run in one line: what the ledger says, and what its machine said when it was last asked. */
import type { Custody, RunCustody, RunView } from "../../custody";
import type { CapacityWaiting, RunRef } from "../../custody/formats";
import { ADOPTED_ROLE } from "../../custody/adopted";
import { runId } from "../../custody/formats";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import { foldLedger } from "../../custody/view";
import type { Session } from "../terminal";
import type { RunClock } from "./clocks";
import { nextClock, runClocks } from "./clocks";
import type { RunCost } from "../../custody/cost";
import { costOf } from "../../custody/cost";
import type { LastLook } from "./lastLook";
import { recallLook, rememberLook } from "./lastLook";
import { mapBounded } from "./parallel";
import { isLive } from "./project";
import type { RemoteStatus } from "./remoteStatus";
import type { RunState } from "./select";
import { waitingOf } from "./status";

export interface RunOverview {
  readonly run: string;
  readonly platform: string | null;
  readonly state: RunState;
  /** What it does, as far as is known: `training`, `finished`, `stopped`, ... */
  readonly activity: string;
  /** Capacity that is waited for. */
  readonly waiting: CapacityWaiting | null;
  readonly instance: string | null;
  readonly cells: { readonly total: number; readonly complete: number | null; readonly failed: number | null };
  /** Now, of the newest checkpoint that was seen. null: none was, or nobody looked. */
  readonly checkpointAgeSeconds: number | null;
  /** When its machine was last asked and answered, ISO 8601. */
  readonly seenAt: string | null;
  readonly usdPerHour: number | null;
  readonly usdSoFar: number | null;
  /** A price is not known, so both figures are lower bounds. */
  readonly costIncomplete: boolean;
  readonly nextClock: RunClock | null;
  readonly clocks: readonly RunClock[];
  readonly problem: string | null;
}

/** Machines that are asked at once. */
const machinesAtOnce = 8;
/** A machine that answers later than this counts as silent. */
const answerWithinSeconds = 15;

/** With `ask`, only what is live, and each machine is asked now; a silent one leaves what is known. Sorted as custody lists. */
export async function overviewOfAll(session: Session, custody: Custody, ask: boolean): Promise<RunOverview[]> {
  const lines = await mapBounded(custody.runs(), ask ? machinesAtOnce : 1, (ref) => overviewOf(session, custody, ref, ask));
  return ask ? lines.filter((line) => line.state !== "ended") : lines;
}

async function overviewOf(session: Session, custody: Custody, ref: RunRef, ask: boolean): Promise<RunOverview> {
  const run = custody.run(ref);
  try {
    const entries = run.entries();
    const view = foldLedger(entries);
    const asked = ask && isLive(view) ? await lookNow(session, run, view) : { problem: null };
    const now = session.clock.now();
    return describe(run, view, { now, cost: costOf(entries, now), look: await recallLook(run, view.declaredAt), problem: asked.problem });
  } catch (error) {
    // A broken ledger must not hide the other runs.
    if (!(error instanceof UserError)) throw error;
    return unreadable(ref, error.message);
  }
}

async function lookNow(session: Session, run: RunCustody, view: RunView): Promise<{ problem: string | null }> {
  if (view.resources.get("job") === undefined) return { problem: null };
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const { readRemoteStatus } = await import("./remoteStatus.js");
  const remote = remoteForRun(run, { clock: session.clock, attempts: 1 });
  if (remote === null) return { problem: "no machine is known" };
  try {
    const status = await readRemoteStatus(run, remote, { timeoutSeconds: answerWithinSeconds });
    await rememberLook(run, { at: session.clock.now().toISOString(), status });
    return { problem: null };
  } catch (error) {
    if (error instanceof RemoteUnreachable || error instanceof UserError) return { problem: error.message };
    throw error;
  } finally {
    await remote.close();
  }
}

function describe(run: RunCustody, view: RunView, { now, cost, look, problem }: { now: Date; cost: RunCost; look: LastLook | null; problem: string | null }): RunOverview {
  const state = isLive(view) ? "live" : "ended";
  const cells = cellsLastKnown(run, view, look);
  const count = (wanted: string): number | null => (cells === null ? null : cells.filter((cell) => cell.state === wanted).length);
  const clocks = state === "live" ? runClocks(view, { now, closedAt: look?.status.closed?.at ?? null, cost }) : [];
  return {
    run: runId(run.ref),
    platform: view.endpoint.platform,
    state,
    activity: state === "ended" ? "ended" : activityOf(view, look?.status ?? null),
    waiting: waitingOf(view),
    instance: view.resources.get(view.adopted ? ADOPTED_ROLE : "instance")?.name ?? null,
    cells: { total: view.roster.size, complete: count("complete"), failed: count("failed") },
    checkpointAgeSeconds: state === "ended" || !look?.status.newestCheckpoint ? null : look.status.newestCheckpoint.ageSeconds + (now.getTime() - Date.parse(look.at)) / 1000,
    seenAt: look?.at ?? null,
    usdPerHour: cost.usdPerHour,
    usdSoFar: cost.usdSoFar,
    costIncomplete: cost.incomplete,
    nextClock: nextClock(clocks),
    clocks,
    problem,
  };
}

/** A manifest names the cells too, and may be newer than the look. */
function cellsLastKnown(run: RunCustody, { newestManifest }: RunView, look: LastLook | null): readonly { readonly state: string }[] | null {
  if (newestManifest === null || (look !== null && Date.parse(look.at) >= Date.parse(newestManifest.at))) return look?.status.cells ?? null;
  try {
    return run.manifest(newestManifest.manifestSha256).cells;
  } catch (error) {
    if (error instanceof UserError) return look?.status.cells ?? null;
    throw error;
  }
}

/** Pure. What is not known from a look follows from what stands. */
export function activityOf(view: RunView, status: Pick<RemoteStatus, "writer" | "closed"> | null): string {
  if (view.adopted) return "adopted";
  if (view.waiting !== null) return "waiting";
  if (view.roster.size === 0 && view.resources.has("filesystem")) return "storage";
  if (!view.resources.has("instance")) return view.openIntents.some(({ role }) => role === "instance") ? "launching" : "no machine";
  if (!view.resources.has("job")) return "preparing";
  if (status === null) return "started";
  if (status.closed) return "finished";
  return { alive: "training", none: "stopped" }[status.writer] ?? "unclear";
}

function unreadable(ref: RunRef, problem: string): RunOverview {
  return {
    run: runId(ref), platform: null, state: "unreadable", activity: "unreadable", waiting: null, instance: null, cells: { total: 0, complete: null, failed: null }, checkpointAgeSeconds: null,
    seenAt: null, usdPerHour: null, usdSoFar: null, costIncomplete: true, nextClock: null, clocks: [], problem,
  };
}

