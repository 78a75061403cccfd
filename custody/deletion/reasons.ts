/** What a refusal says and what to type next. One sentence per reason: the run, the thing, and why it would lose data. */
import { runId, type Approval, type ManifestCell, type PlannedDeletion, type RunRef, type UnclaimedData } from "../formats";
import type { DeletionFacts, Reason, RefusalCode, TierFacts } from "./facts";

export const reason = (code: RefusalCode, message: string): Reason => ({ code, message });

/** `terminate instance i-1`, the form in which every message names a deletion. */
export const nameDeletion = (deletion: Pick<PlannedDeletion, "role" | "id" | "verb">): string => `${deletion.verb} ${deletion.role} ${deletion.id}`;

export const shortDigest = (sha256: string): string => sha256.slice(0, 12);

const bytesText = (bytes: number): string => {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const step = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return step === 0 ? `${bytes} byte${bytes === 1 ? "" : "s"}` : `${(bytes / 2 ** (10 * step)).toFixed(1)} ${units[step]}`;
};

export const filesText = (files: number): string => `${files} file${files === 1 ? "" : "s"}`;

export const writerAlive = (run: RunRef): Reason =>
  reason("writer-alive", `${runId(run)} is still writing: a process of its queue or of another host holds the run, so whatever it writes from now on would be lost.`);

export const unreachable = (run: RunRef, why: string): Reason =>
  reason("not-reachable", `The instance of ${runId(run)} cannot be asked (${why}), so artifacts newer than the newest known manifest may be lost.`);

/** The run goes on and its artifacts stay, so what is at stake is only what was not saved yet. */
export const unasked = (run: RunRef, why: string): Reason =>
  reason("not-reachable", `The instance of ${runId(run)} cannot be asked (${why}), so whether its job has stopped is unknown; what it has not saved to the storage yet is lost with it.`);

export const noMachine = (run: RunRef, why: string): Reason =>
  reason("not-reachable", `No machine can read the storage of ${runId(run)} any more (${why}), so artifacts newer than the newest known manifest may be lost.`);

export const tierUnlisted = (run: RunRef, tiers: readonly TierFacts[]): Reason =>
  reason("not-reachable", `Nobody can list what lies on ${tiers.map((tier) => tier.id).join(", ")}, which goes with ${runId(run)}, so data outside its manifest may be lost.`);

export const sharedUnlisted = (run: RunRef, tier: TierFacts): Reason =>
  reason("not-reachable", `Others may keep data on ${tier.id}, which goes with ${runId(run)}, and nobody has listed what lies there; one run never deletes the data of another unseen.`);

export const unlistable = (run: RunRef, why: string): Reason =>
  reason("no-manifest", `The artifacts of ${runId(run)} cannot be listed faithfully (${why}), so what would be lost is unknown.`);

export const noManifest = (run: RunRef): Reason =>
  reason("no-manifest", `No manifest of ${runId(run)} was ever taken although its job was started, so what would be lost is unknown.`);

export const manifestNotKept = (run: RunRef, tier: string): Reason =>
  reason("no-manifest", `The artifacts of ${runId(run)} lie on ${tier}, which does not stay, so continuing without them would lose them.`);

export const unknownTier = (run: RunRef, tier: string, deletion: PlannedDeletion | undefined): Reason =>
  reason("unknown-tier", `${deletion === undefined ? "The deletion" : `"${nameDeletion(deletion)}"`} takes the tier ${tier} with it, and whether artifacts of ${runId(run)} lie there is unknown, so they may be lost.`);

export const cellUnfinished = (run: RunRef, cell: ManifestCell): Reason =>
  reason("cells-unfinished", `Cell ${cell.name} of ${runId(run)} ${stateText(cell)}, so its training would be lost unless you give it up by name.`);

export const cellWithout = (run: RunRef, cell: string, patterns: readonly string[]): Reason =>
  reason("cells-unfinished", `Cell ${cell} of ${runId(run)} is complete, and has no file ${patterns.join(", none ")}, which its job says must be there (artifacts.keep): it was saved elsewhere, or not at all, and would be lost unless you give it up by name.`);

export const cellNotLoaded = (run: RunRef, cell: string, fault: string): Reason =>
  reason("cells-unfinished", `Cell ${cell} of ${runId(run)} has files that do not load (${fault}), so the copy cannot replace the original unless you give the cell up by name.`);

export const cellUnaccounted = (run: RunRef, cell: string, files: number): Reason =>
  reason("roster-mismatch", files > 0
    ? `Cell ${cell} of ${runId(run)} has ${filesText(files)} but no state, so nobody knows whether its training ended.`
    : `Cell ${cell} is in the roster of ${runId(run)}, but nothing on the instance speaks of it, so its training may be lost.`);

export const noReceipt = (run: RunRef, digest: string, inPlaceOnly: boolean, inPlaceCounts: boolean): Reason =>
  reason("no-receipt", inPlaceOnly
    ? `The artifacts of ${runId(run)} were only verified in place, and the place itself goes, so no copy would be left.`
    : `No receipt shows that the artifacts of ${runId(run)} (manifest ${shortDigest(digest)}) were pulled${inPlaceCounts ? ", or read where they stay," : ""} and load, so this may be their only copy.`);

