/**
 * What custody writes down. Every document carries a version; readers refuse versions they do not know.
 * Times are ISO 8601 in UTC, sizes are bytes, money is USD, hashes are lower-case hex sha256.
 */

/** A run: Pulumi project, stack, and the name of the component in it. Text form `project/stack/name`. */
export interface RunRef {
  readonly project: string;
  readonly stack: string;
  readonly name: string;
}

export const runId = (run: RunRef): string => `${run.project}/${run.stack}/${run.name}`;

/** One file where the artifacts durably live. `path` is relative to the run's directory, with forward slashes. */
export interface ManifestFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The cell it belongs to; absent for the run's own logs. */
  readonly cell?: string;
}

/** `kept`: set aside by a fresh start of its cell; its files are artifacts, and nothing of it is still to come. */
export type CellState = "pending" | "running" | "complete" | "failed" | "cancelled" | "kept";

export interface ManifestCell {
  readonly name: string;
  readonly state: CellState;
  readonly exit?: number | null;
  readonly cause?: string | null;
  /** Of a complete cell: globs of its job (artifacts.keep) that match none of its files. */
  readonly missing?: readonly string[];
}

/** Path, bytes and sha256 of every artifact to keep, computed where they durably live. */
export interface Manifest {
  readonly v: 1;
  readonly run: RunRef;
  readonly takenAt: string;
  /** Where: tier id of the profile, absolute run directory, and the resource (file system id) that holds it. */
  readonly place: { readonly tier: string; readonly directory: string; readonly resource: string };
  readonly cells: readonly ManifestCell[];
  /** Sorted by path. Only what is kept; scratch is counted, not listed. */
  readonly files: readonly ManifestFile[];
  readonly scratch: { readonly files: number; readonly bytes: number };
  /** True when the wrapper's closing marker stood and no writer lived. */
  readonly closed: boolean;
}

/** What a verb does to one resource of the run: which tiers (by id) are lost with it. */
export interface PlannedDeletion {
  /** Logical role in the run, stable across replacement: `instance`, `filesystem`, `sshKey`, ... */
  readonly role: string;
  /** The vendor's id. */
  readonly id: string;
  readonly verb: string;
  readonly tiersLost: readonly string[];
}

/** Data on a tier that no manifest of this run names. `owner` is a run id when the folder is another run's. */
export interface UnclaimedData {
  readonly tier: string;
  readonly folder: string;
  readonly bytes: number;
  readonly files: number;
  readonly owner?: string;
}

/** In-toto predicate of a receipt: the manifest was pulled to a place, matched byte for byte, and loaded. */
export interface Receipt {
  readonly v: 1;
  readonly id: string;
  readonly run: RunRef;
  readonly manifestSha256: string;
  /** Pulled: a folder on a named host. verifiedInPlace: loaded on the durable tier itself. */
  readonly how: "pulled" | "verifiedInPlace";
  readonly place: { readonly host: string; readonly directory: string };
  readonly files: number;
  readonly bytes: number;
  /** Every checkpoint that was parsed: path and format. */
  readonly loaded: readonly { readonly path: string; readonly format: string; readonly tensors?: number }[];
  /**
   * Files of cells that were given up before the pull: their bytes match, but they do not load. An approval must give
   * up the same cells by name. Empty for an ordinary receipt.
   */
  readonly notLoaded: readonly NotLoaded[];
  readonly cells: readonly ManifestCell[];
  readonly at: string;
}

/** A file whose bytes arrived as they were, and that no trainer could load. */
export interface NotLoaded {
  readonly path: string;
  readonly cell: string;
  readonly code: string;
  readonly message: string;
}

/** A person's consent to one loss. Turned into one grant. */
export interface Approval {
  readonly v: 1;
  readonly id: string;
  readonly run: RunRef;
  /** `end`: the run ends (gate). `replace`: one resource goes while the run continues (confirmation). */
  readonly scope: "end" | "replace";
  readonly deletions: readonly PlannedDeletion[];
  /** Digest of the manifest the person was shown; null when nothing had ever been written. */
  readonly manifestSha256: string | null;
  /** Unclaimed data the person was shown and gives up. */
  readonly unclaimed: readonly UnclaimedData[];
  /** Cells given up by name, with the reason. */
  readonly giveUp: { readonly cells: readonly string[]; readonly reason: string } | null;
  readonly acceptUnreachable: boolean;
  /** Of a replacement: a job that still runs is ended first, with time for a last checkpoint; it resumes afterwards. */
  readonly stopJob?: true;
  readonly at: string;
  readonly expiresAt: string;
}

/** What a standing approval lets go: whatever holds this role when the run ends, by this verb, with these tiers. */
export interface StandingAllowance {
  readonly role: string;
  readonly verb: string;
  readonly tiersLost: readonly string[];
}

/**
 * A person's consent beforehand to the end of one life of a run: it counts once everything is complete, pulled and proven, and
 * nothing newer can exist. It names roles, since a resource may be replaced meanwhile, and gives up nothing. Turned into one grant.
 */
