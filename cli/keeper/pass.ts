/**
 * One pass over one run: look, tell, act. Everything it needs to know of former passes is on disk, so that it may be killed at any
 * point: the next one looks again and goes on. One keeper at a time per run: a lock on this computer, a marker in the ledger elsewhere.
 */
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { COPIES_VARIABLE, tryFileLock, whoTypes, type Custody, type RunCustody, type RunView } from "../../custody";
import type { LedgerEntry, RunRef } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { messageOf, UserError } from "../../custody/userError";
import { foldLedger } from "../../custody/view";
import type { KeeperConfig } from "../../profiles/input/keeperConfig";
import { activityOf } from "../runs/overview";
import { isLive } from "../runs/project";
import type { Session } from "../terminal";
import { formatTime } from "../render/units";
import type { Copies } from "./copies";
import { ended, endRun } from "./end";
import { updateStack } from "./engine";
import { eventOf, type KeeperEvent } from "./events";
import type { Action, KeeperFacts } from "./facts";
import { digestOf, judge } from "./judge";
import { lookAt } from "./look";
import { faultsFile, KeeperMemory } from "./memory";
import { deliver, type Channel } from "./notify";
import { afterFailure, mayTry } from "./tries";

export interface PassReport {
  readonly run: string;
  readonly at: string;
  /** `training`, `finished`, `waiting`, `ended`, ...; `skipped` when another keeper looks after it. */
  readonly activity: string;
  /** What a person has to know of the outcome: `fine`, `ended`, `waits` for a person, `unproven`, `silent`, `skipped`, `failed`. */
  readonly state: "fine" | "ended" | "waits" | "unproven" | "silent" | "skipped" | "failed";
  readonly cells: { readonly total: number; readonly complete: number | null };
  readonly usdSoFar: number | null;
  readonly usdPerHour: number | null;
  readonly nextClock: { readonly id: string; readonly title: string; readonly at: string | null } | null;
  readonly did: string;
  /** News of this pass. */
  readonly events: readonly KeeperEvent[];
  readonly problems: readonly string[];
}

export interface PassOptions {
  readonly session: Session;
  readonly projectRoot: string;
  readonly custody: Custody;
  readonly ref: RunRef;
  readonly config: KeeperConfig;
  readonly channels: readonly Channel[];
  readonly copies: Copies;
  /** Seconds between passes; null: this one is the only one. */
  readonly everySeconds: number | null;
  readonly signal: AbortSignal;
}

/** A loop says so long ahead that it looks after a run; it says so again when half of it is over. */
const markerSeconds = 7200;
/** A single pass says it before it starts the engine. */
const actingSeconds = 1800;

export async function keepRun(options: PassOptions): Promise<PassReport> {
  const { session, custody, ref } = options;
  const run = custody.run(ref);
  const lock = tryFileLock(join(run.dir, "keeper.lock"));
  if (lock === null) return skipped(options, "another keeper on this computer looks after it");
  try {
    const entries = run.entries();
    const view = foldLedger(entries);
    const other = otherKeeper(run, view, session.clock.now());
    if (other !== null) return skipped(options, `the keeper ${other.keeper} looks after it until ${formatTime(other.until)}`);
    return await keep(options, run, view, entries);
  } catch (error) {
    if (options.signal.aborted) throw error;
    return await failed(options, run, error);
  } finally {
    lock.release();
  }
}

async function keep(options: PassOptions, run: RunCustody, view: RunView, entries: readonly LedgerEntry[]): Promise<PassReport> {
  const { session, config, everySeconds } = options;
  const memory = KeeperMemory.of(run, view.declaredAt);
  if (!isLive(view) || view.auditClosed !== null) return afterwards(options, run, view, memory);
  if (everySeconds !== null) watchOver(run, view, session.clock.now(), Math.max(markerSeconds, 4 * everySeconds));
  const { facts, remote, problems } = await lookAt({ ...options, run, view, entries, memory, config });
  const told: KeeperEvent[] = [];
  const faults: string[] = [];
  const tell = async (events: readonly KeeperEvent[]): Promise<void> => {
    told.push(...memory.take(events));
    faults.push(...(await deliver(memory, options.channels)));
  };
  try {
    const { events, action } = judge(facts);
    await tell([...answered(facts, memory), ...events]);
    const outcome = await act(options, run, memory, facts, action, remote);
    await tell(outcome.events);
    return { ...reportOf(options, facts, outcome), events: told, problems: [...problems, ...new Set(faults)] };
  } finally {
    await remote?.close();
  }
}

interface Outcome {
  readonly did: string;
  readonly events: readonly KeeperEvent[];
  readonly state: PassReport["state"];
}

