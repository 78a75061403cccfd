/** What a look at a run means: what to tell, and what to do. Pure: time, machine and ledger are facts. */
import { createHash } from "node:crypto";
import { costOf, leaseIsOver } from "../../custody";
import type { Plan } from "../../profiles/plan";
import { formatDuration, formatTime, formatUsd, listOf, plural } from "../render/units";
import { cellsLeft } from "../runs/cellsLeft";
import { eventOf, type KeeperEvent } from "./events";
import type { Action, KeeperFacts } from "./facts";

export interface Judgement {
  readonly events: readonly KeeperEvent[];
  readonly action: Action;
}

/** Silence before people hear of it. */
const silenceTold = 600;
/** Silence before the vendor is asked, and believed, that the instance is gone. */
export const lostAfter = 60;
/** A lease that is to be renewed is renewed when no more than this is left. */
const renewWithin = 3600;

const hour = 3_600_000;

export function judge(facts: KeeperFacts): Judgement {
  const events = [...cells(facts), ...machine(facts), ...clocks(facts), ...agreement(facts), ...capacity(facts)];
  const action = decideAction(facts);
  if (action.kind === "end" && action.why === "finished") events.push(finished(facts, action.since));
  if (action.kind === "end" && action.why === "stopped") events.push(stopped(facts, action.since));
  return { events, action };
}

function decideAction(facts: KeeperFacts): Action {
  const { now, view, lease, finishedAt, status, silence, config } = facts;
  const over = leaseIsOver(lease, now);
  // A teardown that has begun is ended before anything else is thought of.
  if (view.openGrant?.basis === "standing-approval") return { kind: "end", why: "finished", since: finishedAt ?? view.openGrant.at };
  if (finishedAt !== null && (status === null || status.writer === "none")) return { kind: "end", why: "finished", since: finishedAt };
  const stopped = stoppedSince(facts);
  if (stopped !== null) return { kind: "end", why: "stopped", since: stopped };
  const renewed = renewal(facts);
  if (renewed.until !== null) return { kind: "renew", until: renewed.until };
  if (view.waiting !== null && config.restart && facts.capacity !== null && facts.capacity.available.length > 0 && Date.parse(view.waiting.until) > now.getTime()) {
    return { kind: "restart", why: "capacity", what: facts.capacity.available.map(({ type, region }) => `${type} in ${region}`).join(", ") };
  }
  if (over && lease !== null) return { kind: "end", why: "lease-over", since: lease.until };
  if (config.restart && silence !== null && isLost(facts) && withinBudget(facts)) return { kind: "restart", why: "lost", what: view.resources.get("instance")?.name ?? "its instance" };
  if (config.restart && isDead(facts) && withinBudget(facts)) return { kind: "restart", why: "dead", what: "its queue" };
  return { kind: "watch" };
}

/** Nothing writes, cells are left that nobody cancelled, and it has been so for a while: a reboot or a kill ended the queue. */
export function isDead({ view, status, now }: Pick<KeeperFacts, "view" | "status" | "now">): boolean {
  if (status === null || status.writer !== "none" || status.closed || !view.jobEverStarted || view.openGrant !== null) return false;
  const lastSign = status.heartbeat === null || status.heartbeat === undefined ? Number.NaN : Date.parse(status.heartbeat.at);
  return cellsLeft(status.cells).length > 0 && now.getTime() - lastSign >= lostAfter * 1000;
}

/** Nothing runs and nothing would go on, yet its queue did not close: cancelled by a person, or ended behind its last cell. Then since when, ISO 8601. */
export function stoppedSince({ view, status }: Pick<KeeperFacts, "view" | "status">): string | null {
  if (status === null || status.writer !== "none" || status.closed || !view.jobEverStarted || view.openGrant !== null || status.cells.length === 0 || cellsLeft(status.cells).length > 0) return null;
  const signs = [...status.cells.map(({ endedAt }) => endedAt), status.heartbeat?.at].filter((sign) => typeof sign === "string");
  return signs.sort((a, b) => Date.parse(a) - Date.parse(b)).at(-1) ?? null;
}

/** The run is meant to have a machine, and has had none for a while: an update that replaces it is done within minutes. */
export function isLost({ view, silence, now }: Pick<KeeperFacts, "view" | "silence" | "now">): boolean {
  if (silence === null || view.waiting !== null || !view.jobEverStarted || view.openGrant !== null) return false;
  if (now.getTime() - Date.parse(silence.since) < lostAfter * 1000) return false;
  return silence.instance === "gone" || silence.instance === "none";
}

const withinBudget = ({ view, cost }: KeeperFacts): boolean => {
  const maxUsd = (view.plan as Plan | null)?.budget.maxUsd ?? null;
  return maxUsd === null || (!cost.incomplete && cost.usdSoFar < maxUsd);
};

