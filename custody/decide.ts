/**
 * May this be deleted? The one answer that gate, provider deletes and the command line all use. Pure and total; whatever is
 * not known for certain is a refusal. The rules, from the quietest to the loudest: an open grant; nothing at risk; a
 * disposable run; a confirmation while the artifacts stay; receipt and approval; consent given beforehand; break-glass.
 */
import { manifestDigest } from "./canonical";
import { approvalFaults, covers, type ApprovalQuestion } from "./deletion/approvals";
import { judgeBreakGlass } from "./deletion/breakGlass";
import { unaccountedCells, unfinishedCells } from "./deletion/cells";
import {
  dateFault, holdsNothing, lostTiers, otherRunData, unclaimedOnLostTiers, type Decision, type DeletionFacts, type Reason,
} from "./deletion/facts";
import { nextCommands, type Needs } from "./deletion/next";
import { receiptOptions, type ReceiptOption } from "./deletion/receipts";
import {
  filesText, grantExpired, manifestNotKept, nameDeletion, noMachine, noManifest, notClosed, otherRun, sharedUnlisted, tierUnlisted, unasked, unclaimed, unknownTier, unlistable, unreachable, writerAlive,
} from "./deletion/reasons";
import { judgeStanding } from "./deletion/standing";
import { runId, type AllowBasis, type Approval, type BreakGlass, type ManifestCell, type Manifest, type Receipt, type Signed, type StandingApproval, type UnclaimedData } from "./formats";
import { grantCovers } from "./view";

export type { Decision, DeletionFacts, Known, Reason, ReceiptFacts, RefusalCode, RemoteFacts, TierFacts } from "./deletion/facts";
export { REFUSAL_CODES } from "./deletion/facts";

type Allowed = Extract<Decision, { allow: true }>;
type Refused = Extract<Decision, { allow: false }>;

export function decide(facts: DeletionFacts): Decision {
  const quiet = byGrant(facts) ?? nothingAtRisk(facts) ?? disposable(facts);
  if (quiet !== null) return quiet;
  const ordinary = facts.scope === "resource" && losesNoArtifacts(facts) ? replacement(facts) : loss(facts);
  if (ordinary.allow) return ordinary;
  const quietly = beforehand(facts, ordinary);
  if (quietly.allow) return quietly;
  const { found, reasons } = judgeBreakGlass(facts);
  return found === null ? { ...quietly, reasons: [...quietly.reasons, ...reasons] } : byBreakGlass(facts, found);
}

/** The gate allowed this very deletion, and nothing that is seen now speaks against what it saw then. */
function byGrant(facts: DeletionFacts): Allowed | null {
  const grant = facts.view.openGrant;
  if (grant === null || facts.deletions.length === 0 || runId(grant.run) !== runId(facts.run)) return null;
  if (!facts.deletions.every((deletion) => grantCovers(grant, deletion)) || dateFault(grant.at, grant.expiresAt, facts.now) !== null) return null;
  const { remote } = facts;
  if (grant.basis !== "break-glass" && grant.basis !== "disposable") {
    if (remote.state === "unlistable" || otherRuns(facts).length > 0) return null;
    if (remote.state === "reachable" && (remote.writerAlive || !grantSaw(grant, remote.manifest))) return null;
    // The digest says nothing of what lies outside the manifest: only what the person was shown goes with it.
    if (ownUnclaimed(facts).some((data) => !wasShown(facts, grant.approvalId, data))) return null;
  }
  return allow("grant", { approvalId: grant.approvalId, breakGlassId: grant.breakGlassId, receiptId: grant.receiptId, manifestSha256: grant.manifestSha256 });
}

const wasShown = (facts: DeletionFacts, approvalId: string | null, data: UnclaimedData): boolean =>
  facts.approvals.some(({ content, trusted }) => trusted && content.id === approvalId && content.unclaimed.some((shown) => covers(shown, data)));

/** A confirmation is for a run that goes on: its artifacts stay, whatever they are. */
const grantSaw = (grant: { basis: AllowBasis; manifestSha256: string | null }, manifest: Manifest): boolean =>
  grant.basis === "confirmation" || (grant.manifestSha256 === null ? manifest.files.length === 0 : grant.manifestSha256 === manifestDigest(manifest));

