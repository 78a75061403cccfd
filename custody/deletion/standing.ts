/** Does a consent given beforehand name this very end of the run, and does it still count? What must be true of the artifacts is asked by decide. Pure. */
import { runId, type PlannedDeletion, type Signed, type StandingApproval } from "../formats";
import { dateFault, type DeletionFacts, type Reason } from "./facts";
import { nameDeletion, standingVoid } from "./reasons";

export interface StandingAnswer {
  /** The newest one that names everything asked for; null when none does. */
  readonly found: Signed<StandingApproval> | null;
  /** Why the one that comes closest does not count; empty when one does, or none was ever given. */
  readonly reasons: readonly Reason[];
}

export function judgeStanding(facts: DeletionFacts): StandingAnswer {
  const judged = facts.standing.map((signed) => ({ signed, faults: faultsOf(facts, signed) }));
  const least = Math.min(...judged.map(({ faults }) => faults.length));
  const best = judged.findLast(({ faults }) => faults.length === least);
  if (best === undefined) return { found: null, reasons: [] };
  if (least === 0) return { found: best.signed, reasons: [] };
  return { found: null, reasons: [standingVoid(facts.run, best.signed.content.id, best.faults.join("; "))] };
}

function faultsOf(facts: DeletionFacts, signed: Signed<StandingApproval>): string[] {
  const { content } = signed;
  const { view } = facts;
  const faults: string[] = [];
  if (!signed.trusted) faults.push(signed.problem ?? "nobody who may approve signed it");
  if (runId(content.run) !== runId(facts.run)) faults.push(`it is for ${runId(content.run)}`);
  const dated = dateFault(content.at, content.expiresAt, facts.now);
  if (dated !== null) faults.push(dated === "expired" ? `it expired at ${content.expiresAt}` : `it is dated in the future (${content.at})`);
  if (view.revokedStanding.has(content.id)) faults.push("it was revoked");
  if (view.usedApprovals.has(content.id)) faults.push("it was already turned into a grant, and each ends a run once");
  if (content.life !== view.declaredAt) faults.push(`it was given for the life of the run that began at ${content.life}`);
  // The signed file alone does not tell whether it was revoked; a ledger that was recovered from copies may not either.
  else if (!view.standing.some(({ standing }) => standing === content.id)) faults.push("the ledger has no record of it since it was last recovered from copies");
  if (facts.deletions.length === 0) faults.push("nothing is to be deleted");
  const unnamed = facts.deletions.filter((deletion) => !names(content, deletion));
  if (unnamed.length > 0) faults.push(`it does not name ${unnamed.map((deletion) => `"${nameDeletion(deletion)}"${withTiers(deletion.tiersLost)}`).join(", ")}`);
  if (content.maxUsd !== null && !(facts.usdSoFar !== null && facts.usdSoFar <= content.maxUsd)) {
    faults.push(`it holds for a run of at most $${content.maxUsd}, and this one has cost ${facts.usdSoFar === null ? "an unknown amount" : `$${facts.usdSoFar.toFixed(2)}`}`);
  }
  return faults;
}

const names = (standing: StandingApproval, deletion: PlannedDeletion): boolean =>
  standing.allows.some(({ role, verb, tiersLost }) => role === deletion.role && verb === deletion.verb && deletion.tiersLost.every((tier) => tiersLost.includes(tier)));

const withTiers = (tiers: readonly string[]): string => (tiers.length === 0 ? "" : ` with ${tiers.join(", ")}`);
