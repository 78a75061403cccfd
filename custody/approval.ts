/** Documents of consent, built from the facts that the person was shown. */
import { manifestDigest } from "./canonical";
import { lostTiers, unclaimedOnLostTiers, type Decision, type DeletionFacts } from "./deletion/facts";
import { runId, type Approval, type BreakGlass, type Grant, type PlannedDeletion, type RunRef, type StandingApproval } from "./formats";
import { APPROVAL, BREAK_GLASS, newEvidenceId, STANDING } from "./signing/evidence";
import { UserError } from "./userError";

/** Hours an approval is valid unless told otherwise. */
const APPROVAL_HOURS = 24;
/** Hours a grant covers what the gate allowed; the deletions themselves take minutes, failed ones are tried again. */
const GRANT_HOURS = 24;

export interface ApprovalWishes {
  readonly giveUp?: { readonly cells: readonly string[]; readonly reason: string };
  readonly acceptUnreachable?: boolean;
  readonly stopJob?: boolean;
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
    ...(wishes.stopJob === true ? { stopJob: true } : {}),
    at: facts.now,
    expiresAt: hoursAfter(facts.now, wishes.hours ?? APPROVAL_HOURS),
  };
}

/** Hours a standing approval is valid unless told otherwise: runs of days end within it, forgotten ones do not. */
export const STANDING_HOURS = 7 * 24;
const STANDING_LONGEST_HOURS = 90 * 24;

export interface StandingWishes {
  /** The life of the run it is for: when it was declared, as the ledger says. */
  readonly life: string;
  /** What the end of the run deletes as it is planned now. */
  readonly deletions: readonly PlannedDeletion[];
  /** The tier that holds the artifacts: whatever takes it along must be named. null: not known, so everything that loses a tier must be. */
  readonly durableTier: string | null;
  /** Roles that go although the artifacts' own tier goes with them. */
  readonly also: readonly string[];
  /** Default 168, at most 90 days. */
  readonly hours?: number;
  readonly maxUsd?: number;
}

/** The storage with the artifacts goes with it; where nobody knows which that is, any storage counts. */
export const takesArtifacts = ({ tiersLost }: PlannedDeletion, durableTier: string | null): boolean => (durableTier === null ? tiersLost.length > 0 : tiersLost.includes(durableTier));

/** Throws UserError: nothing that would be deleted, a role that takes the artifacts' tier and was not named, a role that is not there. */
export function buildStanding(run: RunRef, wishes: StandingWishes, now: Date): StandingApproval {
  const id = runId(run);
  const { deletions, durableTier, also } = wishes;
  if (deletions.length === 0) throw new UserError(`${id} has nothing that would be deleted, so there is nothing to approve.`, { code: "nothing-to-do", next: [`holdfast status ${id}`] });
  const unknown = also.filter((role) => !deletions.some((deletion) => deletion.role === role));
  if (unknown.length > 0) {
    throw new UserError(`The end of ${id} deletes no ${unknown.join(", ")}; what it deletes: ${[...new Set(deletions.map(({ role }) => role))].join(", ")}.`, { code: "not-found" });
  }
  const unnamed = [...new Set(deletions.filter((deletion) => takesArtifacts(deletion, durableTier) && !also.includes(deletion.role)).map(({ role }) => role))];
  if (unnamed.length > 0) {
    throw new UserError(`Nothing was signed: the end of ${id} takes the storage with the artifacts along (${unnamed.join(", ")}), and a standing approval covers that only when it is named.`, {
      code: "standing-unnamed",
      next: [`holdfast approve ${id} --standing --also ${[...also, ...unnamed].join(" ")}`, "or keep it: teardown.storage: keep in the stack's config, then pulumi up"],
    });
  }
  const hours = wishes.hours ?? STANDING_HOURS;
  if (hours > STANDING_LONGEST_HOURS) throw new UserError("A standing approval is valid for at most 90 days: nobody knows today what is worth keeping then.", { code: "usage", next: ["--expires 30d"] });
  const at = now.toISOString();
  const allows = new Map(deletions.map(({ role, verb, tiersLost }) => [`${role}\0${verb}`, { role, verb, tiersLost: [...tiersLost] }]));
  return { v: 1, id: newEvidenceId(STANDING), run, life: wishes.life, allows: [...allows.values()], require: "verified", maxUsd: wishes.maxUsd ?? null, at, expiresAt: hoursAfter(at, hours) };
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
