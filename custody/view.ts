/** What the ledger says about a run, as one value. Pure: the same lines always give the same view. */
import type { EndpointRef, Grant, LedgerData, LedgerEntry, LedgerKind, PlannedDeletion, RunRef } from "./formats";
import { foldGraph, type Side } from "./merging/fold";
import { isMerge } from "./merging/graph";
import { UserError } from "./userError";

export interface LiveResource {
  readonly role: string;
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly hourlyUsd?: number;
  readonly monthlyUsd?: number;
  readonly details?: Record<string, unknown>;
  readonly since: string;
}

export interface GoneResource extends LiveResource {
  readonly deletedAt: string;
  /** `deleted`: by us, and confirmed gone. `lost`: found missing. */
  readonly how: "deleted" | "lost";
  /** The verb that was confirmed, or why it is thought lost. */
  readonly why: string;
}

type Dated<K extends LedgerKind> = LedgerData[K] & { readonly at: string };

/** How long the run was meant to take, and who answers for it. */
export interface Lease {
  /** user@host; null: nobody recorded it, the budget says so. */
  readonly owner: string | null;
  /** ISO 8601. */
  readonly until: string;
  readonly renewals: number;
  /** Somebody ended it before its time. */
  readonly ended: boolean;
}

export interface RunView {
  readonly run: RunRef;
  readonly custodyId: string;
  readonly endpoint: EndpointRef;
  /** The newest declared plan, as it was declared. */
  readonly plan: unknown;
  readonly declaredAt: string;
  /** By its first declaration: its machine was not made here; it is read, and nothing of it is ever changed or ended. */
  readonly adopted: boolean;
  readonly entries: number;
  /** Every cell that was ever declared, started or added since the run began, without those that were removed before they began. */
  readonly roster: ReadonlySet<string>;
  /** Cells that were taken out before they began, when and by whom. */
  readonly removed: ReadonlyMap<string, { readonly at: string; readonly by: string; readonly why: string }>;
  /** Cells for whose sake the last edit was refused; empty once another one was accepted. */
  readonly refusedEdit: ReadonlySet<string>;
  /** The newest living resource of each role. */
  readonly resources: ReadonlyMap<string, LiveResource>;
  /** Every resource not known to be gone: two of one role while a replacement is under way. */
  readonly live: readonly LiveResource[];
  readonly deleted: readonly GoneResource[];
  readonly openIntents: readonly Dated<"intent.opened">[];
  /** What a rescue found on the storage; null once something may have written since. */
  readonly listing: Dated<"tier.listed"> | null;
  /** Capacity that an update waited for and did not get; null once something was launched, given up, or the run has ended. */
  readonly waiting: Dated<"capacity.waiting"> | null;
  readonly address: LedgerData["address.changed"] | null;
  /** Details of the job resource that was recorded last, also after its deletion: where things are on the tiers. */
  readonly lastJob: Record<string, unknown> | null;
  readonly jobEverStarted: boolean;
  readonly lastJobStart: Dated<"job.started"> | null;
  readonly newestManifest: Dated<"manifest.taken"> | null;
  readonly pulls: readonly Dated<"pull.finished">[];
  readonly lastVerifyFailure: Dated<"verify.failed"> | null;
  readonly receipts: readonly Dated<"receipt.signed">[];
  readonly approvals: readonly Dated<"approval.signed">[];
  /** Given in this life of the run, and after it was last recovered from copies: those may lack that one was revoked. */
  readonly standing: readonly Dated<"standing.signed">[];
  /** Ids of standing approvals that were taken back, in any life of the run. */
  readonly revokedStanding: ReadonlySet<string>;
  readonly breakGlass: readonly Dated<"breakglass.signed">[];
  readonly refusals: readonly { readonly at: string; readonly resource: string; readonly reasons: readonly { readonly code: string; readonly message: string }[] }[];
  /** The last one sealed, unless after it it was closed, a job was started or extended, or the ledger was recovered from copies. */
  readonly openGrant: Grant | null;
  /** Approvals, standing ones too, that were turned into a grant, in any life of the run. */
  readonly usedApprovals: ReadonlySet<string>;
  /** Overrides that were turned into a grant, in any life of the run. */
  readonly usedBreakGlass: ReadonlySet<string>;
  /** As it was granted or last renewed; null: none was recorded in this life. */
  readonly lease: Lease | null;
  /** The keeper that said last that it looks after the run. */
  readonly keeper: Dated<"keeper.watching"> | null;
  /** What stays on purpose, one entry per id: of this life, and what former lives own and nobody deleted since. */
  readonly leftovers: readonly Dated<"leftover.recorded">[];
  readonly auditClosed: Dated<"audit.closed"> | null;
  /** Only when the run was declared so when it was created, still is, and the declaration was not recovered from copies. */
  readonly disposable: { readonly createdAt: string; readonly maxHours: number } | null;
}