/** No job was ever started and every tier that goes is known to hold nothing: a first `up` that failed half-way. */
function nothingAtRisk(facts: DeletionFacts): Allowed | null {
  const lost = lostTiers(facts);
  if (facts.deletions.length === 0 && lost.length === 0) return allow("nothing-at-risk", { notes: [`Nothing of ${runId(facts.run)} is left to delete.`] });
  if (facts.view.jobEverStarted || tierReasons(facts).length > 0 || !lost.every(holdsNothing)) return null;
  const { remote } = facts;
  if (remote.state === "unlistable" || (remote.state === "none" && remote.writerPossibleSince)) return null;
  if (remote.state === "reachable" && (remote.writerAlive || remote.manifest.files.length > 0 || remote.cells.length > 0)) return null;
  if ((unclaimedOnLostTiers(facts) ?? []).length > 0) return null;
  return allow("nothing-at-risk", { notes: [`No job of ${runId(facts.run)} was ever started and nothing lies on what goes.`] });
}

/** Declared disposable when it was created, and still young: an approval is enough, no pull, but never for the data of another run. */
function disposable(facts: DeletionFacts): Allowed | null {
  const declared = facts.view.disposable;
  if (declared === null || otherRuns(facts).length > 0) return null;
  const age = Date.parse(facts.now) - Date.parse(declared.createdAt);
  if (!(age >= 0 && age <= declared.maxHours * 3_600_000)) return null;
  const question: ApprovalQuestion = { scopes: [scopeOf(facts)], manifestSha256: undefined, cells: new Map(), unreachable: unlistedTiers(facts), unclaimed: [] };
  const notes = [`${runId(facts.run)} is disposable: whatever it made is deleted unread.`];
  const approval = facts.approvals.findLast((signed) => approvalFaults(facts, signed, question).length === 0);
  return approval === undefined ? null : allow("disposable", { approvalId: approval.content.id, notes });
}

/** One resource goes, the artifacts stay, the run goes on: stopped, all of it on a tier that stays, and confirmed. */
function replacement(facts: DeletionFacts): Decision {
  const { remote } = facts;
  const blocks: Reason[] = [...otherRuns(facts)];
  const doubts: Reason[] = [];
  let cells = new Map<string, Reason>();
  let manifestSha256: string | null = null;
  switch (remote.state) {
    case "reachable":
      if (remote.writerAlive) blocks.push(writerAlive(facts.run));
      if (!staysBehind(facts, remote.manifest)) blocks.push(manifestNotKept(facts.run, remote.manifest.place.tier));
      cells = unaccountedCells(facts, [remote.manifest.cells, remote.cells], remote.manifest.files);
      manifestSha256 = manifestDigest(remote.manifest);
      break;
    case "unlistable":
      blocks.push(unlistable(facts.run, remote.reason));
      break;
    case "unreachable":
      doubts.push(unasked(facts.run, remote.reason));
      break;
    case "none":
      if (remote.writerPossibleSince) doubts.push(unasked(facts.run, remote.why));
      break;
    default: {
      const never: never = remote;
      return never;
    }
  }
  const question: ApprovalQuestion = { scopes: ["replace"], manifestSha256: undefined, cells, unreachable: doubts, unclaimed: ownUnclaimed(facts) };
  const best = bestApproval(facts, question);
  const reasons = [...blocks, ...best.reasons];
  if (reasons.length > 0 || best.approval === null) return refuse(facts, reasons, needsOf(facts, question));
  return allow("confirmation", { approvalId: best.approval.id, manifestSha256, notes: approvalNotes(facts, best.approval, question) });
}

/** The same facts once the job has ended: what an approval that ends it first is judged by. */
export const onceStopped = (facts: DeletionFacts): DeletionFacts =>
  facts.scope === "resource" && facts.remote.state === "reachable" ? { ...facts, remote: { ...facts.remote, writerAlive: false } } : facts;

/** Whether the deletion is allowed but for a job that still runs, by an approval that says to end it. */
export function mayStopFirst(facts: DeletionFacts): boolean {
  if (facts.remote.state !== "reachable" || !facts.remote.writerAlive) return false;
  const decision = decide(onceStopped(facts));
  return decision.allow && facts.approvals.some(({ content }) => content.id === decision.approvalId && content.stopJob === true);
}

