/** Documents of consent, built from the facts that the person was shown. */
import { manifestDigest } from "./canonical";
import { lostTiers, unclaimedOnLostTiers, type Decision, type DeletionFacts } from "./deletion/facts";
import { runId, type Approval, type BreakGlass, type Grant, type PlannedDeletion, type RunRef } from "./formats";
import { APPROVAL, BREAK_GLASS, newEvidenceId } from "./signing/evidence";
import { UserError } from "./userError";

/** Hours an approval is valid unless told otherwise. */
const APPROVAL_HOURS = 24;
/** Hours a grant covers what the gate allowed; the deletions themselves take minutes, failed ones are tried again. */
const GRANT_HOURS = 24;

export interface ApprovalWishes {
  readonly giveUp?: { readonly cells: readonly string[]; readonly reason: string };
  readonly acceptUnreachable?: boolean;
  /** Default 24. */
  readonly hours?: number;
}

/**
 * Names every deletion with its tiers, the artifacts that are there now, and the unclaimed data on the tiers that go.
 * Throws UserError: nothing to approve, a cell that does not exist, a reason that is empty, data of another run.
 */
export function buildApproval(facts: DeletionFacts, wishes: ApprovalWishes = {}): Approval {
  const id = runId(facts.run);
  if (facts.deletions.length === 0) throw new UserError(`${id} has nothing that would be deleted, so there is nothing to approve.`, { code: "nothing-to-do", next: [`holdfast status ${id}`] });
  const unclaimed = unclaimedOnLostTiers(facts) ?? [];
  const others = [...new Set(unclaimed.flatMap((data) => (data.owner === undefined ? [] : [data.owner])))];
  if (others.length > 0) {
    throw new UserError(`${others.join(", ")} keeps data on ${lostTiers(facts).map((tier) => tier.id).join(", ")}, which goes with ${id}; nobody can approve the loss of another run's data here.`, {
      code: "other-run-data", next: others.map((other) => `holdfast status ${other} (end that run first, or keep the storage)`),
    });
  }
  assertCells(facts, wishes.giveUp);
  return {
    v: 1,
    id: newEvidenceId(APPROVAL),
    run: facts.run,
    scope: facts.scope === "end" ? "end" : "replace",
    deletions: facts.deletions,
    manifestSha256: facts.remote.state === "reachable" ? manifestDigest(facts.remote.manifest) : (facts.view.newestManifest?.manifestSha256 ?? null),
    unclaimed,
    giveUp: wishes.giveUp === undefined || wishes.giveUp.cells.length === 0 ? null : { cells: [...wishes.giveUp.cells], reason: wishes.giveUp.reason.trim() },
    acceptUnreachable: wishes.acceptUnreachable === true,
    at: facts.now,
    expiresAt: hoursAfter(facts.now, wishes.hours ?? APPROVAL_HOURS),
  };
}

export interface BreakGlassWishes {
  readonly reason: string;
  /** The same deletions that an approval of this loss would name: it opens the locks for these and no others. */
  readonly deletions: readonly PlannedDeletion[];
  /** One sentence per thing; a run whose data goes too must stand there as exactly its id. */
  readonly lost: readonly string[];
  readonly hours: number;
}

/** Throws UserError: no reason, nothing that is lost or deleted, an impossible time. */
export function buildBreakGlass(run: RunRef, wishes: BreakGlassWishes, now: Date): BreakGlass {
  const reason = wishes.reason.trim();
  if (reason === "") throw new UserError("Break-glass needs a reason: it stays in the ledger for whoever asks later.", { code: "usage", next: ['add: --reason "..."'] });
  if (wishes.lost.length === 0) throw new UserError("Break-glass must name what is lost.", { code: "usage" });
  if (wishes.deletions.length === 0) throw new UserError(`${runId(run)} owns nothing that stands, so there is no gate to override.`, { code: "nothing-to-do", next: [`holdfast status ${runId(run)}`] });
  const at = now.toISOString();
  return { v: 1, id: newEvidenceId(BREAK_GLASS), run, reason, deletions: wishes.deletions, lost: wishes.lost, at, expiresAt: hoursAfter(at, wishes.hours) };
}

/** What the gate seals when it allows: exactly these deletions, for a day. */
export function buildGrant(facts: DeletionFacts, decision: Extract<Decision, { allow: true }>, hours = GRANT_HOURS): Grant {
  return {
    v: 1,
    id: newEvidenceId({ prefix: "grt" }),
    run: facts.run,
    basis: decision.basis,
    deletions: facts.deletions,
    manifestSha256: decision.manifestSha256,
    approvalId: decision.approvalId,
    breakGlassId: decision.breakGlassId,
    receiptId: decision.receiptId,
    at: facts.now,
    expiresAt: hoursAfter(facts.now, hours),
  };
}

function assertCells(facts: DeletionFacts, giveUp: ApprovalWishes["giveUp"]): void {
  if (giveUp === undefined || giveUp.cells.length === 0) return;
  const { remote } = facts;
  const known = new Set(facts.view.roster);
  if (remote.state === "reachable") {
    for (const cell of [...remote.cells, ...remote.manifest.cells]) known.add(cell.name);
    for (const file of remote.manifest.files) if (file.cell !== undefined) known.add(file.cell);
  }
  const unknown = giveUp.cells.filter((cell) => !known.has(cell));
  if (unknown.length > 0) {
    throw new UserError(`${runId(facts.run)} has no cell ${unknown.join(", ")}; its cells are ${[...known].sort().join(", ") || "none"}.`, { code: "cell-not-found" });
  }
  if (giveUp.reason.trim() === "") {
    throw new UserError("Cells are given up with a reason: it stays in the ledger for whoever asks later.", { code: "usage", next: ['add: --reason "..."'] });
  }
}

function hoursAfter(at: string, hours: number): string {
  if (!(hours > 0 && hours <= 24 * 366)) throw new UserError(`${hours} hours is no time for which a document can be valid: more than 0, at most a year.`, { code: "usage" });
  return new Date(Date.parse(at) + hours * 3_600_000).toISOString();
}
