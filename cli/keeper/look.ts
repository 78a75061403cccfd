/** One look at a run from outside: the machine where it answers, what is closed is pulled, what the vendor says where it is silent. */
import { costOf, followOnce, leaseOf, type FollowPass, type RunCustody, type RunView } from "../../custody";
import type { LedgerEntry } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { RemoteUnreachable, type Remote } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { KeeperConfig } from "../../profiles/input/keeperConfig";
import type { Plan } from "../../profiles/plan";
import type { CapacityNow } from "../../providers/platformContract";
import { capacityFor, platformSource } from "../../providers/platformSource";
import { remoteForRun } from "../../providers/ssh/forRun";
import { locateRun } from "../../providers/teardown/facts";
import { runClocks } from "../runs/clocks";
import { rememberLook } from "../runs/lastLook";
import type { RemoteStatus } from "../runs/remoteStatus";
import { readRemoteStatus } from "../runs/remoteStatus";
import { shareEvidence } from "../runs/shareEvidence";
import { standingInForce } from "../runs/standing";
import type { Session } from "../terminal";
import { areLasting, type Copies } from "./copies";
import type { KeeperFacts, Silence } from "./facts";
import { lostAfter } from "./judge";
import type { KeeperMemory } from "./memory";

export interface Look {
  readonly facts: KeeperFacts;
  /** The open connection, for whoever goes on; the caller closes it. */
  readonly remote: Remote | null;
  /** What could not be done in this pass, and is tried at the next. */
  readonly problems: readonly string[];
}

export interface LookOptions {
  readonly session: Session;
  readonly projectRoot: string;
  readonly run: RunCustody;
  readonly view: RunView;
  readonly entries: readonly LedgerEntry[];
  readonly memory: KeeperMemory;
  readonly config: KeeperConfig;
  readonly copies: Copies;
  readonly signal: AbortSignal;
}

/** Machines are asked for so long. Seconds. */
const answerWithin = 60;

export async function lookAt(options: LookOptions): Promise<Look> {
  const { session, run, view, memory, config } = options;
  const problems: string[] = [];
  const remote = remoteForRun(run, { clock: session.clock, attempts: 1 });
  try {
    const asked = await askMachine(options, remote, problems);
    const followed = asked.status === null || isClosed(asked.status) ? null : await follow(options, remote, problems);
    const entries = run.entries();
    const now = session.clock.now();
    const finishedAt = finishedSince(asked.status, memory);
    const cost = costOf(entries, now);
    const facts: KeeperFacts = {
      run: runId(run.ref), life: view.declaredAt, now, view: run.view(), entries, config, status: asked.status, silence: asked.silence, followed, finishedAt,
      progressAt: progressSince(asked.status, memory, now), cost, clocks: runClocks(run.view(), { now, closedAt: finishedAt, cost }),
      lease: leaseOf(run.view(), (view.plan as Plan | null)?.budget.maxHours ?? null), standing: standingInForce(run, now),
      capacity: config.restart || view.waiting !== null ? await capacity(options, problems) : null,
    };
    return { facts, remote: asked.status === null ? await closed(remote) : remote, problems };
  } catch (error) {
    await remote?.close();
    throw error;
  }
}

const isClosed = (status: RemoteStatus): boolean => Boolean(status.closed) && status.writer === "none";

async function closed(remote: Remote | null): Promise<null> {
  await remote?.close();
  return null;
}

async function askMachine(options: LookOptions, remote: Remote | null, problems: string[]): Promise<{ status: RemoteStatus | null; silence: Silence | null }> {
  const { session, run, view, memory, signal } = options;
  if (view.resources.get("job") === undefined && !view.jobEverStarted) return { status: null, silence: null };
  if (remote === null) return { status: null, silence: await silent(options, "no machine of it is known to stand", problems) };
  try {
    const status = await readRemoteStatus(run, remote, { timeoutSeconds: answerWithin, signal });
    await rememberLook(run, { at: session.clock.now().toISOString(), status });
    memory.set("silence", null);
    return { status, silence: null };
  } catch (error) {
    if (!(error instanceof RemoteUnreachable || error instanceof UserError)) throw error;
    return { status: null, silence: await silent(options, error instanceof RemoteUnreachable ? error.reason : error.message, problems) };
  }
}

async function silent(options: LookOptions, why: string, problems: string[]): Promise<Silence> {
  const { session, view, memory } = options;
  const now = session.clock.now();
  const since = memory.state.silence?.since ?? now.toISOString();
  memory.set("silence", { since, why });
  const instance = view.resources.get("instance");
  if (instance === undefined) return { since, why, instance: "none" };
  if (now.getTime() - Date.parse(since) < lostAfter * 1000) return { since, why, instance: "unknown" };
  return { since, why, instance: await atVendor(options, instance.id, problems) };
}

/** What the vendor lists. One that does not answer proves nothing. */
async function atVendor({ view, projectRoot }: LookOptions, id: string, problems: string[]): Promise<Silence["instance"]> {
  try {
    const source = await platformSource(view.endpoint.platform);
    return (await source.listBillables(view.endpoint, projectRoot)).some((billable) => billable.id === id) ? "stands" : "gone";
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    problems.push(`the vendor could not be asked: ${error.message.split("\n")[0] ?? ""}`);
    return "unknown";
  }
}

async function follow({ session, run, copies, signal }: LookOptions, remote: Remote | null, problems: string[]): Promise<FollowPass | null> {
  if (remote === null || !areLasting(copies)) return null;
  const { target } = copies;
  try {
    const pass = await followOnce(run, remote, await locateRun(run, remote), { clock: session.clock, signal, ...(target === null ? {} : { target }) });
    if (pass.cells.length > 0) await shareEvidence(session, run, remote);
    return pass;
  } catch (error) {
    if (!(error instanceof RemoteUnreachable || error instanceof UserError)) throw error;
    problems.push(`nothing was pulled: ${error.message.split("\n")[0] ?? ""}`);
    return null;
  }
}

async function capacity({ run, view, projectRoot, session }: LookOptions, problems: string[]): Promise<CapacityNow | null> {
  if (view.waiting === null || Date.parse(view.waiting.until) <= session.clock.now().getTime()) return null;
  try {
    return await capacityFor(run, projectRoot);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    problems.push(`capacity could not be looked up: ${error.message.split("\n")[0] ?? ""}`);
    return null;
  }
}

/** A machine that is silent now may have closed its queue before. */
function finishedSince(status: RemoteStatus | null, memory: KeeperMemory): string | null {
  if (status !== null) memory.set("finishedAt", isClosed(status) ? (status.closed?.at ?? null) : null);
  return memory.state.finishedAt;
}

function progressSince(status: RemoteStatus | null, memory: KeeperMemory, now: Date): string | null {
  if (status !== null) {
    const { newestCheckpoint } = status;
    const mark = JSON.stringify([newestCheckpoint?.path, newestCheckpoint?.mtime, newestCheckpoint?.bytes, status.cells.map(({ cell, state, attempt }) => [cell, state, attempt])]);
    if (memory.state.progress?.mark !== mark) memory.set("progress", { mark, since: now.toISOString() });
  }
  return memory.state.progress?.since ?? null;
}
