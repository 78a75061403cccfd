/** The run's lease is written down when its first job starts: from then on it is somebody's, and is renewed or ended by an explicit act. */
import type { RunCustody } from "../../custody";
import { firstLaunch, whoTypes } from "../../custody";
import type { Plan } from "../../profiles/plan";

/** A run without `budget.maxHours` has none; a lease that is known is left as it is. */
export function grantLease(run: RunCustody, plan: Plan): void {
  const { maxHours } = plan.budget;
  const view = run.view();
  if (maxHours === null || view.lease !== null) return;
  const until = new Date(Date.parse(firstLaunch(view)) + maxHours * 3_600_000).toISOString();
  run.append("lease.granted", { owner: whoTypes(), until, why: `budget.maxHours: ${maxHours}` });
}