/**
 * A run that is declared again after its audit closed begins anew: what belonged to its former life no longer counts,
 * except that an approval or override once used stays used, and what it left behind on purpose stays its own. Throws UserError `run-unknown` when no line declares a run.
 */
export function foldLedger(entries: readonly LedgerEntry[]): RunView {
  const view = entries.some(isMerge) ? foldGraph<Draft>(entries, { apply: applyAll, reconcile }) : applyAll(null, entries, true);
  if (view === null) throw new UserError("The ledger declares no run.", { code: "run-unknown", next: ["holdfast ls", "pulumi up"] });
  return { ...view, entries: entries.length };
}

function applyAll(view: Draft | null, entries: readonly LedgerEntry[], begins: boolean): Draft | null {
  let draft = view;
  for (const entry of entries) {
    if (!is(entry, "run.declared")) {
      if (draft !== null) apply(draft, entry);
    } else if (draft === null || (draft.auditClosed !== null && begins)) {
      draft = begin(entry, draft);
    } else {
      // A new life here while something went on elsewhere: both are one life, and nothing of either is forgotten.
      draft.auditClosed = null;
      redeclare(draft, entry);
    }
  }
  return draft;
}

/** Nothing that only one of two joined ledgers knows makes a deletion easier; what only one knows may make it harder. */
function reconcile(view: Draft, sides: readonly [Side<Draft>, Side<Draft>]): Draft {
  const [a, b] = [sides[0].view, sides[1].view];
  // What was seen or consented to in another life, by whoever had not heard of this one, says nothing about this one.
  const ofThisLife = [a, b].filter((alone) => alone?.declaredAt === view.declaredAt);
  const oneLife = ofThisLife.length === 2;
  view.listing = a?.listing && a.listing.at === b?.listing?.at ? a.listing : null;
  view.openGrant = a?.openGrant && a.openGrant.id === b?.openGrant?.id ? a.openGrant : null;
  // A cell that one side took out may have begun in the eyes of the other.
  for (const side of [a, b]) if (side?.declaredAt === view.declaredAt || !sides.some(({ quiet }) => quiet)) addCells(view, [...(side?.roster ?? [])]);
  view.disposable = a?.disposable && b?.disposable
    ? { createdAt: [a.disposable.createdAt, b.disposable.createdAt].sort()[0] ?? "", maxHours: Math.min(a.disposable.maxHours, b.disposable.maxHours) }
    : null;
  if (!oneLife) view.declaredAt = [view, a, b].map((each) => each?.declaredAt ?? "").sort().at(-1) ?? "";
  if (!ofThisLife.some((alone) => isSameManifest(alone?.newestManifest, view.newestManifest))) view.newestManifest = null;
  if (!oneLife) view.standing = view.standing.filter(({ standing }) => ofThisLife.some((alone) => alone?.standing.some((known) => known.standing === standing)));
  if (view.newestManifest !== null && !closedForBoth(view.newestManifest, sides)) view.newestManifest = { ...view.newestManifest, closed: false };
  // What ended here may have gone on there.
  if (!sides.some((side) => side.quiet) && !(a?.auditClosed && b?.auditClosed)) view.auditClosed = null;
  for (const { view: alone, own } of sides) {
    for (const used of alone?.usedApprovals ?? []) view.usedApprovals.add(used);
    for (const revoked of alone?.revokedStanding ?? []) view.revokedStanding.add(revoked);
    for (const used of alone?.usedBreakGlass ?? []) view.usedBreakGlass.add(used);
    keepStanding(view, alone, own);
  }
  return view;
}

