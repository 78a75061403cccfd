/** When something happens to a run, or to what was agreed about it, without anybody asking: as points in time. Pure. */
import type { RunView } from "../../custody";
import type { Plan } from "../../profiles/plan";

export interface RunClock {
  /** The profile's id of the clock, or `timeBudget`, `moneyBudget`, `disposable`, `approval`. */
  readonly id: string;
  /** ISO 8601; null when the moment is not known in advance. In the past: it has struck. */
  readonly at: string | null;
  /** Two or three words, for a column. */
  readonly title: string;
  readonly statement: string;
  /** Tiers (ids) that are lost when it strikes. */
  readonly tiersLost: readonly string[];
}

export interface ClockFacts {
  readonly now: Date;
  /** ISO 8601: when the queue closed, where somebody looked. */
  readonly closedAt: string | null;
  readonly cost: { readonly usdSoFar: number; readonly usdPerHour: number };
}

/** The soonest first, those without a known moment last. */
export function clocksOf(view: RunView, facts: ClockFacts): RunClock[] {
  const clocks = [...budgets(view, facts), ...agreements(view, facts.now), ...platformClocks(view, facts)];
  return clocks.sort((a, b) => moment(a) - moment(b));
}

/** What to tell where there is room for one: what has struck already, else what strikes next. */
export function nextClock(clocks: readonly RunClock[]): RunClock | null {
  return clocks.find((clock) => clock.at !== null) ?? null;
}

const moment = (clock: RunClock): number => (clock.at === null ? Infinity : Date.parse(clock.at));
const after = (iso: string, seconds: number): string => new Date(Date.parse(iso) + seconds * 1000).toISOString();

function* budgets(view: RunView, { now, cost }: ClockFacts): Iterable<RunClock> {
  const budget = (view.plan as Plan | null)?.budget;
  if (budget?.maxHours) {
    const at = after(billingSince(view), budget.maxHours * 3600);
    yield { id: "timeBudget", at, title: "time budget", statement: `The time budget of ${budget.maxHours} h ends. Nothing is destroyed by that; it goes on billing.`, tiersLost: [] };
  }
  if (budget?.maxUsd && cost.usdPerHour > 0) {
    const at = new Date(now.getTime() + ((budget.maxUsd - cost.usdSoFar) / cost.usdPerHour) * 3_600_000);
    // A budget that lasts for years strikes no clock.
    if (at.getTime() - now.getTime() < 366 * 86_400_000) {
      yield { id: "moneyBudget", at: at.toISOString(), title: "money budget", statement: `At the present rate the money budget of $${budget.maxUsd} is spent. It goes on billing.`, tiersLost: [] };
    }
  }
}

/** Compute is what a time budget is for: it counts from the first instance of this life of the run. */
function billingSince(view: RunView): string {
  const instances = [...view.deleted, ...view.live].filter(({ role }) => role === "instance").map(({ since }) => since);
  return instances.sort()[0] ?? view.declaredAt;
}

function* agreements(view: RunView, now: Date): Iterable<RunClock> {
  if (view.disposable !== null) {
    const at = after(view.disposable.createdAt, view.disposable.maxHours * 3600);
    yield { id: "disposable", at, title: "disposable until", statement: "It was declared disposable until then; a destroy asks only for its name.", tiersLost: [] };
  }
  const approval = view.approvals.findLast(({ scope }) => scope === "end");
  if (approval && !view.usedApprovals.has(approval.approval) && Date.parse(approval.expiresAt) > now.getTime()) {
    yield { id: "approval", at: approval.expiresAt, title: "approval expires", statement: `Approval ${approval.approval} expires; a destroy after that asks for a new one.`, tiersLost: [] };
  }
}

function platformClocks(view: RunView, { closedAt }: ClockFacts): RunClock[] {
  const since = view.resources.get("instance")?.since ?? null;
  return ((view.plan as Plan | null)?.clocks ?? []).map(({ id, statement, seconds, from, tiersLost }) => {
    const origin = from === "launch" ? since : from === "finish" ? closedAt : null;
    return { id, at: seconds === null || origin === null ? null : after(origin, seconds), title: words(id), statement, tiersLost };
  });
}

/** autoShutdown: auto shutdown */
const words = (id: string): string => id.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
