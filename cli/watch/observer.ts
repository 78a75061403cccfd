/**
 * Looks at runs again and again, each at its own pace, so that a machine that hangs holds up no other. What is known stays known
 * while a machine is silent, with since when.
 */
import type { Custody, RunCustody, RunView } from "../../custody";
import type { RunRef } from "../../custody/formats";
import { runId } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import { foldLedger } from "../../custody/view";
import { readNewestRows } from "../metrics/live";
import type { MetricsRow } from "../metrics/series";
import { recallLook, rememberLook } from "../runs/lastLook";
import { activityOf } from "../runs/overview";
import { isLive } from "../runs/project";
import { readRemoteStatus, type RemoteStatus } from "../runs/remoteStatus";
import { statusReport, type StatusReport } from "../runs/status";
import type { Session } from "../terminal";

export interface WatchedRun {
  readonly id: string;
  /** null until the ledger was read. */
  readonly report: StatusReport | null;
  /** The machine was asked in this watch, or there is none; before that only what earlier commands saw is known. */
  readonly looked: boolean;
  readonly activity: string;
  /** The newest row of metrics of each cell that has one. */
  readonly rows: ReadonlyMap<string, MetricsRow>;
  /** When the machine last answered, ISO 8601; also before this watch began. */
  readonly seenAt: string | null;
  /** It did not answer when it was last asked; since when, ISO 8601. */
  readonly silence: { readonly since: string; readonly why: string } | null;
}

/** A machine that answers later than this counts as silent. Seconds. */
const answerWithin = 15;
/** Cells whose newest row is asked for in one look. */
const rowsAtOnce = 200;

export class Observer {
  private readonly watched = new Map<string, Watched>();
  private readonly listeners = new Set<() => void>();
  private readonly stopped = new AbortController();
  private readonly loops: Promise<void>[] = [];
  private fault: { readonly error: unknown } | null = null;

  constructor(
    private readonly session: Session,
    private readonly custody: Custody,
    private readonly everySeconds: number,
  ) {}

  /** In the order in which they were added. */
  runs(): readonly WatchedRun[] {
    return [...this.watched.values()].map(({ shown }) => shown);
  }

  /** Called after each change. Returns what ends it. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What ended a look that should not have failed; thrown by whoever shows the runs. */
  failure(): { readonly error: unknown } | null {
    return this.fault;
  }

  /** A run that is watched already is left as it is. */
  watch(ref: RunRef): void {
    if (this.watched.has(runId(ref))) return;
    const watched = new Watched(this.custody.run(ref));
    this.watched.set(runId(ref), watched);
    this.loops.push(this.loop(watched));
  }

  /** Looks now instead of at the next turn. */
  refresh(): void {
    for (const watched of this.watched.values()) watched.wake();
  }

  run(id: string): RunCustody | null {
    return this.watched.get(id)?.run ?? null;
  }

  /** Resolves when no look is under way and no connection of its own is open. */
  async stop(): Promise<void> {
    this.stopped.abort();
    this.refresh();
    await Promise.all(this.loops);
    await Promise.all([...this.watched.values()].map((watched) => watched.disconnect()));
  }

  private async loop(watched: Watched): Promise<void> {
    try {
      await watched.recall(this.session);
      this.changed();
      while (!this.stopped.signal.aborted) {
        await watched.look(this.session, this.stopped.signal);
        watched.shown = { ...watched.shown, looked: true };
        this.changed();
        await watched.rest(this.session, this.everySeconds, this.stopped.signal);
      }
    } catch (error) {
      if (this.stopped.signal.aborted) return;
      this.fault ??= { error };
      this.changed();
    }
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}

class Watched {
  shown: WatchedRun;
  private sleep = new AbortController();
  private connection: { readonly key: string; readonly remote: Remote } | null = null;
  private status: RemoteStatus | null = null;

  constructor(readonly run: RunCustody) {
    this.shown = { id: runId(run.ref), report: null, looked: false, activity: "unknown", rows: new Map(), seenAt: null, silence: null };
  }

  /** What was seen by an earlier command is shown at once. */
  async recall(session: Session): Promise<void> {
    const { view } = this.show(session, {});
    const look = await recallLook(this.run, view.declaredAt);
    if (look === null) return;
    this.status = look.status;
    this.show(session, { seenAt: look.at });
  }

  async look(session: Session, signal: AbortSignal): Promise<void> {
    const { view } = this.show(session, {});
    const remote = await this.connect(session, view);
    if (remote === null) {
      this.show(session, { silence: null });
      return;
    }
    try {
      const [status, rows] = await this.ask(remote, view, signal);
      const at = session.clock.now().toISOString();
      this.status = status;
      await rememberLook(this.run, { at, status });
      this.show(session, { seenAt: at, silence: null, rows });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof RemoteUnreachable || error instanceof UserError)) throw error;
      this.show(session, { silence: { since: this.shown.silence?.since ?? session.clock.now().toISOString(), why: error.message } });
    }
  }

  async rest(session: Session, seconds: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.sleep = new AbortController();
    await session.clock.sleep(seconds * 1000, this.sleep.signal).catch(() => undefined);
  }

  wake(): void {
    this.sleep.abort();
  }

  async disconnect(): Promise<void> {
    await this.connection?.remote.close();
    this.connection = null;
  }

  /** Both questions at once over the one connection; rows of cells that have ended are asked for once. */
  private async ask(remote: Remote, view: RunView, signal: AbortSignal): Promise<[RemoteStatus, ReadonlyMap<string, MetricsRow>]> {
    const { jobPlace } = await import("../../providers/job/layout.js");
    const place = jobPlace(view);
    const ended = new Set(this.status?.cells.filter(({ state }) => state !== "running" && state !== "pending").map(({ cell }) => cell));
    const wanted = [...view.roster].filter((cell) => !ended.has(cell) || !this.shown.rows.has(cell)).slice(0, rowsAtOnce);
    const [status, fresh] = await Promise.all([
      readRemoteStatus(this.run, remote, { timeoutSeconds: answerWithin, signal }),
      place === null ? new Map<string, MetricsRow>() : readNewestRows(remote, place.directory, wanted, { timeoutSeconds: answerWithin, signal }),
    ]);
    return [status, new Map([...this.shown.rows, ...fresh])];
  }

  /** The connection is kept from look to look; another instance or address is another connection. */
  private async connect(session: Session, view: RunView): Promise<Remote | null> {
    const { openSshRemote } = await import("../../providers/ssh/remote.js");
    const { sshTarget } = await import("../../providers/ssh/forRun.js");
    const target = view.resources.has("job") ? sshTarget(this.run, view) : null;
    const key = JSON.stringify(target);
    if (target !== null && this.connection?.key === key) return this.connection.remote;
    await this.disconnect();
    if (target === null) return null;
    const remote = openSshRemote(target, { clock: session.clock, attempts: 1 });
    this.connection = { key, remote };
    return remote;
  }

  /** Reads the ledger anew: a run is declared, paid for and ended by other processes. */
  private show(session: Session, seen: Partial<Pick<WatchedRun, "rows" | "seenAt" | "silence">>): { view: RunView } {
    const entries = this.run.entries();
    const view = foldLedger(entries);
    const silence = seen.silence === undefined ? this.shown.silence : seen.silence;
    const report = statusReport(this.run, { entries, view }, { remote: this.status, unreachable: silence?.why ?? null, folder: null }, session.clock.now());
    this.shown = { ...this.shown, ...seen, report, activity: isLive(view) ? activityOf(view, this.status) : "ended" };
    return { view };
  }
}
