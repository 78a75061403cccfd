/** One look at a run: the ledger, and the machine where it answers. */
import type { RunCustody, RunView } from "../../custody";
import type { CapacityWaiting, LedgerEntry } from "../../custody/formats";
import { ADOPTED_ROLE, adoptedMachine } from "../../custody/adopted";
import { runId } from "../../custody/formats";
import { RemoteUnreachable } from "../../custody/remote";
import { foldLedger } from "../../custody/view";
import type { Plan } from "../../profiles/plan";
import type { FolderLook } from "../../providers/adopted/folder";
import type { Session } from "../terminal";
import type { RunCost } from "../../custody/cost";
import { costOf } from "../../custody/cost";
import type { RunClock } from "./clocks";
import { runClocks } from "./clocks";
import { rememberLook } from "./lastLook";
import { isLive } from "./project";
import type { RemoteStatus } from "./remoteStatus";

/** One look. `status --json` prints it with the fields of `remote` beside the others. */
export interface StatusReport {
  readonly run: string;
  readonly state: "live" | "ended";
  readonly platform: string;
  readonly api: string;
  /** Its machine was not made here, and is only read. */
  readonly adopted: boolean;
  /** Capacity that the last update waited for and did not get. */
  readonly waiting: CapacityWaiting | null;
  readonly machine: { readonly id: string; readonly name: string; readonly address: string | null; readonly since: string } | null;
  readonly roster: readonly string[];
  readonly checkpointEverySeconds: number | null;
  /** null when the machine did not answer; `unreachable` says why. */
  readonly remote: RemoteStatus | null;
  readonly unreachable: string | null;
  /** Of an adopted machine: its folder as it was seen now; null for every other run, and where it did not answer. */
  readonly folder: FolderLook | null;
  readonly cost: RunCost;
  /** The soonest first; empty once the run has ended. */
  readonly clocks: readonly RunClock[];
  readonly evidence: { readonly newestManifest: string | null; readonly receipts: number; readonly approvals: number; readonly lastRefusal: string | null };
  readonly now: string;
}

/** Throws UserError when the machine answers something that is not understood; one that does not answer is told in the report. */
export async function readStatus(session: Session, run: RunCustody): Promise<StatusReport> {
  const entries = run.entries();
  const view = foldLedger(entries);
  return statusReport(run, { entries, view }, await look(session, run, view), session.clock.now());
}

/** What `seen` is put beside what the ledger says. Pure. */
export function statusReport(
  run: RunCustody,
  { entries, view }: { entries: readonly LedgerEntry[]; view: RunView },
  seen: Pick<StatusReport, "remote" | "unreachable" | "folder">,
  now: Date,
): StatusReport {
  const plan = view.plan as Plan | null;
  const instance = view.resources.get(view.adopted ? ADOPTED_ROLE : "instance");
  const state = isLive(view) ? "live" : "ended";
  const cost = costOf(entries, now);
  return {
    run: runId(run.ref),
    state,
    platform: view.endpoint.platform,
    api: view.endpoint.api,
    adopted: view.adopted,
    waiting: waitingOf(view),
    machine: instance === undefined ? null : { id: instance.id, name: instance.name, address: addressOf(view), since: instance.since },
    roster: [...view.roster],
    checkpointEverySeconds: plan?.checkpoint.everySeconds ?? null,
    ...seen,
    cost,
    clocks: state === "live" ? runClocks(view, { now, closedAt: seen.remote?.closed?.at ?? null, cost }) : [],
    evidence: {
      newestManifest: view.newestManifest?.manifestSha256 ?? null,
      receipts: view.receipts.length,
      approvals: view.approvals.length,
      lastRefusal: view.refusals.at(-1)?.at ?? null,
    },
    now: now.toISOString(),
  };
}

async function look(session: Session, run: RunCustody, view: RunView): Promise<Pick<StatusReport, "remote" | "unreachable" | "folder">> {
  if (view.adopted) return lookAtAdopted(session, run, view);
  return { ...(await lookAtQueue(session, run, view)), folder: null };
}

async function lookAtAdopted(session: Session, run: RunCustody, view: RunView): Promise<Pick<StatusReport, "remote" | "unreachable" | "folder">> {
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const { lookAtFolder } = await import("../../providers/adopted/folder.js");
  const machine = adoptedMachine(view);
  const remote = remoteForRun(run, { clock: session.clock, attempts: 2 });
  if (machine === null || remote === null) return { remote: null, unreachable: "its machine is gone, or was released", folder: null };
  try {
    return { remote: null, unreachable: null, folder: await lookAtFolder(remote, machine.directory) };
  } catch (error) {
    if (error instanceof RemoteUnreachable) return { remote: null, unreachable: error.message, folder: null };
    throw error;
  } finally {
    await remote.close();
  }
}

async function lookAtQueue(session: Session, run: RunCustody, view: RunView): Promise<{ remote: RemoteStatus | null; unreachable: string | null }> {
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const { jobPlace } = await import("../../providers/job/layout.js");
  const { readRemoteStatus } = await import("./remoteStatus.js");
  const remote = remoteForRun(run, { clock: session.clock, attempts: 2 });
  if (remote === null) return { remote: null, unreachable: view.resources.has("instance") ? "its address or key is not known" : "no machine stands" };
  try {
    if (jobPlace(view) === null) return { remote: null, unreachable: "no job was placed on the machine yet" };
    const status = await readRemoteStatus(run, remote);
    await rememberLook(run, { at: session.clock.now().toISOString(), status });
    return { remote: status, unreachable: null };
  } catch (error) {
    if (error instanceof RemoteUnreachable) return { remote: null, unreachable: error.message };
    throw error;
  } finally {
    await remote.close();
  }
}

export function waitingOf(view: RunView): CapacityWaiting | null {
  if (view.waiting === null) return null;
  const { at: _at, ...waiting } = view.waiting;
  return waiting;
}

const addressOf = (view: RunView): string | null => (view.address === null ? null : `${view.address.user}@${view.address.host}:${view.address.port}`);