function* cells({ followed, status, ...occasion }: KeeperFacts): Iterable<KeeperEvent> {
  for (const { cell, receipt, files } of followed?.cells ?? []) {
    yield eventOf(occasion, "cell.complete", receipt, { severity: "info", title: `${occasion.run}: cell ${cell} is complete`, message: `${plural(files, "file")} are here, every byte matches, every checkpoint loads.`, data: { cell, receipt } });
  }
  for (const { path, code, message, cell } of followed?.damaged ?? []) {
    yield eventOf(occasion, "checkpoint.damaged", `${path} ${code}`, { severity: "warn", title: `${occasion.run}: ${path} does not load`, message: `${message} (${code})`, next: [`holdfast status ${occasion.run}`], data: { path, code, cell } });
  }
  for (const cell of status?.cells ?? []) {
    if (cell.state !== "failed") continue;
    const why = `${cell.cause ?? "cause unknown"}${cell.exit === null || cell.exit === undefined ? "" : `, exit ${cell.exit}`}`;
    yield eventOf(occasion, "cell.failed", `${cell.cell} ${cell.attempt ?? 0} ${cell.endedAt ?? ""}`, { severity: "warn", title: `${occasion.run}: cell ${cell.cell} failed`, message: `${why}, attempt ${cell.attempt ?? 0}.`, next: [`holdfast logs ${occasion.run} ${cell.cell}`], data: { cell: cell.cell, cause: cell.cause ?? null, exit: cell.exit ?? null } });
  }
}

function* machine(facts: KeeperFacts): Iterable<KeeperEvent> {
  const { silence, now, run, view } = facts;
  if (isDead(facts)) {
    yield eventOf(facts, "queue.dead", `${facts.status?.heartbeat?.epoch ?? ""} ${facts.status?.heartbeat?.at ?? ""}`, {
      severity: "urgent", title: `${run}: its queue is dead`, message: `The machine answers and nothing runs on it, after a reboot or a kill; it goes on billing ${formatUsd(facts.cost.usdPerHour)} per hour.${facts.config.restart ? " It is started again." : ""}`,
      next: facts.config.restart ? [] : ["pulumi up (starts it again from the newest checkpoints)"],
    });
  }
  if (silence === null) return;
  const seconds = (now.getTime() - Date.parse(silence.since)) / 1000;
  if (isLost(facts)) {
    const name = view.resources.get("instance")?.name ?? "its instance";
    yield eventOf(facts, "machine.lost", view.resources.get("instance")?.id ?? `none since ${view.deleted.findLast(({ role }) => role === "instance")?.id ?? ""}`, {
      severity: "urgent", title: `${run}: ${name} is gone`, message: `The vendor does not list it any more. What it wrote to the durable storage is there; the training stands still${facts.config.restart ? ", and is brought back" : ""}.`,
      next: facts.config.restart ? [] : ["pulumi up (brings an instance back on the same file system)"],
    });
  } else if (seconds >= silenceTold && view.waiting === null) {
    yield eventOf(facts, "machine.silent", silence.since, {
      severity: "warn", title: `${run}: its machine does not answer`, message: `Since ${formatTime(silence.since)}: ${silence.why}. It goes on billing ${formatUsd(facts.cost.usdPerHour)} per hour.`,
      next: [`holdfast status ${run}`, "holdfast audit (asks the vendor)"], data: { since: silence.since, instance: silence.instance },
    });
  }
}

/** Before each clock at the last threshold that was passed, and when it has struck: a computer that slept tells the newest only. */
function* clocks(facts: KeeperFacts): Iterable<KeeperEvent> {
  const { now, run, view, config, finishedAt } = facts;
  for (const clock of facts.clocks) {
    if (clock.at === null) continue;
    const left = Date.parse(clock.at) - now.getTime();
    // The end of a run is told by what follows from it.
    if (clock.id === "lease" && finishedAt !== null) continue;
    // The moment of a budget moves with what stands; everything else strikes at a moment that is known.
    const which = clock.id === "budget" ? `${clock.id} ${(view.plan as Plan | null)?.budget.maxUsd ?? ""}` : `${clock.id} ${clock.at}`;
    const next = nextFor(clock.id, run);
    const loses = clock.tiersLost.length === 0 ? "" : ` Lost then: ${listOf(clock.tiersLost)}.`;
    if (left <= 0) {
      if (clock.id === "approval" || clock.id === "disposable") continue;
      yield eventOf(facts, "clock.struck", which, { severity: "urgent", title: `${run}: ${clock.title} (${formatTime(clock.at)})`, message: `${clock.statement}${loses}`, next, data: { clock: clock.id, at: clock.at, tiersLost: clock.tiersLost } });
      continue;
    }
    const threshold = config.warnHours.filter((hours) => left <= hours * hour).sort((a, b) => a - b)[0];
    if (threshold === undefined) continue;
    yield eventOf(facts, "clock.warning", `${which} ${threshold}`, {
      severity: clock.tiersLost.length > 0 ? "urgent" : "warn", title: `${run}: ${clock.title} in ${formatDuration(left / 1000)}`, message: `At ${formatTime(clock.at)}: ${clock.statement}${loses}`, next,
      data: { clock: clock.id, at: clock.at, leftSeconds: Math.round(left / 1000), tiersLost: clock.tiersLost },
    });
  }
}

