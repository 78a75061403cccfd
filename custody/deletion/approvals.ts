/** Does an approval agree to this very loss? What it does not agree to, and what it waives. Pure. */
import { runId, type Approval, type PlannedDeletion, type Signed, type UnclaimedData } from "../formats";
import { dateFault, type DeletionFacts, type Reason } from "./facts";
import { approvalDated, approvalOther, approvalTiers, approvalUntrusted, approvalUsed, nameDeletion, noApproval, shortDigest, unclaimed } from "./reasons";

/** What an approval must name and may waive. */
export interface ApprovalQuestion {
  readonly scopes: readonly Approval["scope"][];
  /** The manifest that must be named: a digest, null for "nothing was ever written", undefined when it does not matter. */
  readonly manifestSha256: string | null | undefined;
  /** Reasons that giving up the cell takes away. */
  readonly cells: ReadonlyMap<string, Reason>;
  /** Reasons that `acceptUnreachable` takes away. */
  readonly unreachable: readonly Reason[];
  /** Data that must be named with at least these bytes. */
  readonly unclaimed: readonly UnclaimedData[];
}

/** Everything that is missing when this approval (or none) is all there is. Empty: it covers the loss. */
export function approvalFaults(facts: DeletionFacts, signed: Signed<Approval> | null, question: ApprovalQuestion): Reason[] {
  return [
    ...(signed === null ? [noApproval(facts.run, facts)] : ownFaults(facts, signed, question)),
    ...unwaived(facts, signed?.content ?? null, question),
  ];
}

function ownFaults(facts: DeletionFacts, signed: Signed<Approval>, question: ApprovalQuestion): Reason[] {
  const { run } = facts;
  const approval = signed.content;
  const reasons: Reason[] = [];
  if (!signed.trusted) reasons.push(approvalUntrusted(run, approval.id, signed.problem ?? "nobody who may approve signed it"));
  const dated = dateFault(approval.at, approval.expiresAt, facts.now);
  if (dated !== null) reasons.push(approvalDated(run, approval, dated));
  if (facts.view.usedApprovals.has(approval.id)) reasons.push(approvalUsed(run, approval));
  const other = otherwise(facts, approval, question);
  if (other.length > 0) reasons.push(approvalOther(run, approval, other.join("; ")));
  for (const deletion of facts.deletions) {
    const missing = named(approval, deletion) === undefined ? [] : unnamedTiers(approval, deletion);
    if (missing.length > 0) reasons.push(approvalTiers(run, approval, deletion, missing));
  }
  return reasons;
}

function otherwise(facts: DeletionFacts, approval: Approval, question: ApprovalQuestion): string[] {
  const faults: string[] = [];
  if (runId(approval.run) !== runId(facts.run)) faults.push(`it is for ${runId(approval.run)}`);
  if (!question.scopes.includes(approval.scope)) {
    faults.push(approval.scope === "end" ? "it is for the end of the run, and the run goes on" : "it is for replacing a resource, and the run ends");
  }
  const absent = facts.deletions.filter((deletion) => named(approval, deletion) === undefined);
  if (absent.length > 0) faults.push(`it does not name ${absent.map((deletion) => `"${nameDeletion(deletion)}"`).join(", ")}`);
  const { manifestSha256 } = question;
  if (manifestSha256 !== undefined && approval.manifestSha256 !== manifestSha256) {
    faults.push(`it was given for ${manifestText(approval.manifestSha256)}, and the storage now holds ${manifestText(manifestSha256)}`);
  }
  return faults;
}

/** What only a person can take on themselves, and this approval does not. */
function unwaived(facts: DeletionFacts, approval: Approval | null, question: ApprovalQuestion): Reason[] {
  const givenUp = new Set(approval?.giveUp?.cells);
  return [
    ...(approval?.acceptUnreachable === true ? [] : question.unreachable),
    ...[...question.cells].filter(([cell]) => !givenUp.has(cell)).map(([, missing]) => missing),
    ...question.unclaimed.filter((data) => !(approval?.unclaimed.some((shown) => covers(shown, data)) ?? false)).map((data) => unclaimed(facts.run, data)),
  ];
}

/** Shown with at least as much as lies there now: what came later was never shown. */
export const covers = (shown: UnclaimedData, data: UnclaimedData): boolean =>
  shown.tier === data.tier && shown.folder === data.folder && shown.bytes >= data.bytes && shown.files >= data.files;

const named = (approval: Approval, deletion: PlannedDeletion): PlannedDeletion | undefined =>
  approval.deletions.find(({ role, id, verb }) => role === deletion.role && id === deletion.id && verb === deletion.verb);

const unnamedTiers = (approval: Approval, deletion: PlannedDeletion): string[] =>
  deletion.tiersLost.filter((tier) => named(approval, deletion)?.tiersLost.includes(tier) !== true);

const manifestText = (sha256: string | null): string => (sha256 === null ? "no artifacts" : `manifest ${shortDigest(sha256)}`);
