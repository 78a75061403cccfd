/** What a decision about a deletion starts from, and what it says. Gathered at the edges; nothing here reads a clock or a disk. */
import type { AllowBasis, Approval, BreakGlass, Manifest, ManifestCell, PlannedDeletion, Receipt, RunRef, Signed, StandingApproval, UnclaimedData } from "../formats";
import type { CopyState } from "../receipt";
import type { RunView } from "../view";

export type Known = "yes" | "no" | "unknown";

export interface TierFacts {
  /** Tier id of the profile. */
  readonly id: string;
  /** Where it is; for messages. */
  readonly path: string;
  /** Goes with one of the deletions. */
  readonly lost: boolean;
  readonly holdsArtifacts: Known;
  /** No file at all lies on it. */
  readonly empty: Known;
  /** Others may have written to it, so that nothing but a look says what lies there. */
  readonly shared?: true;
}

export type RemoteFacts =
  | {
      readonly state: "reachable";
      /** Taken just now. */
      readonly manifest: Manifest;
      readonly writerAlive: boolean;
      /** Cells found on the instance, by their state files. */
      readonly cells: readonly ManifestCell[];
      /** Everything on the lost tiers that no manifest of this run names. */
      readonly unclaimed: readonly UnclaimedData[];
    }
  /**
   * The machine answers, but its artifacts cannot be listed faithfully: a file changed while it was hashed, has a name that
   * cannot be copied, cannot be read. Unlike an unreachable machine nobody can accept this; it can be mended there.
   */
  | { readonly state: "unlistable"; readonly reason: string }
  | { readonly state: "unreachable"; readonly reason: string }
  | {
      /** No machine can read the tiers: none ever existed, or it is confirmed gone. */
      readonly state: "none";
      readonly why: string;
      /** Something may have written after the newest known manifest was taken. */
      readonly writerPossibleSince: boolean;
      /** What lies on the lost tiers, when that is known without a machine; absent: unknown. */
      readonly unclaimed?: readonly UnclaimedData[];
      /** A rescue read all of it after the last writer was gone or fenced: the newest manifest is what lies there. */
      readonly readSince?: true;
    };

export interface ReceiptFacts {
  readonly signed: Signed<Receipt>;
  /** What re-reading its copy showed, just now. */
  readonly copy: CopyState;
}

export interface DeletionFacts {
  /** ISO 8601, UTC. */
  readonly now: string;
  readonly run: RunRef;
  /** `end`: the gate, everything goes. `resource`: one resource's own delete. */
  readonly scope: "end" | "resource";
  readonly deletions: readonly PlannedDeletion[];
  readonly tiers: readonly TierFacts[];
  readonly view: Pick<RunView, "declaredAt" | "jobEverStarted" | "openGrant" | "usedApprovals" | "usedBreakGlass" | "standing" | "revokedStanding" | "disposable" | "roster" | "newestManifest" | "lastJobStart">;
  readonly remote: RemoteFacts;
  readonly require: "pulled" | "verifiedInPlace";
  readonly receipts: readonly ReceiptFacts[];
  readonly approvals: readonly Signed<Approval>[];
  readonly standing: readonly Signed<StandingApproval>[];
  readonly breakGlass: readonly Signed<BreakGlass>[];
  /** What the run has cost by list price; null: a price is not known. */
  readonly usdSoFar: number | null;
}

/** Stable: printed by `--json`, kept in the ledger, documented. */
export const REFUSAL_CODES = [
  "writer-alive", "not-closed", "not-reachable", "no-manifest", "cells-unfinished", "roster-mismatch",
  "no-receipt", "receipt-stale", "receipt-untrusted", "receipt-copy-missing", "receipt-copy-differs", "receipt-copy-goes", "receipt-elsewhere", "receipt-temporary",
  "no-approval", "approval-expired", "approval-used", "approval-untrusted", "approval-other", "approval-tiers", "standing-void",
  "unclaimed-data", "other-run-data", "unknown-tier", "grant-expired", "break-glass-void",
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

export interface Reason {
  readonly code: RefusalCode;
  /** One sentence: the run, the thing, why it would lose data. */
  readonly message: string;
}

export type Decision =
  | {
      readonly allow: true;
      readonly basis: AllowBasis;
      readonly approvalId: string | null;
      readonly breakGlassId: string | null;
      readonly receiptId: string | null;
      /** What the decision went by; null when nothing had ever been written. */
      readonly manifestSha256: string | null;
      /** For the person at the terminal. */
      readonly notes: readonly string[];
    }
  | { readonly allow: false; readonly reasons: readonly Reason[]; readonly next: readonly string[] };

/** Clocks of two machines that both keep time differ by less. */
const SKEW_MILLISECONDS = 5 * 60 * 1000;

/** What stands in the way of a dated document being valid now. An unreadable time is never valid. */
export function dateFault(at: string, expiresAt: string | null, now: string): "future" | "expired" | null {
  const [made, present] = [Date.parse(at), Date.parse(now)];
  if (!(made <= present + SKEW_MILLISECONDS)) return "future";
  if (expiresAt !== null && !(present < Date.parse(expiresAt))) return "expired";
  return null;
}

export const lostTiers = (facts: DeletionFacts): TierFacts[] => facts.tiers.filter((tier) => tier.lost);

/** Nothing of the run lies there, as far as anybody knows for certain. */
export const holdsNothing = (tier: TierFacts): boolean => tier.holdsArtifacts === "no" || tier.empty === "yes";

/** Data on a lost tier; on a tier that nobody spoke of it counts as lost too. null: nobody could look. */
export function unclaimedOnLostTiers(facts: DeletionFacts): UnclaimedData[] | null {
  const { remote } = facts;
  const found = remote.state === "reachable" || remote.state === "none" ? remote.unclaimed : undefined;
  if (found === undefined) return null;
  return found.filter((data) => facts.tiers.find((tier) => tier.id === data.tier)?.lost !== false);
}

/** Of these, what another run keeps there. */
export const otherRunData = (facts: DeletionFacts): UnclaimedData[] => (unclaimedOnLostTiers(facts) ?? []).filter((data) => data.owner !== undefined);
