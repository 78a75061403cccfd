/** When something happens to a run, or to what was agreed about it, without anybody asking: as points in time. Pure. */
import type { RunView } from "../../custody";
import { leaseOf } from "../../custody/lease";
import type { Plan } from "../../profiles/plan";

export interface RunClock {
  /** The plan's id of the clock (the profile's, `lease`, `disposable`), or `budget`, `approval`, `standing`, `capacity`. */
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
export function runClocks(view: RunView, facts: ClockFacts): RunClock[] {
  const clocks = [...leases(view), ...budgets(view, facts), ...agreements(view, facts.now), ...plannedClocks(view, facts)];
  return clocks.sort((a, b) => moment(a) - moment(b));
}

/** What to tell where there is room for one: what has struck already, else what strikes next. */
export function nextClock(clocks: readonly RunClock[]): RunClock | null {
  return clocks.find((clock) => clock.at !== null) ?? null;
}

const moment = (clock: RunClock): number => (clock.at === null ? Infinity : Date.parse(clock.at));
const after = (iso: string, seconds: number): string => new Date(Date.parse(iso) + seconds * 1000).toISOString();

function* leases(view: RunView): Iterable<RunClock> {
  const planned = (view.plan as Plan | null)?.clocks.find(({ id }) => id === "lease");
  const lease = leaseOf(view, planned?.seconds ? planned.seconds / 3600 : null);
  if (lease === null) return;
  yield { id: "lease", at: lease.until, title: "lease ends", statement: planned?.statement ?? "The run's own lease ends. It destroys nothing by itself.", tiersLost: [] };
}

function* budgets(view: RunView, { now, cost }: ClockFacts): Iterable<RunClock> {
  const maxUsd = (view.plan as Plan | null)?.budget.maxUsd;
  if (!maxUsd || cost.usdPerHour <= 0) return;
  const at = new Date(now.getTime() + ((maxUsd - cost.usdSoFar) / cost.usdPerHour) * 3_600_000);
  // A budget that lasts for years strikes no clock.
  if (at.getTime() - now.getTime() > 366 * 86_400_000) return;
  yield { id: "budget", at: at.toISOString(), title: "budget spent", statement: `At the present rate the budget of $${maxUsd} is spent. It destroys nothing: the run goes on billing.`, tiersLost: [] };
}

function* agreements(view: RunView, now: Date): Iterable<RunClock> {
  const counts = (id: string, expiresAt: string): boolean => !view.usedApprovals.has(id) && Date.parse(expiresAt) > now.getTime();
  const approval = view.approvals.findLast(({ scope }) => scope === "end");
  if (approval && counts(approval.approval, approval.expiresAt)) {
    yield { id: "approval", at: approval.expiresAt, title: "approval expires", statement: `Approval ${approval.approval} expires; a destroy after that asks for a new one.`, tiersLost: [] };
  }
  const standing = view.standing.findLast(({ standing: id, expiresAt }) => counts(id, expiresAt) && !view.revokedStanding.has(id));
  if (standing) {
    yield { id: "standing", at: standing.expiresAt, title: "standing expires", statement: `Standing approval ${standing.standing} expires; a run that ends after that bills until a person approves.`, tiersLost: [] };
  }
  if (view.waiting !== null) {
    yield { id: "capacity", at: view.waiting.until, title: "capacity wait ends", statement: "Nobody waits for capacity longer than this by themselves.", tiersLost: [] };
  }
}

function plannedClocks(view: RunView, { closedAt }: ClockFacts): RunClock[] {
  const launchedAt = view.resources.get("instance")?.since ?? null;
  const clocks = ((view.plan as Plan | null)?.clocks ?? []).filter(({ id }) => id !== "lease" && (id !== "disposable" || view.disposable !== null));
  return clocks.map(({ id, statement, seconds, from, tiersLost }) => {
    // The run's own clocks go on when its instance is replaced; the platform's begin anew with each instance.
    const own: Readonly<Record<string, string | undefined>> = { disposable: view.disposable?.createdAt };
    const origin = own[id] ?? (from === "launch" ? launchedAt : from === "finish" ? closedAt : null);
    return { id, at: seconds === null || origin === null ? null : after(origin, seconds), title: titles[id] ?? words(id), statement, tiersLost };
  });
}

const titles: Readonly<Record<string, string>> = { disposable: "disposable until" };

/** autoShutdown: auto shutdown */
const words = (id: string): string => id.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
