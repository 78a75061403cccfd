/**
 * What of a plan stands in state: the part that policies judge. The whole plan is in custody, by its digest; a roster of a thousand
 * cells with all their patterns and hashes would make every write of the state half a megabyte.
 */
import type { Plan, PlanCell } from "./plan";

export interface JudgedPlan extends Omit<Plan, "host" | "gotchas" | "warnings" | "ownDisk" | "cells"> {
  readonly cells: readonly Pick<PlanCell, "name" | "command">[];
}

export function judgedPlan(plan: Plan): JudgedPlan {
  const { host: _host, gotchas: _gotchas, warnings: _warnings, ownDisk: _ownDisk, ...judged } = plan;
  return { ...judged, cells: plan.cells.map(({ name, command }) => ({ name, command })) };
}