async function act(options: PassOptions, run: RunCustody, memory: KeeperMemory, facts: KeeperFacts, action: Action, remote: Parameters<typeof endRun>[2]): Promise<Outcome> {
  const { session, projectRoot, signal } = options;
  // The gate judges the copies by the folder that the keeper was told of.
  const env = { ...session.env, ...(options.copies.places.shared === null ? {} : { [COPIES_VARIABLE]: options.copies.places.shared }) };
  const engine = { projectRoot, env, logPath: join(run.dir, "keeper", `${action.kind}.log`) };
  switch (action.kind) {
    case "watch":
      return { did: facts.followed === null || facts.followed.arrived.files + facts.followed.cells.length === 0 ? "" : "pulled what is closed", events: [], state: facts.silence === null || facts.view.waiting !== null ? "fine" : "silent" };
    case "renew":
      return renew(run, facts, action.until);
    case "restart":
      return restart(run, memory, facts, action, { engine, announce: () => announce(run, session.clock.now()), session });
    case "end": {
      const outcome = await endRun(facts, action, remote, { session, run, memory, engine, copies: options.copies, announce: () => announce(run, session.clock.now()), signal });
      return { ...outcome, state: outcome.state === "busy" ? "fine" : outcome.state };
    }
    default:
      return action satisfies never;
  }
}

function renew(run: RunCustody, facts: KeeperFacts, until: string): Outcome {
  run.append("lease.renewed", { by: `keeper of ${whoTypes()}`, until, why: `it makes progress, and budget.maxUsd covers ${facts.config.renewHours ?? 0} h more` });
  const event = eventOf(facts, "lease.renewed", until, { severity: "info", title: `${facts.run}: its lease is renewed until ${formatTime(until)}`, message: "It makes progress and stays within budget.maxUsd.", next: [`holdfast lease end ${facts.run}`], data: { until } });
  return { did: "renewed the lease", events: [event], state: "fine" };
}

async function restart(
  run: RunCustody, memory: KeeperMemory, facts: KeeperFacts, action: Extract<Action, { kind: "restart" }>,
  { engine, announce: mayAct, session }: { engine: Parameters<typeof updateStack>[1]; announce: () => boolean; session: Session },
): Promise<Outcome> {
  const of = action.why;
  const { restart: tries } = memory.state;
  if (!mayTry(tries, of, facts.now)) return { did: "waits before the next pulumi up", events: [], state: "waits" };
  if (!mayAct()) return { did: "another keeper brings it back", events: [], state: "fine" };
  try {
    const { exitCode, output, busy } = await updateStack(run.ref, engine);
    if (busy) return { did: "the stack is locked by another operation", events: [], state: "fine" };
    if (exitCode === 0) {
      memory.set("restart", null);
      const back = run.view().resources.get("instance");
      if (back === undefined) return { did: "pulumi up; it waits for capacity", events: [], state: "fine" };
      if (action.why === "dead") {
        const started = run.entries().findLast(({ kind }) => kind === "job.started");
        return { did: "pulumi up", events: [eventOf(facts, "queue.restarted", started?.hash ?? "", { severity: "info", title: `${facts.run}: its queue runs again`, message: "It goes on from the newest checkpoints." })], state: "fine" };
      }
      return { did: "pulumi up", events: [eventOf(facts, "machine.restarted", back.id, { severity: "info", title: `${facts.run} has a machine again`, message: `${back.name} goes on from the newest checkpoints.`, data: { instance: back.id } })], state: "fine" };
    }
    memory.set("restart", afterFailure(tries, of, session.clock.now()));
    const lines = errorsOf(output);
    return { did: "pulumi up failed", events: [eventOf(facts, "restart.failed", digestOf(lines), { severity: "urgent", title: `${facts.run}: pulumi up failed`, message: lines || `exit code ${exitCode}`, next: ["pulumi up (a person looks)"] })], state: "waits" };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    memory.set("restart", afterFailure(tries, of, session.clock.now()));
    return { did: "held back", events: [eventOf(facts, "restart.held-back", digestOf(error.message), { severity: "warn", title: `${facts.run} is not brought back`, message: error.message, next: error.next })], state: "waits" };
  }
}

/** Each error of the engine with the lines that belong to it, up to the next empty one. */
function errorsOf(output: string): string {
  let within = false;
  const told = output.split("\n").map((line) => line.trim()).filter((line) => {
    within = line !== "" && (within || /error/i.test(line));
    return within;
  });
  return told.slice(0, 12).join("\n");
}