/** The run ends, or a tier with artifacts goes: exactly what is there must exist elsewhere, and a person must agree. */
function loss(facts: DeletionFacts): Decision {
  const seen = whatIsThere(facts);
  const inPlaceCounts = facts.require === "verifiedInPlace" && losesNoArtifacts(facts);
  const options: ReceiptOption[] = seen.digest === null || seen.digest === undefined ? [{ receipt: null, reasons: [] }] : receiptOptions(facts, seen.digest, inPlaceCounts);
  let best: { reasons: readonly Reason[]; receipt: Receipt | null; approval: Approval | null; question: ApprovalQuestion } | undefined;
  for (const option of options) {
    const listings = seen.listings ?? (option.receipt === null ? null : [option.receipt.cells]);
    const question: ApprovalQuestion = {
      scopes: facts.scope === "end" ? ["end"] : ["end", "replace"],
      manifestSha256: seen.digest,
      cells: listings === null ? new Map() : unfinishedCells(facts, listings, seen.files, option.receipt),
      unreachable: seen.doubts,
      unclaimed: ownUnclaimed(facts),
    };
    const { approval, reasons } = bestApproval(facts, question);
    const all = [...seen.blocks, ...option.reasons, ...reasons];
    if (best === undefined || all.length <= best.reasons.length) best = { reasons: all, receipt: option.receipt, approval, question };
  }
  if (best === undefined) return refuse(facts, seen.blocks, { bringBack: false, rescue: false, inPlace: false, replace: null, giveUp: [], acceptUnreachable: false });
  const { reasons, receipt, approval, question } = best;
  if (reasons.length > 0 || approval === null || seen.digest === undefined) return refuse(facts, reasons, needsOf(facts, question));
  const basis = receipt === null ? "nothing-at-risk" : receipt.how === "verifiedInPlace" ? "verified-in-place" : "receipt-and-approval";
  return allow(basis, { approvalId: approval.id, receiptId: receipt?.id ?? null, manifestSha256: seen.digest, notes: approvalNotes(facts, approval, question) });
}

/** A person agreed before the run was over: it counts for its end alone, and only when nothing is left that a person would have to weigh. */
function beforehand(facts: DeletionFacts, ordinary: Refused): Decision {
  if (facts.scope !== "end") return ordinary;
  const { found, reasons } = judgeStanding(facts);
  return found === null ? { ...ordinary, reasons: [...ordinary.reasons, ...reasons] } : byStanding(facts, found.content, ordinary);
}

/** The machine answers, its queue closed and nothing writes; every cell is complete; exactly what is there was pulled and loads; nothing else goes. */
function byStanding(facts: DeletionFacts, standing: StandingApproval, ordinary: Refused): Decision {
  const { remote } = facts;
  const seen = whatIsThere(facts);
  const firm = [
    ...seen.blocks,
    ...seen.doubts,
    ...(remote.state === "none" && seen.doubts.length === 0 ? [noMachine(facts.run, remote.why)] : []),
    ...(remote.state === "reachable" && !remote.manifest.closed ? [notClosed(facts.run)] : []),
    ...ownUnclaimed(facts).map((data) => unclaimed(facts.run, data)),
  ];
  let best: { readonly reasons: readonly Reason[]; readonly cells: ReadonlyMap<string, Reason>; readonly receipt: Receipt | null } | undefined;
  if (typeof seen.digest === "string") {
    for (const { receipt, reasons } of receiptOptions(facts, seen.digest, facts.require === "verifiedInPlace" && losesNoArtifacts(facts))) {
      const cells = unfinishedCells(facts, seen.listings ?? (receipt === null ? [] : [receipt.cells]), seen.files, receipt);
      const all = [...reasons, ...cells.values()];
      if (best === undefined || all.length <= best.reasons.length) best = { reasons: all, cells, receipt };
    }
  }
  const missing = [...firm, ...(best?.reasons ?? [])];
  if (missing.length === 0 && best !== undefined && best.receipt !== null && seen.digest !== undefined) {
    return allow("standing-approval", {
      approvalId: standing.id, receiptId: best.receipt.id, manifestSha256: seen.digest,
      notes: [`Approved beforehand: ${standing.id}, valid until ${standing.expiresAt}.`],
    });
  }
  const told = new Set(missing.map(({ message }) => message));
  const others = ordinary.reasons.filter(({ code, message }) => code !== "no-approval" && !told.has(message));
  const question: ApprovalQuestion = { scopes: ["end"], manifestSha256: seen.digest, cells: best?.cells ?? new Map(), unreachable: seen.doubts, unclaimed: ownUnclaimed(facts) };
  return refuse(facts, [...missing, ...others], needsOf(facts, question));
}

interface Seen {
  /** Digest of the artifacts that would be lost; null: none were ever written; undefined: unknown, and `blocks` says why. */
  readonly digest: string | null | undefined;
  /** What speaks of cells; null: only a receipt does. */
  readonly listings: readonly (readonly ManifestCell[])[] | null;
  readonly files: Manifest["files"];
  /** Nobody can waive these. */
  readonly blocks: readonly Reason[];
  /** An approval can, by accepting that nobody can look. */
  readonly doubts: readonly Reason[];
}