function nextFor(clock: string, run: string): string[] {
  switch (clock) {
    case "lease": return [`holdfast lease renew ${run} --for 6h`, `holdfast lease end ${run}`];
    case "capacity": return ["pulumi up (tries again)"];
    case "budget": return [`holdfast status ${run}`];
    case "standing": return [`holdfast approve ${run} --standing`];
    case "approval": return [`holdfast approve ${run}`];
    default: return [`holdfast pull ${run} --follow`, `holdfast status ${run}`];
  }
}

function* agreement(facts: KeeperFacts): Iterable<KeeperEvent> {
  const { config, standing, view, run, lease } = facts;
  if (config.standing === "ask" && standing.length === 0 && view.jobEverStarted && view.openGrant === null) {
    yield eventOf(facts, "standing.asked", "", { severity: "info", title: `${run}: nobody has agreed to its end yet`, message: "With a standing approval a run that ends at night is pulled, proven and destroyed; without one it bills until somebody comes.", next: [`holdfast approve ${run} --standing`] });
  }
  const { why } = renewal(facts);
  if (why !== null && lease !== null) yield eventOf(facts, "lease.not-renewed", lease.until, { severity: "warn", title: `${run}: its lease is not renewed`, message: why, next: [`holdfast lease renew ${run} --for 6h`] });
}

/** Renewed when little is left, the run makes progress, and the money lasts. `why` when that was wanted and may not be. */
export function renewal({ config, lease, now, finishedAt, progressAt, cost, view }: KeeperFacts): { until: string | null; why: string | null } {
  const nothing = { until: null, why: null };
  if (config.renewHours === null || lease === null || lease.ended || finishedAt !== null || Date.parse(lease.until) - now.getTime() > renewWithin * 1000) return nothing;
  const plan = view.plan as Plan | null;
  const patience = Math.max(1800, 3 * (plan?.checkpoint.everySeconds ?? 0));
  if (progressAt === null || now.getTime() - Date.parse(progressAt) > patience * 1000) return { until: null, why: `Nothing has changed on its machine ${progressAt === null ? "that anybody saw" : `since ${formatTime(progressAt)}`}, and only a run that makes progress is given more time.` };
  const maxUsd = plan?.budget.maxUsd ?? null;
  if (maxUsd === null) return { until: null, why: "No budget.maxUsd bounds what it may cost." };
  if (cost.incomplete) return { until: null, why: "A price is not known, so nobody can say that budget.maxUsd covers it." };
  const usd = cost.usdSoFar + config.renewHours * cost.usdPerHour;
  if (usd > maxUsd) return { until: null, why: `It would have cost ${formatUsd(usd)} by then, more than budget.maxUsd = ${formatUsd(maxUsd)}.` };
  return { until: new Date(now.getTime() + config.renewHours * hour).toISOString(), why: null };
}

function* capacity(facts: KeeperFacts): Iterable<KeeperEvent> {
  const { view, run, now, config } = facts;
  if (view.waiting === null) return;
  const { since, until, awaited } = view.waiting;
  if (Date.parse(until) <= now.getTime()) {
    yield eventOf(facts, "capacity.given-up", until, { severity: "warn", title: `${run}: no capacity, and nobody waits any longer`, message: `It waited for ${listOf(awaited)} from ${formatTime(since)} to ${formatTime(until)} (capacity.maxWaitMinutes).`, next: ["pulumi up (begins anew)"] });
    return;
  }
  yield eventOf(facts, "capacity.waiting", since, { severity: "info", title: `${run}: waits for capacity`, message: `For ${listOf(awaited)}, since ${formatTime(since)}, until ${formatTime(until)}.`, next: config.restart ? [] : ["pulumi up (tries again)"], data: { awaited, since, until } });
  const there = facts.capacity?.available ?? [];
  if (there.length > 0) {
    const what = listOf(there.slice(0, 3).map(({ type, region }) => `${type} in ${region}`));
    yield eventOf(facts, "capacity.there", `${since} ${what}`, { severity: config.restart ? "info" : "warn", title: `${run}: there is capacity`, message: `${what}. ${config.restart ? "The run is brought up now." : "keeper.restart is false, so a person brings it up."}`, next: config.restart ? [] : ["pulumi up"], data: { available: there } });
  }
}

