/** Standing approvals that count today, as far as documents and ledger alone can say. */
import type { RunCustody } from "../../custody";
import type { Signed, StandingApproval } from "../../custody/formats";
import { runId } from "../../custody/formats";

/** Signed by who may, of this run and this life, recorded, neither expired, used nor revoked. Oldest first. */
export function standingInForce(run: RunCustody, now: Date): Signed<StandingApproval>[] {
  const view = run.view();
  return run.standing().filter(({ content, trusted }) =>
    trusted && runId(content.run) === runId(run.ref) && content.life === view.declaredAt && view.standing.some(({ standing }) => standing === content.id)
    && Date.parse(content.expiresAt) > now.getTime() && !view.usedApprovals.has(content.id) && !view.revokedStanding.has(content.id));
}
