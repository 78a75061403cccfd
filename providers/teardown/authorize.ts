/**
 * The lock in every own delete: a grant that names this very deletion, or a decision made anew. `--target`, an edited
 * program or a replacement reach the vendor only through here.
 */
import { randomUUID } from "node:crypto";
import type { Decision, DeletionFacts, RunCustody } from "../../custody";
import { decide, grantCovers } from "../../custody";
import type { EndpointRef, Grant, PlannedDeletion } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Binding, Context, Props } from "../kind";
import { gatherDeletionFacts } from "./facts";

/** Returns the grant under which the deletion may go on; throws a UserError with what is missing otherwise. */
export async function authorizeDeletion(
  context: Context,
  binding: Binding,
  _endpoint: EndpointRef,
  deletion: PlannedDeletion,
  _outs: Props,
): Promise<{ grantId: string | null }> {
  const run = context.run(binding);
  const open = run.view().openGrant;
  if (open && grantCovers(open, deletion) && Date.parse(open.expiresAt) > context.clock.now().getTime()) return { grantId: open.id };
  const facts = await gatherDeletionFacts(run, { scope: "resource", deletions: [deletion], clock: context.clock });
  const grant = settle(run, facts, decide(facts), `${deletion.verb} ${deletion.role} ${deletion.id}`, context);
  return { grantId: grant.id };
}

/** A teardown that failed half-way is tried again under the same grant for so long; after that the locks decide anew. */
const grantHours = 24;

/** Records a decision: a refusal is written down and thrown, an allowance is sealed as a grant. */
export function settle(run: RunCustody, facts: DeletionFacts, decision: Decision, resource: string, context: Pick<Context, "clock" | "say">): Grant {
  if (!decision.allow) {
    run.append("teardown.refused", { at: facts.now, resource, reasons: decision.reasons });
    throw refusal(run, resource, decision);
  }
  for (const note of decision.notes) context.say(note);
  const open = run.view().openGrant;
  if (decision.basis === "grant" && open) return open;
  const grant: Grant = {
    v: 1,
    id: `grt_${randomUUID().replaceAll("-", "")}`,
    run: run.ref,
    basis: decision.basis,
    deletions: facts.deletions,
    manifestSha256: decision.manifestSha256,
    approvalId: decision.approvalId,
    receiptId: decision.receiptId,
    at: facts.now,
    expiresAt: new Date(Date.parse(facts.now) + grantHours * 3_600_000).toISOString(),
  };
  run.append("grant.sealed", { grant });
  return grant;
}

function refusal(run: RunCustody, resource: string, decision: Extract<Decision, { allow: false }>): UserError {
  const reasons = decision.reasons.map((reason) => `  - ${reason.message}`).join("\n");
  return new UserError(`Refused: ${resource} of run ${runId(run.ref)}. Nothing was deleted.\n${reasons}`, {
    code: decision.reasons[0]?.code ?? "refused",
    next: decision.next,
  });
}