function whatIsThere(facts: DeletionFacts): Seen {
  const { remote, run, view } = facts;
  const blocks: Reason[] = [...otherRuns(facts)];
  const known = view.newestManifest?.manifestSha256 ?? null;
  switch (remote.state) {
    case "reachable":
      if (remote.writerAlive) blocks.push(writerAlive(run));
      if (runId(remote.manifest.run) !== runId(run)) blocks.push(unlistable(run, `what was listed is ${runId(remote.manifest.run)}`));
      return {
        digest: manifestDigest(remote.manifest), listings: [remote.manifest.cells, remote.cells], files: remote.manifest.files,
        blocks: [...blocks, ...tierReasons(facts)], doubts: [],
      };
    case "unlistable":
      return { digest: undefined, listings: null, files: [], blocks: [...blocks, unlistable(run, remote.reason), ...tierReasons(facts)], doubts: [] };
    case "unreachable":
    case "none": {
      const nothingKnown = known === null;
      if (nothingKnown && mayHoldArtifacts(facts)) blocks.push(noManifest(run));
      const shared = unclaimedOnLostTiers(facts) === null ? lostTiers(facts).filter((tier) => tier.shared === true) : [];
      blocks.push(...shared.map((tier) => sharedUnlisted(run, tier)));
      const doubts = remote.state === "unreachable"
        ? [unreachable(run, remote.reason)]
        : [...(remote.readSince !== true && writtenSince(facts, remote.writerPossibleSince) ? [noMachine(run, remote.why)] : []), ...unlistedTiers(facts)];
      // Before the first job a tier may be unknown only because nobody could look: that can be accepted, a tier with data cannot.
      const waivable = nothingKnown && !mayHoldArtifacts(facts);
      return {
        digest: known ?? (waivable ? null : undefined), listings: null, files: [],
        blocks: [...blocks, ...contradictoryTiers(facts), ...(waivable ? [] : unknownTiers(facts))],
        doubts: [...doubts, ...(waivable ? unknownTiers(facts) : [])],
      };
    }
    default: {
      const never: never = remote;
      return never;
    }
  }
}

const mayHoldArtifacts = (facts: DeletionFacts): boolean =>
  facts.view.jobEverStarted || lostTiers(facts).some((tier) => tier.holdsArtifacts === "yes");

/** Quiet only when the newest manifest was taken of a closed run, and no job was started after it. */
function writtenSince(facts: DeletionFacts, writerPossible: boolean): boolean {
  const { newestManifest, lastJobStart, jobEverStarted } = facts.view;
  if (writerPossible) return true;
  if (newestManifest === null) return jobEverStarted;
  return !newestManifest.closed || (lastJobStart !== null && !(Date.parse(lastJobStart.at) <= Date.parse(newestManifest.at)));
}

/** A signed override by somebody who may: the last resort, and loud. */
function byBreakGlass(facts: DeletionFacts, { content, signer, keyId }: Signed<BreakGlass>): Allowed {
  const manifestSha256 = facts.remote.state === "reachable" ? manifestDigest(facts.remote.manifest) : null;
  return allow("break-glass", {
    breakGlassId: content.id,
    manifestSha256,
    notes: [
      `BREAK GLASS: ${content.id}, signed by ${signer ?? keyId}, overrides every refusal of ${runId(facts.run)} once, to ${facts.deletions.map(nameDeletion).join(" and ")}.`,
      `Reason: ${content.reason}`,
      ...content.lost.map((lost) => `Lost: ${lost}`),
    ],
  });
}

const tierReasons = (facts: DeletionFacts): Reason[] => [...contradictoryTiers(facts), ...unknownTiers(facts)];

/** What the deletions say goes, and what the tiers say goes, is not the same: then neither is believed. */
function contradictoryTiers(facts: DeletionFacts): Reason[] {
  const lost = new Set(lostTiers(facts).map((tier) => tier.id));
  const taken = new Map(facts.deletions.flatMap((deletion) => deletion.tiersLost.map((id) => [id, deletion] as const)));
  return [
    ...[...taken].filter(([id]) => !lost.has(id)).map(([id, deletion]) => unknownTier(facts.run, id, deletion)),
    ...[...lost].filter((id) => !taken.has(id)).map((id) => unknownTier(facts.run, id, undefined)),
  ];
}

/** Tiers that go, and of which nobody can say whether they hold artifacts. */
function unknownTiers(facts: DeletionFacts): Reason[] {
  const unknown = lostTiers(facts).filter((tier) => tier.holdsArtifacts === "unknown" && !holdsNothing(tier));
  return unknown.map(({ id }) => unknownTier(facts.run, id, facts.deletions.find((deletion) => deletion.tiersLost.includes(id))));
}