function finished(facts: KeeperFacts, since: string): KeeperEvent {
  const { run, status, standing, cost, view } = facts;
  const open = openCells(facts);
  const agreed = standing.length > 0 || view.openGrant !== null;
  const what = status?.closed ? countCells(facts) : "Its queue has closed";
  const then = open.length > 0
    ? "It is pulled and proven; only a person gives up cells that are not complete, so it goes on billing."
    : agreed ? "It is pulled, proven and ended within its standing approval." : "It is pulled and proven; nobody has agreed to its end, so it goes on billing.";
  return eventOf(facts, "run.finished", since, {
    severity: "info", title: `${run} has finished`, message: `${what}. ${formatUsd(cost.usdSoFar)} so far, ${formatUsd(cost.usdPerHour)} per hour. ${then}`,
    next: open.length > 0 ? afterStop(facts) : agreed ? [] : [`holdfast approve ${run}`, "pulumi destroy"], data: { at: since, complete: status?.closed?.complete ?? [], failed: status?.closed?.failed ?? [] },
  });
}

function stopped(facts: KeeperFacts, since: string): KeeperEvent {
  const { run, cost } = facts;
  return eventOf(facts, "run.stopped", since, {
    severity: "warn", title: `${run} stands still`, message: `${stoppedCells(facts)} Its machine goes on billing ${formatUsd(cost.usdPerHour)} per hour.`, next: afterStop(facts), data: { at: since },
  });
}

export const stoppedCells = (facts: Pick<KeeperFacts, "status">): string => `Nothing runs and nothing is left that would: ${countCells(facts)}.`;

function countCells({ status }: Pick<KeeperFacts, "status">): string {
  const count = (state: string): number => status?.cells.filter((cell) => cell.state === state).length ?? 0;
  const others = ["cancelled", "failed"].flatMap((state) => (count(state) === 0 ? [] : [`${count(state)} ${state}`]));
  return [`${plural(count("complete"), "cell")} complete`, ...others].join(", ");
}

const openCells = ({ status }: Pick<KeeperFacts, "status">): string[] => status?.cells.filter(({ state }) => state === "cancelled" || state === "failed").map(({ cell }) => cell) ?? [];

/** What a person can do about it. A standing approval ends complete runs only. */
export function afterStop(facts: Pick<KeeperFacts, "run" | "status">): string[] {
  const { run } = facts;
  const open = openCells(facts);
  return [
    ...(open.length === 0 ? [] : [`holdfast retry --failed ${run} (goes on from the newest checkpoints)`]),
    `holdfast pull ${run}`, `holdfast approve ${run}${open.length === 0 ? "" : ` --partial ${open.join(" ")} --reason "..."`}`, "pulumi destroy",
  ];
}

/** What waiting for a person has cost: told once an hour, and once only for the hours that nobody was there to tell of. */
export function waitingEvent(facts: KeeperFacts, action: Extract<Action, { kind: "end" }>, holdsItUp: { readonly why: string; readonly next: readonly string[] }): KeeperEvent | null {
  const { now, entries, run } = facts;
  const hours = Math.floor((now.getTime() - Date.parse(action.since)) / hour);
  if (hours < 1) return null;
  const usd = usdSince(facts, action.since);
  const state = { finished: "has been finished", stopped: "has stood still", "lease-over": "has been beyond its lease" }[action.why];
  const rate = costOf(entries, now).usdPerHour;
  return eventOf(facts, "end.waiting", `${action.why} ${action.since} ${hours}`, {
    severity: "warn", title: `${run} ${state} for ${formatDuration((now.getTime() - Date.parse(action.since)) / 1000)}`, message: `The wait has cost ${formatUsd(usd)} and costs ${formatUsd(rate)} each further hour. ${holdsItUp.why}`, next: holdsItUp.next,
    data: { since: action.since, hours, usdOfWait: usd, usdPerHour: rate },
  });
}

/** By list price, since a moment. */
export function usdSince({ entries, now }: Pick<KeeperFacts, "entries" | "now">, since: string): number {
  const before = entries.filter(({ at }) => Date.parse(at) <= Date.parse(since));
  return Math.max(0, costOf(entries, now).usdSoFar - costOf(before, new Date(since)).usdSoFar);
}

/** Short and stable: for keys of events about a text. */
export const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 12);