export interface StandingApproval {
  readonly v: 1;
  readonly id: string;
  readonly run: RunRef;
  /** When the life of the run began that it is for: the time of the ledger line that declared it. */
  readonly life: string;
  readonly allows: readonly StandingAllowance[];
  /** The artifacts were pulled, matched and loaded; or loaded where they stay, when the teardown says that this is enough. */
  readonly require: "verified";
  /** A run that has cost more by list price is looked at by a person; null: no bound. */
  readonly maxUsd: number | null;
  readonly at: string;
  readonly expiresAt: string;
}

/** A signed override: loud, expiring, for what it names, with the list of what is lost. Turned into one grant. */
export interface BreakGlass {
  readonly v: 1;
  readonly id: string;
  readonly run: RunRef;
  readonly reason: string;
  /** The only deletions it opens the locks for. */
  readonly deletions: readonly PlannedDeletion[];
  /** What is lost, one sentence each. Data of another run is only covered by an element that is exactly its run id. */
  readonly lost: readonly string[];
  readonly at: string;
  readonly expiresAt: string;
}

/** What the gate seals when it allows; later locks accept it for exactly these deletions. */
export interface Grant {
  readonly v: 1;
  readonly id: string;
  readonly run: RunRef;
  readonly basis: AllowBasis;
  readonly deletions: readonly PlannedDeletion[];
  readonly manifestSha256: string | null;
  readonly approvalId: string | null;
  /** The override it was turned from, which is thereby used up. */
  readonly breakGlassId: string | null;
  readonly receiptId: string | null;
  readonly at: string;
  /** After this the later locks decide anew: what lies on a tier may have changed hands since. */
  readonly expiresAt: string;
}

export type AllowBasis =
  | "nothing-at-risk"
  | "receipt-and-approval"
  | "standing-approval"
  | "verified-in-place"
  | "confirmation"
  | "disposable"
  | "grant"
  | "break-glass";

/** Roles a key can have in the trust file. */
export type TrustRole = "pull" | "approve" | "break-glass";

/** A signed document as it was found: who signed it and whether that key may do this. */
export interface Signed<T> {
  readonly content: T;
  readonly keyId: string;
  readonly signer: string | null;
  /** Role held and signature valid; otherwise `problem` says what is wrong. */
  readonly trusted: boolean;
  readonly problem?: string;
  /** sha256 of the envelope file. */
  readonly envelopeSha256: string;
}

/** One line of the ledger: hash-chained JSON. `hash` covers the canonical form of everything else. */
export interface LedgerEntry<K extends LedgerKind = LedgerKind> {
  readonly v: 1;
  readonly seq: number;
  readonly at: string;
  readonly kind: K;
  readonly data: LedgerData[K];
  readonly prev: string;
  readonly hash: string;
}

export type LedgerKind = keyof LedgerData;

/** How a resource or endpoint is found again; never a secret. */
export interface EndpointRef {
  readonly platform: string;
  /** `sandbox`, an absolute https URL, or `none`: nobody can be asked. */
  readonly api: string;
  /** A file that holds the API key; absent: the platform's environment variable. */
  readonly keyFile?: string;
  /** Port of the instances' SSH servers where it is not the platform's own (the sandbox says its own). */
  readonly sshPort?: number;
}

export interface CapacityWaiting {
  /** What could not be made: `instance`, or the storage whose region follows the capacity. */
  readonly role: string;
  readonly since: string;
  /** Nobody waits longer than this by themselves. */
  readonly until: string;
  /** null: any. */
  readonly region: string | null;
  /** Types that would do, with a region where one was asked for. */
  readonly awaited: readonly string[];
  /** Launch calls made in this wait, all refused. */
  readonly attempts: number;
}