export const receiptStale = (run: RunRef, receipt: { id: string; at: string; manifestSha256: string }, digest: string): Reason =>
  reason("receipt-stale", `The newest receipt of ${runId(run)} (${receipt.id}, ${receipt.at}) is for manifest ${shortDigest(receipt.manifestSha256)}, but the storage now holds ${shortDigest(digest)}, so what changed since was not pulled.`);

export const receiptUntrusted = (run: RunRef, id: string, problem: string): Reason =>
  reason("receipt-untrusted", `Receipt ${id} of ${runId(run)} does not count: ${problem}.`);

export const receiptCopy = (run: RunRef, code: "receipt-copy-missing" | "receipt-copy-differs" | "receipt-copy-goes" | "receipt-elsewhere" | "receipt-temporary", id: string, place: { host: string; directory: string }, unchecked: boolean): Reason => {
  const copy = `The copy that receipt ${id} of ${runId(run)} speaks of (${place.directory} on ${place.host})`;
  switch (code) {
    case "receipt-copy-missing":
      return reason(code, unchecked ? `${copy} was not read again, so nobody knows whether it still exists.` : `${copy} is not complete any more, so this would delete the only whole one.`);
    case "receipt-copy-differs":
      return reason(code, `${copy} was changed or damaged since, so this would delete the only good one.`);
    case "receipt-copy-goes":
      return reason(code, `${copy} lies on the run's own storage or machine, under another name, so it is no second copy and would go too.`);
    case "receipt-elsewhere":
      return reason(code, `${copy} is on another machine and cannot be read again from here, so nobody knows whether it still exists.`);
    case "receipt-temporary":
      return reason(code, `${copy} lies on a machine that is thrown away when its job is over (CI is set), so it would be lost too.`);
    default: {
      const never: never = code;
      return never;
    }
  }
};

export const noApproval = (run: RunRef, facts: Pick<DeletionFacts, "deletions">): Reason =>
  reason("no-approval", `Nobody has approved to ${facts.deletions.map(nameDeletion).join(" and ")} of ${runId(run)}, which cannot be undone.`);

export const approvalDated = (run: RunRef, approval: Approval, fault: "future" | "expired"): Reason =>
  fault === "expired"
    ? reason("approval-expired", `Approval ${approval.id} of ${runId(run)} expired at ${approval.expiresAt}; what it was given for may have changed since.`)
    : reason("approval-untrusted", `Approval ${approval.id} of ${runId(run)} is dated in the future (${approval.at}), so it is not believed.`);

export const approvalUsed = (run: RunRef, approval: Approval): Reason =>
  reason("approval-used", `Approval ${approval.id} of ${runId(run)} was already turned into a grant; each loss is approved once.`);

export const approvalUntrusted = (run: RunRef, id: string, problem: string): Reason =>
  reason("approval-untrusted", `Approval ${id} of ${runId(run)} does not count: ${problem}.`);

export const approvalOther = (run: RunRef, approval: Approval, what: string): Reason =>
  reason("approval-other", `Approval ${approval.id} of ${runId(run)} is for something else: ${what}.`);

export const approvalTiers = (run: RunRef, approval: Approval, deletion: PlannedDeletion, tiers: readonly string[]): Reason =>
  reason("approval-tiers", `Approval ${approval.id} of ${runId(run)} does not say that "${nameDeletion(deletion)}" takes ${tiers.join(", ")} with it, so that loss was never agreed to.`);

export const unclaimed = (run: RunRef, data: UnclaimedData): Reason =>
  reason("unclaimed-data", `${filesText(data.files)} (${bytesText(data.bytes)}) in ${data.folder} on ${data.tier} ${data.files === 1 ? "belongs" : "belong"} to no manifest of ${runId(run)} and would be lost; nobody gave ${data.files === 1 ? "it" : "them"} up.`);

export const otherRun = (run: RunRef, data: UnclaimedData): Reason =>
  reason("other-run-data", `${data.owner ?? "Another run"} keeps ${filesText(data.files)} (${bytesText(data.bytes)}) on ${data.tier}, which goes with ${runId(run)}; one run never deletes the data of another.`);

export const grantExpired = (run: RunRef, grant: { id: string; expiresAt: string }): Reason =>
  reason("grant-expired", `Grant ${grant.id} of ${runId(run)} expired at ${grant.expiresAt}, so what lies there now must be looked at and approved again.`);

export const notClosed = (run: RunRef): Reason =>
  reason("not-closed", `The queue of ${runId(run)} has not written its closing marker, or something wrote after it, so a standing approval does not count yet.`);

export const standingVoid = (run: RunRef, id: string, why: string): Reason =>
  reason("standing-void", `Standing approval ${id} of ${runId(run)} does not count here: ${why}.`);

export const breakGlassVoid = (run: RunRef, id: string, why: string): Reason =>
  reason("break-glass-void", `Break-glass ${id} of ${runId(run)} opens nothing here: ${why}.`);

function stateText(cell: ManifestCell): string {
  switch (cell.state) {
    case "failed": {
      const exit = cell.exit === undefined || cell.exit === null ? null : `exit ${cell.exit}`;
      return `failed (${[cell.cause ?? null, exit].filter((part) => part !== null).join(", ") || "cause unknown"})`;
    }
    case "cancelled": return "was cancelled";
    case "pending": return "has not run yet";
    case "running": return "was still training when it was last seen";
    case "complete": return "is complete";
    case "kept": return "was set aside by a fresh start";
    default: {
      const never: never = cell.state;
      return never;
    }
  }
}
