/** How long a run was meant to take, and who answers for it. A lease that ends destroys nothing; it is when somebody has to look. Pure. */
import type { Lease, RunView } from "./view";

/** What the ledger recorded, else what `maxHours` (budget.maxHours of the plan) means; null: nothing bounds the run. */
export function leaseOf(view: RunView, maxHours: number | null): Lease | null {
  if (view.lease !== null) return view.lease;
  return maxHours === null ? null : { owner: null, until: hoursAfter(firstLaunch(view), maxHours), renewals: 0, ended: false };
}

export const leaseIsOver = (lease: Lease | null, now: Date): boolean => lease !== null && Date.parse(lease.until) <= now.getTime();

/** `hours` from now, or what it has anyway when that is later. */
export function renewedUntil(lease: Lease | null, hours: number, now: Date): string {
  const wanted = hoursAfter(now.toISOString(), hours);
  return lease !== null && !lease.ended && Date.parse(lease.until) > Date.parse(wanted) ? lease.until : wanted;
}

/** Of this life of the run, also when that instance is gone. */
export function firstLaunch(view: RunView): string {
  const instances = [...view.deleted, ...view.live].filter(({ role }) => role === "instance").map(({ since }) => since);
  return instances.sort()[0] ?? view.declaredAt;
}

const hoursAfter = (at: string, hours: number): string => new Date(Date.parse(at) + hours * 3_600_000).toISOString();