/** A silence that people heard of is over. */
function answered(facts: KeeperFacts, memory: KeeperMemory): KeeperEvent[] {
  if (facts.status === null) return [];
  const silence = memory.lastTold("machine.silent");
  return silence === null ? [] : [eventOf(facts, "machine.answers", silence.id, { severity: "info", title: `${facts.run}: its machine answers again`, message: "It goes on." })];
}

/** The run is over: whoever looked after it tells so, once. */
async function afterwards(options: PassOptions, run: RunCustody, view: RunView, memory: KeeperMemory): Promise<PassReport> {
  const occasion = { run: runId(run.ref), life: view.declaredAt, now: options.session.clock.now() };
  const events = memory.remembered && view.auditClosed !== null ? memory.take([ended(occasion, run)]) : [];
  const problems = memory.remembered ? await deliver(memory, options.channels) : [];
  return { ...blank(options), activity: "ended", state: "ended", cells: { total: view.roster.size, complete: null }, usdSoFar: view.auditClosed?.usd ?? null, usdPerHour: 0, events, problems };
}

async function failed(options: PassOptions, run: RunCustody, error: unknown): Promise<PassReport> {
  const text = messageOf(error);
  const broken = error instanceof UserError && (error.code === "ledger-broken" || error.code === "run-unknown");
  const occasion = { run: runId(run.ref), life: "unreadable", now: options.session.clock.now() };
  // Once a day: what goes on failing is still true tomorrow.
  const event = eventOf(occasion, broken ? "run.unreadable" : "keeper.failed", `${digestOf(text)} ${occasion.now.toISOString().slice(0, 10)}`, {
    severity: "urgent", title: `${occasion.run}: ${broken ? "its ledger cannot be read" : "the keeper could not look after it"}`, message: text, next: error instanceof UserError ? error.next : [],
  });
  try {
    const memory = KeeperMemory.of(run, occasion.life, faultsFile);
    const events = memory.take([event]);
    return { ...blank(options), state: "failed", events, problems: [firstLine(text), ...(await deliver(memory, options.channels))] };
  } catch (cause) {
    // A disk that takes no file keeps no memory either.
    return { ...blank(options), state: "failed", events: [event], problems: [firstLine(text), firstLine(messageOf(cause))] };
  }
}

const firstLine = (text: string): string => text.split("\n")[0] ?? text;

const skipped = (options: PassOptions, why: string): PassReport => ({ ...blank(options), activity: "skipped", state: "skipped", did: why });

const blank = ({ ref, session }: PassOptions): PassReport => ({
  run: runId(ref), at: session.clock.now().toISOString(), activity: "unknown", state: "fine", cells: { total: 0, complete: null }, usdSoFar: null, usdPerHour: null, nextClock: null, did: "", events: [], problems: [],
});

function reportOf(options: PassOptions, facts: KeeperFacts, { did, state }: Outcome): PassReport {
  const next = facts.clocks.find(({ at }) => at !== null) ?? null;
  const complete = facts.status?.cells.filter((cell) => cell.state === "complete").length ?? null;
  return {
    ...blank(options), activity: state === "ended" ? "ended" : facts.finishedAt !== null ? "finished" : activityOf(facts.view, facts.status), state, cells: { total: facts.view.roster.size, complete },
    usdSoFar: facts.cost.usdSoFar, usdPerHour: facts.cost.usdPerHour, nextClock: next === null ? null : { id: next.id, title: next.title, at: next.at }, did,
  };
}

/** Two keepers on one computer share a lock; across computers a keeper is named by its computer and its custody store. */
const nameOf = (run: RunCustody): string => `${hostname()}-${createHash("sha256").update(dirname(run.dir)).digest("hex").slice(0, 6)}`;

function otherKeeper(run: RunCustody, view: RunView, now: Date): { keeper: string; until: string } | null {
  const { keeper } = view;
  return keeper !== null && keeper.keeper !== nameOf(run) && Date.parse(keeper.until) > now.getTime() ? keeper : null;
}

function watchOver(run: RunCustody, view: RunView, now: Date, seconds: number): void {
  const own = view.keeper?.keeper === nameOf(run) ? view.keeper : null;
  if (own !== null && Date.parse(own.until) - now.getTime() > (seconds * 1000) / 2) return;
  run.append("keeper.watching", { keeper: nameOf(run), until: new Date(now.getTime() + seconds * 1000).toISOString() });
}

/** False when another keeper was quicker. */
function announce(run: RunCustody, now: Date): boolean {
  const view = run.view();
  if (otherKeeper(run, view, now) !== null) return false;
  watchOver(run, view, now, actingSeconds);
  return true;
}