const isSameManifest = (one: Dated<"manifest.taken"> | null | undefined, other: Dated<"manifest.taken"> | null): boolean =>
  one?.at === other?.at && one?.manifestSha256 === other?.manifestSha256;

/** Closed as far as the other side knows too: it started nothing and saw nothing else. */
function closedForBoth(newest: Dated<"manifest.taken">, sides: readonly Side<Draft>[]): boolean {
  const isNewest = (entry: LedgerEntry): boolean => is(entry, "manifest.taken") && entry.at === newest.at && entry.data.manifestSha256 === newest.manifestSha256;
  const others = sides.filter((side) => !side.own.some(isNewest));
  return newest.closed && others.every((side) => side.quiet && !side.own.some((entry) => is(entry, "manifest.taken") && entry.data.manifestSha256 !== newest.manifestSha256));
}

/** What one side itself saw stand, the other cannot have seen go: clocks of two machines do not say which was first. */
function keepStanding(view: Draft, alone: Draft | null, own: readonly LedgerEntry[]): void {
  const seen = new Set(own.flatMap((entry) => (is(entry, "resource.created") ? [`${entry.data.role}\0${entry.data.id}`] : [])));
  for (const resource of alone?.live ?? []) {
    const same = ({ role, id }: { readonly role: string; readonly id: string }): boolean => role === resource.role && id === resource.id;
    if (!seen.has(`${resource.role}\0${resource.id}`) || view.live.some(same)) continue;
    view.live = [...view.live, resource];
    view.deleted = view.deleted.filter((gone) => !same(gone));
    if (!view.resources.has(resource.role)) view.resources.set(resource.role, resource);
    if (view.address === null && alone?.address?.instance === resource.id) view.address = alone.address;
  }
}

/** Does the grant cover this very deletion: same resource, same verb, no tier that it does not name? */
export function grantCovers(grant: Pick<Grant, "deletions">, deletion: PlannedDeletion): boolean {
  return grant.deletions.some((granted) =>
    granted.role === deletion.role && granted.id === deletion.id && granted.verb === deletion.verb
    && deletion.tiersLost.every((tier) => granted.tiersLost.includes(tier)));
}

type Draft = { -readonly [K in keyof RunView]: Mutable<RunView[K]> };
/** A ReadonlyMap has all that a ReadonlySet asks for, so it is told apart first. */
type Mutable<T> = T extends ReadonlyMap<infer A, infer B> ? Map<A, B> : T extends ReadonlySet<infer A> ? Set<A> : T extends readonly (infer A)[] ? A[] : T;

const is = <K extends LedgerKind>(entry: LedgerEntry, kind: K): entry is LedgerEntry<K> => entry.kind === kind;

function begin(entry: LedgerEntry<"run.declared">, former: Draft | null): Draft {
  const { run, custodyId, endpoint, plan, roster, disposable } = entry.data;
  return {
    run, custodyId, endpoint, plan, declaredAt: entry.at, adopted: entry.data.adopted === true || former?.adopted === true, entries: 0,
    roster: new Set(roster), removed: new Map(), refusedEdit: new Set(), resources: new Map(), live: [], deleted: [], openIntents: [], listing: null, waiting: null, address: null,
    lastJob: null, jobEverStarted: false, lastJobStart: null, newestManifest: null, pulls: [], lastVerifyFailure: null,
    receipts: [], approvals: [], standing: [], revokedStanding: new Set(former?.revokedStanding), breakGlass: [], refusals: [], openGrant: null, usedApprovals: new Set(former?.usedApprovals), usedBreakGlass: new Set(former?.usedBreakGlass),
    lease: null, keeper: null,
    leftovers: former?.leftovers.filter((leftover) => leftover.owned) ?? [], auditClosed: null,
    disposable: disposable === undefined ? null : { createdAt: entry.at, maxHours: disposable.maxHours },
  };
}