export interface LedgerData {
  /**
   * First line: names the run and the custody store; `plan` is the resolved plan (no secrets). `fromApi`: nothing of an earlier ledger
   * was left, and this one was begun from what the vendor's API shows. `adopted`: a machine that was not made here, to be read only.
   */
  "run.declared": { readonly run: RunRef; readonly custodyId: string; readonly endpoint: EndpointRef; readonly plan: unknown; readonly roster: readonly string[]; readonly disposable?: { readonly maxHours: number }; readonly fromApi?: true; readonly adopted?: true };
  /** Before a billable call. Resolved by `intent.confirmed`, `intent.abandoned` or an audit. */
  "intent.opened": { readonly intent: string; readonly role: string; readonly name: string; readonly pid: number; readonly startTicks: number | null; readonly request: Record<string, unknown> };
  "intent.confirmed": { readonly intent: string; readonly role: string; readonly id: string; readonly name: string };
  "intent.abandoned": { readonly intent: string; readonly why: string };
  "resource.created": { readonly role: string; readonly kind: string; readonly id: string; readonly name: string; readonly hourlyUsd?: number; readonly monthlyUsd?: number; readonly details?: Record<string, unknown> };
  "resource.lost": { readonly role: string; readonly id: string; readonly why: string };
  "resource.deleted": { readonly role: string; readonly kind: string; readonly id: string; readonly verb: string; readonly grant: string | null; readonly confirmed: string };
  /** A machine was attached to read storage that no machine of the run could read; what lay there, with no writer left. */
  "tier.listed": {
    readonly tier: string;
    /** The resource that holds it. */
    readonly resource: string;
    readonly reader: string;
    /** The run's artifacts as they lay there; null when it never had any. */
    readonly manifestSha256: string | null;
    /** Whatever wrote before was proven gone, or fenced. */
    readonly quiet: boolean;
    readonly unclaimed: readonly UnclaimedData[];
  };
  /** An update ended without capacity: nothing was launched, and the next update goes on. Times are real ones. */
  "capacity.waiting": CapacityWaiting;
  /** The wait is over without a launch: given up, or no longer possible. A launch ends it too. */
  "capacity.ended": { readonly role: string; readonly why: string };
  "address.changed": { readonly instance: string; readonly host: string; readonly port: number; readonly user: string };
  /** From here on data may exist: a job was started (or restarted) on this instance. Voids open grants. */
  "job.started": { readonly instance: string; readonly directory: string; readonly cells: readonly string[]; readonly codeSha256: string; readonly specSha256: string; readonly scriptsSha256: string };
  /** An edit is about to be handed to the queue: `cells` is the whole roster from now on, `by` is user@host. */
  "job.updated": { readonly cells: readonly string[]; readonly codeSha256: string; readonly specSha256: string; readonly added?: readonly string[]; readonly replaced?: readonly string[]; readonly by?: string };
  /** An edit that was not taken up, because these cells had begun. */
  "job.refused": { readonly cells: readonly string[]; readonly why: string; readonly by: string };
  /** Cells that never began and never will: nothing asks for them any more, unless files of theirs are found. */
  "cells.removed": { readonly cells: readonly string[]; readonly why: string; readonly by: string };
  /** What a person wanted done with cells while the run goes on. */
  "cells.ordered": { readonly order: "retry" | "fresh" | "cancel"; readonly cells: readonly string[]; readonly by: string };
  "manifest.taken": { readonly manifestSha256: string; readonly files: number; readonly bytes: number; readonly closed: boolean };
  "pull.finished": { readonly manifestSha256: string; readonly host: string; readonly directory: string; readonly files: number; readonly bytes: number; readonly seconds: number };
  "verify.failed": { readonly manifestSha256: string; readonly problems: readonly { readonly path: string; readonly code: string; readonly message: string }[] };
  /** `supersedes`: the receipt of the place that the same copy was moved from. */
  "receipt.signed": { readonly receipt: string; readonly manifestSha256: string; readonly envelopeSha256: string; readonly keyId: string; readonly supersedes?: string };
  "approval.signed": { readonly approval: string; readonly scope: "end" | "replace"; readonly deletions: readonly PlannedDeletion[]; readonly manifestSha256: string | null; readonly envelopeSha256: string; readonly keyId: string; readonly expiresAt: string };
  /** Counts from here on, in this life of the run, until it is revoked or used. */
  "standing.signed": { readonly standing: string; readonly allows: readonly StandingAllowance[]; readonly maxUsd: number | null; readonly envelopeSha256: string; readonly keyId: string; readonly expiresAt: string };
  "standing.revoked": { readonly standing: string; readonly why: string };
  "breakglass.signed": { readonly breakGlass: string; readonly reason: string; readonly deletions: readonly PlannedDeletion[]; readonly lost: readonly string[]; readonly expiresAt: string; readonly envelopeSha256: string; readonly keyId: string };
  "teardown.refused": { readonly at: string; readonly resource: string; readonly reasons: readonly { readonly code: string; readonly message: string }[] };
  "grant.sealed": { readonly grant: Grant };
  "grant.closed": { readonly grant: string; readonly why: string };
  "leftover.recorded": { readonly kind: string; readonly id: string; readonly name: string; readonly monthlyUsd: number | null; readonly owned: boolean; readonly remove: string };
  "audit.closed": { readonly billing: number; readonly leftovers: number; readonly usd: number | null };
  /** How long the run was meant to take, and who answers for it; its end destroys nothing. `owner`, `by`: user@host. */
  "lease.granted": { readonly owner: string; readonly until: string; readonly why: string };
  "lease.renewed": { readonly by: string; readonly until: string; readonly why: string };
  "lease.ended": { readonly by: string; readonly why: string };
  /** Advisory: a keeper looks after the run, and others need not, until then. */
  "keeper.watching": { readonly keeper: string; readonly until: string };
  /** Everything before it came from copies that others could write to: grants, `disposable` and closing marks of before do not count. */
  "custody.recovered": { readonly from: string; readonly entries: number };
  /** Two ledgers of the run that grew apart are one from here on: both heads, sorted. Not a line's `prev` but these are what it follows. */
  "custody.merged": { readonly heads: readonly string[] };
  "note": { readonly text: string };
}
