/**
 * Plans travel to providers by digest: the program leaves the plan in custody, state holds 64 characters of it. A plan of a
 * thousand cells would otherwise stand in state five times, and the file backend rewrites its state at every step.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson, sha256Hex, writeFileDurably } from "../custody";
import type { RunCustody } from "../custody";
import { UserError } from "../custody/userError";
import { runId } from "../custody/formats";
import type { Plan } from "../profiles/plan";

const pathOf = (run: RunCustody, sha256: string): string => join(run.dir, "plans", `${sha256}.json`);

/** Digest of a plan's canonical form. */
export const planSha256 = (plan: Plan): string => sha256Hex(canonicalJson(plan));

/** Keeps the plan and returns its digest. Content-addressed, so a preview may do it too. */
export function savePlan(run: RunCustody, plan: Plan): string {
  const digest = planSha256(plan);
  writeFileDurably(pathOf(run, digest), `${canonicalJson(plan)}\n`);
  return digest;
}

/** The plan of a digest: from the folder, or from the ledger, which keeps every plan that was declared. */
export function loadPlan(run: RunCustody, sha256: string): Plan {
  try {
    const plan = JSON.parse(readFileSync(pathOf(run, sha256), "utf8")) as Plan;
    if (planSha256(plan) === sha256) return plan;
  } catch {
    // Not here: another machine declared it. The ledger has it.
  }
  for (const entry of run.entries().toReversed()) {
    if (entry.kind !== "run.declared") continue;
    const plan = (entry.data as { plan: Plan }).plan;
    if (planSha256(plan) === sha256) return plan;
  }
  throw new UserError(`The plan ${sha256.slice(0, 12)} of run ${runId(run.ref)} is neither in custody nor in the ledger.`, {
    code: "no-plan",
    next: [`holdfast recover ${runId(run.ref)}`, "pulumi up (declares it again)"],
  });
}
