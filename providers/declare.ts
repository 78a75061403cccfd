/** The ledger learns a plan when it begins to hold: at the run's first resource, and when the job has accepted an edited one. */
import type { EndpointRef } from "../custody/formats";
import { assertNotAdopted, type RunCustody } from "../custody";
import type { Plan } from "../profiles/plan";
import type { Binding } from "./kind";
import { loadPlan, planSha256 } from "./planStore";

export interface Declaration {
  readonly binding: Binding;
  readonly endpoint: EndpointRef;
  readonly planSha256: string;
}

/** Declares the plan unless it is the one that holds already. A refused edit never gets here, so it changes nothing. */
export function declarePlan(run: RunCustody, declaration: Declaration): void {
  if (holds(run, declaration.planSha256)) return;
  assertNotAdopted(run, "a program that declares it");
  const plan = loadPlan(run, declaration.planSha256);
  run.append("run.declared", {
    run: run.ref,
    custodyId: declaration.binding.custodyId,
    endpoint: declaration.endpoint,
    plan,
    roster: plan.cells.map((cell) => cell.name),
    ...(plan.disposable ? { disposable: plan.disposable } : {}),
  });
}

/** A run whose audit was closed begins a new life with a new declaration, even of the same plan. */
function holds(run: RunCustody, sha256: string): boolean {
  if (run.entries().length === 0) return false;
  const view = run.view();
  return view.auditClosed === null && planSha256(view.plan as Plan) === sha256;
}
