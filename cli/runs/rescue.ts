/** Reading storage that no machine of its run can read any more: attach the cheapest one, pull, list, end it, whatever happens. */
import { join } from "node:path";
import type { RunCustody } from "../../custody";
import type { UnclaimedData } from "../../custody/formats";
import { runId } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Reader, ReaderEdges, ReaderOffer } from "../../providers/platformContract";
import type { Session } from "../terminal";

export interface RescuePlan {
  readonly offer: ReaderOffer;
  /** USD at most, by the price and the hours it may take. */
  readonly maxUsd: number;
  readonly maxHours: number;
}

/** What came of it. `pulled` is null for storage on which the run never started a job. */
export interface Rescued<P> {
  readonly pulled: P | null;
  readonly unclaimed: readonly UnclaimedData[];
  /** Nobody of the run can write any more. */
  readonly quiet: boolean;
  /** How the machine and its key are known to be gone. */
  readonly gone: readonly string[];
}

export const readerEdges = (session: Session, projectRoot: string): ReaderEdges => ({ projectRoot, clock: session.clock, say: (message) => { session.note(`  ${message}`); } });

/** Throws UserError when a machine of the run still answers, when there is no storage, or nothing can be launched beside it. */
export async function planRescue(session: Session, run: RunCustody, edges: ReaderEdges, maxHours: number): Promise<RescuePlan> {
  const { platformSource } = await import("../../providers/platformSource.js");
  const view = run.view();
  await assertSilent(session, run);
  const { noticeLostMachine } = await import("../../providers/teardown/lostMachine.js");
  await noticeLostMachine(run, edges);
  const [offer] = await (await platformSource(view.endpoint.platform)).readerOffers(run, edges);
  if (offer === undefined) {
    throw new UserError(`Nothing can be launched beside the storage of ${runId(run.ref)} now: no type has capacity in its region.`, { code: "no-capacity", next: [`holdfast rescue ${runId(run.ref)} (later)`] });
  }
  return { offer, maxHours, maxUsd: offer.hourlyUsd * maxHours };
}

async function assertSilent(session: Session, run: RunCustody): Promise<void> {
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const { RemoteUnreachable } = await import("../../custody/remote.js");
  const remote = remoteForRun(run, { clock: session.clock, attempts: 1 });
  if (remote === null) return;
  try {
    if ((await remote.exec(["true"], { timeoutSeconds: 15 })).exitCode !== 0) return;
  } catch (error) {
    if (error instanceof RemoteUnreachable || error instanceof UserError) return;
    throw error;
  } finally {
    await remote.close();
  }
  throw new UserError(`A machine of ${runId(run.ref)} answers (${remote.description}), so nothing needs to be rescued.`, { code: "nothing-to-do", next: [`holdfast pull ${runId(run.ref)}`] });
}

/**
 * Attaches, reads, and ends the machine again, also when reading fails, is interrupted, or takes longer than planned. What was
 * killed in between is in the ledger, and the next call takes it over.
 */
export async function rescue<P>(session: Session, run: RunCustody, edges: ReaderEdges, plan: RescuePlan, pull: (remote: Remote) => Promise<P>): Promise<Rescued<P>> {
  const { platformSource } = await import("../../providers/platformSource.js");
  const source = await platformSource(run.view().endpoint.platform);
  const { signal } = session;
  let read: Omit<Rescued<P>, "gone">;
  try {
    const reader = await source.attachReader(run, plan.offer.hourlyUsd, edges);
    signal.throwIfAborted();
    read = await within(plan, run, readThrough(session, run, reader, pull));
  } finally {
    for (const line of await source.detachReader(run, edges)) session.note(`  gone: ${line}`);
  }
  return { ...read, gone: run.view().deleted.filter(({ role }) => role === "rescue").map(({ name, id, why }) => `${name} (${id}): ${why}`) };
}

async function within<T>({ maxHours }: RescuePlan, run: RunCustody, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new UserError(`The rescue of ${runId(run.ref)} took longer than ${maxHours} h and was ended; what has arrived is kept.`, { code: "rescue-late", next: [`holdfast rescue ${runId(run.ref)} --max-time ${2 * maxHours}h (goes on from there)`] }));
    }, maxHours * 3_600_000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}

async function readThrough<P>(session: Session, run: RunCustody, reader: Reader, pull: (remote: Remote) => Promise<P>): Promise<Omit<Rescued<P>, "gone">> {
  const { openSshRemote } = await import("../../providers/ssh/remote.js");
  const { awaitMachine } = await import("../../providers/job/place.js");
  const { readStorage } = await import("../../providers/teardown/readStorage.js");
  const remote = openSshRemote({ ...reader, knownHostsPath: join(run.paths.ssh, "known_hosts"), hostKeyAlias: reader.id }, { clock: session.clock });
  try {
    await awaitMachine(remote, session.clock, firstAnswerSeconds);
    const storage = await readStorage(run, remote);
    const pulled = run.view().jobEverStarted ? await pull(remote) : null;
    const { unclaimed, quiet } = await storage.list(reader.id);
    await storage.share();
    return { pulled, unclaimed, quiet };
  } finally {
    await remote.close();
  }
}

const firstAnswerSeconds = 180;