function redeclare(view: Draft, entry: LedgerEntry<"run.declared">): Draft {
  const { custodyId, endpoint, plan, roster, disposable } = entry.data;
  Object.assign(view, { custodyId, endpoint, plan });
  addCells(view, roster);
  if (view.disposable !== null) {
    view.disposable = disposable === undefined
      ? null
      : { createdAt: view.disposable.createdAt, maxHours: Math.min(view.disposable.maxHours, disposable.maxHours) };
  }
  return view;
}

function apply(view: Draft, entry: LedgerEntry): void {
  if (entry.kind.startsWith("resource.")) { applyToResources(view, entry); return; }
  const at = entry.at;
  if (is(entry, "intent.opened")) view.openIntents.push({ ...entry.data, at });
  else if (is(entry, "intent.confirmed")) view.openIntents = view.openIntents.filter((open) => open.intent !== entry.data.intent);
  else if (is(entry, "intent.abandoned")) view.openIntents = view.openIntents.filter((open) => open.intent !== entry.data.intent);
  else if (is(entry, "tier.listed")) view.listing = { ...entry.data, at };
  else if (is(entry, "capacity.waiting")) view.waiting = { ...entry.data, at };
  else if (is(entry, "capacity.ended")) endWait(view, entry.data.role);
  else if (is(entry, "address.changed")) view.address = entry.data;
  else if (is(entry, "job.started")) startJob(view, entry);
  else if (is(entry, "job.updated")) {
    addCells(view, entry.data.cells);
    view.openGrant = null;
    view.refusedEdit = new Set();
  }
  else if (is(entry, "job.refused")) view.refusedEdit = new Set(entry.data.cells);
  else if (is(entry, "cells.removed")) {
    for (const cell of entry.data.cells) {
      view.roster.delete(cell);
      view.removed.set(cell, { at: entry.at, by: entry.data.by, why: entry.data.why });
    }
  }
  // A cell that runs again writes again.
  else if (is(entry, "cells.ordered")) view.openGrant = null;
  else if (is(entry, "manifest.taken")) view.newestManifest = { ...entry.data, at };
  else if (is(entry, "pull.finished")) view.pulls.push({ ...entry.data, at });
  else if (is(entry, "verify.failed")) view.lastVerifyFailure = { ...entry.data, at };
  else if (is(entry, "receipt.signed")) view.receipts.push({ ...entry.data, at });
  else if (is(entry, "approval.signed")) view.approvals.push({ ...entry.data, at });
  else if (is(entry, "standing.signed")) view.standing.push({ ...entry.data, at });
  else if (is(entry, "standing.revoked")) view.revokedStanding.add(entry.data.standing);
  else if (is(entry, "lease.granted")) view.lease = { owner: entry.data.owner, until: entry.data.until, renewals: 0, ended: false };
  else if (is(entry, "lease.renewed")) view.lease = { owner: view.lease?.owner ?? entry.data.by, until: entry.data.until, renewals: (view.lease?.renewals ?? 0) + 1, ended: false };
  else if (is(entry, "lease.ended")) view.lease = { owner: view.lease?.owner ?? entry.data.by, until: at, renewals: view.lease?.renewals ?? 0, ended: true };
  else if (is(entry, "keeper.watching")) view.keeper = { ...entry.data, at };
  else if (is(entry, "breakglass.signed")) view.breakGlass.push({ ...entry.data, at });
  else if (is(entry, "teardown.refused")) view.refusals.push({ resource: entry.data.resource, reasons: entry.data.reasons, at });
  else if (is(entry, "grant.sealed")) {
    view.openGrant = entry.data.grant;
    const { approvalId, breakGlassId } = entry.data.grant;
    if (approvalId !== null) view.usedApprovals.add(approvalId);
    if (breakGlassId !== null) view.usedBreakGlass.add(breakGlassId);
  }
  else if (is(entry, "grant.closed")) {
    if (view.openGrant?.id === entry.data.grant) view.openGrant = null;
  }
  else if (is(entry, "leftover.recorded")) leave(view, entry);
  else if (is(entry, "audit.closed")) {
    view.auditClosed = { ...entry.data, at };
    view.waiting = null;
  }
  else if (is(entry, "custody.recovered")) distrust(view);
}