/** Every tier that goes is known, and known to hold none of the run's artifacts; what was just listed agrees. */
function losesNoArtifacts(facts: DeletionFacts): boolean {
  if (tierReasons(facts).length > 0 || !lostTiers(facts).every(holdsNothing)) return false;
  const { remote } = facts;
  return remote.state !== "reachable" || remote.manifest.files.length === 0 || staysBehind(facts, remote.manifest);
}

/** The artifacts' tier and the resource that holds it are not among what goes. */
const staysBehind = (facts: DeletionFacts, manifest: Manifest): boolean =>
  !lostTiers(facts).some((tier) => tier.id === manifest.place.tier)
  && !facts.deletions.some((deletion) => deletion.id === manifest.place.resource || deletion.tiersLost.includes(manifest.place.tier));

/** Tiers that go, may hold something, and that nobody could look at. */
function unlistedTiers(facts: DeletionFacts): Reason[] {
  if (unclaimedOnLostTiers(facts) !== null) return [];
  const unseen = lostTiers(facts).filter((tier) => !holdsNothing(tier));
  return unseen.length === 0 ? [] : [tierUnlisted(facts.run, unseen)];
}

const otherRuns = (facts: DeletionFacts): Reason[] => otherRunData(facts).map((data) => otherRun(facts.run, data));
const ownUnclaimed = (facts: DeletionFacts) => (unclaimedOnLostTiers(facts) ?? []).filter((data) => data.owner === undefined);
const scopeOf = (facts: DeletionFacts): Approval["scope"] => (facts.scope === "end" ? "end" : "replace");

/** The approval with the least against it; between equals the newest, and any before none: its fault is the better answer. */
function bestApproval(facts: DeletionFacts, question: ApprovalQuestion): { approval: Approval | null; reasons: Reason[] } {
  let best: { approval: Approval | null; reasons: Reason[] } = { approval: null, reasons: approvalFaults(facts, null, question) };
  for (const signed of facts.approvals) {
    const reasons = approvalFaults(facts, signed, question);
    if (reasons.length <= best.reasons.length) best = { approval: signed.content, reasons };
  }
  return best;
}

const needsOf = (facts: DeletionFacts, question: ApprovalQuestion): Needs => ({
  bringBack: question.scopes.includes("end") && (facts.remote.state === "none" || facts.remote.state === "unreachable") && mayHoldArtifacts(facts),
  rescue: question.scopes.includes("end") && facts.remote.state === "none" && facts.remote.readSince !== true && (mayHoldArtifacts(facts) || lostTiers(facts).some((tier) => tier.shared === true)),
  inPlace: facts.require === "verifiedInPlace" && losesNoArtifacts(facts),
  replace: question.scopes.includes("end") ? null : (facts.deletions[0]?.role ?? null),
  giveUp: [...question.cells.keys()],
  acceptUnreachable: question.unreachable.length > 0,
});

function approvalNotes(facts: DeletionFacts, approval: Approval, question: ApprovalQuestion): string[] {
  const id = runId(facts.run);
  const notes: string[] = [];
  if (question.unreachable.length > 0) notes.push(`Approval ${approval.id} accepts that nobody can look at ${id}: newer data, if there is any, is lost.`);
  if (question.cells.size > 0) notes.push(`Given up by name: ${[...question.cells.keys()].join(", ")} (${approval.giveUp?.reason ?? ""}).`);
  for (const data of question.unclaimed) notes.push(`Given up with ${data.tier}: ${data.folder} (${filesText(data.files)}, ${data.bytes} bytes).`);
  return notes;
}

function allow(basis: AllowBasis, details: Partial<Omit<Allowed, "allow" | "basis">>): Allowed {
  return { allow: true, basis, approvalId: null, breakGlassId: null, receiptId: null, manifestSha256: null, notes: [], ...details };
}

function refuse(facts: DeletionFacts, reasons: readonly Reason[], needs: Needs): Refused {
  const grant = facts.view.openGrant;
  const expired = grant !== null && facts.deletions.some((deletion) => grantCovers(grant, deletion)) && dateFault(grant.at, grant.expiresAt, facts.now) === "expired";
  const all = [...(grant !== null && expired ? [grantExpired(facts.run, grant)] : []), ...reasons];
  const told = all.length > 0 ? all : [unlistable(facts.run, `"${facts.deletions.map(nameDeletion).join(", ")}" cannot be judged`)];
  const others = [...new Set(otherRunData(facts).flatMap((data) => (data.owner === undefined ? [] : [data.owner])))].sort();
  return { allow: false, reasons: told, next: nextCommands(facts.run, told, needs, others) };
}