/**
 * The chain of a copy proves that it is whole, not who wrote it: whoever can write beside the artifacts can write a ledger.
 * So nothing in it that would make a deletion easier is believed. Receipts and approvals are signed and speak for themselves.
 */
function distrust(view: Draft): void {
  view.openGrant = null;
  view.listing = null;
  addCells(view, [...view.removed.keys()]);
  view.disposable = null;
  view.standing = [];
  // Copies are only ever made beside a job, and no more than the newest manifest's digest is known of what was written last.
  view.jobEverStarted = true;
  if (view.newestManifest !== null) view.newestManifest = { ...view.newestManifest, closed: false };
}

/** Said again of the same thing, also in a later life that only used it, it stays one leftover, and owned once owned. */
function leave(view: Draft, { data, at }: LedgerEntry<"leftover.recorded">): void {
  const former = view.leftovers.find((leftover) => leftover.id === data.id);
  view.leftovers = [...view.leftovers.filter((leftover) => leftover !== former), { ...data, owned: data.owned || former?.owned === true, at }];
}

function applyToResources(view: Draft, entry: LedgerEntry): void {
  if (is(entry, "resource.created")) {
    // Recorded again (adopted, refreshed): it bills since it was first seen.
    const first = view.live.find((other) => other.role === entry.data.role && other.id === entry.data.id);
    const resource = { ...entry.data, since: first?.since ?? entry.at };
    view.live = [...view.live.filter((other) => other.id !== resource.id || other.role !== resource.role), resource];
    view.resources.set(resource.role, resource);
    endWait(view, resource.role);
    // Whatever can write ends what a look was worth; the reader itself only reads.
    if (resource.role === "instance") view.listing = null;
    if (resource.role === "job") view.lastJob = resource.details ?? null;
  } else if (is(entry, "resource.deleted")) {
    const { role, id, kind, verb } = entry.data;
    remove(view, { role, id, kind }, { deletedAt: entry.at, how: "deleted", why: verb });
  } else if (is(entry, "resource.lost")) {
    const { role, id, why } = entry.data;
    remove(view, { role, id, kind: role }, { deletedAt: entry.at, how: "lost", why });
  }
}

function remove(view: Draft, named: { role: string; id: string; kind: string }, gone: Pick<GoneResource, "deletedAt" | "how" | "why">): void {
  const { role, id } = named;
  const known = view.live.find((resource) => resource.role === role && resource.id === id);
  view.leftovers = view.leftovers.filter((leftover) => leftover.id !== id);
  view.deleted.push({ ...(known ?? { ...named, name: id, since: gone.deletedAt }), ...gone });
  view.live = view.live.filter((resource) => resource.role !== role || resource.id !== id);
  const newest = view.live.findLast((resource) => resource.role === role);
  if (newest === undefined) view.resources.delete(role);
  else view.resources.set(role, newest);
  if (view.address?.instance === id) view.address = null;
}

function endWait(view: Draft, role: string): void {
  if (view.waiting?.role === role) view.waiting = null;
}

function startJob(view: Draft, entry: LedgerEntry<"job.started">): void {
  view.jobEverStarted = true;
  view.lastJobStart = { ...entry.data, at: entry.at };
  view.openGrant = null;
  view.refusedEdit = new Set();
  addCells(view, entry.data.cells);
  view.listing = null;
}

function addCells(view: Draft, cells: readonly string[]): void {
  for (const cell of cells) {
    view.roster.add(cell);
    view.removed.delete(cell);
  }
}
