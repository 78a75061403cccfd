/** A run at its good end: everything complete, pulled, checked and approved. Each test breaks one thing. */
import { manifestDigest, type Approval, type BreakGlass, type DeletionFacts, type Grant, type Manifest, type PlannedDeletion, type Receipt, type Signed, type StandingApproval } from "../../custody";
import { NOW, run } from "./support";

export const LATER = "2026-03-02T12:00:00.000Z";
export const EARLIER = "2026-03-01T11:00:00.000Z";

export const instance: PlannedDeletion = { role: "instance", id: "i-1", verb: "terminate", tiersLost: ["local"] };
export const filesystem: PlannedDeletion = { role: "filesystem", id: "fs-1", verb: "delete", tiersLost: ["persistent"] };

export const manifest: Manifest = {
  v: 1, run, takenAt: NOW, place: { tier: "persistent", directory: "/mnt/fs/holdfast/digits/dev/sweep", resource: "fs-1" },
  cells: [{ name: "a", state: "complete" }, { name: "b", state: "complete" }],
  files: [
    { path: "cells/a/model.safetensors", bytes: 10, sha256: "a".repeat(64), cell: "a" },
    { path: "cells/b/model.safetensors", bytes: 10, sha256: "b".repeat(64), cell: "b" },
    { path: "logs/queue.log", bytes: 3, sha256: "c".repeat(64) },
  ],
  scratch: { files: 0, bytes: 0 }, closed: true,
};
export const digest = manifestDigest(manifest);

export const signed = <T>(content: T, change: Partial<Signed<T>> = {}): Signed<T> =>
  ({ content, keyId: "f".repeat(64), signer: "laptop", trusted: true, envelopeSha256: "e".repeat(64), ...change });

export const receipt: Receipt = {
  v: 1, id: "rcp_0000000000000001", run, manifestSha256: digest, how: "pulled", place: { host: "laptop", directory: "/home/me/pulled" },
  files: 3, bytes: 23, loaded: [], notLoaded: [], cells: manifest.cells, at: EARLIER,
};

export const approval: Approval = {
  v: 1, id: "apr_0000000000000001", run, scope: "end", deletions: [instance, filesystem], manifestSha256: digest, unclaimed: [], giveUp: null,
  acceptUnreachable: false, at: EARLIER, expiresAt: LATER,
};

export const grant: Grant = {
  v: 1, id: "grt_0000000000000001", run, basis: "receipt-and-approval", deletions: [instance, filesystem], manifestSha256: digest,
  approvalId: approval.id, breakGlassId: null, receiptId: receipt.id, at: EARLIER, expiresAt: LATER,
};

export const breakGlass: BreakGlass = { v: 1, id: "bgl_0000000000000001", run, reason: "the vendor closes the region tonight", deletions: [instance, filesystem], lost: ["cell b"], at: EARLIER, expiresAt: LATER };

export const standing: StandingApproval = {
  v: 1, id: "sta_0000000000000001", run, life: "2026-03-01T08:59:00.000Z", allows: [instance, filesystem].map(({ role, verb, tiersLost }) => ({ role, verb, tiersLost })),
  require: "verified", maxUsd: null, at: "2026-03-01T09:30:00.000Z", expiresAt: LATER,
};

const standingSigned = { standing: standing.id, allows: standing.allows, maxUsd: null, expiresAt: LATER, envelopeSha256: "", keyId: "", at: standing.at };

/** The end of the run: instance and file system go, and with them the only other copy of the artifacts. */
export const end: DeletionFacts = {
  now: NOW, run, scope: "end", deletions: [instance, filesystem],
  tiers: [
    { id: "persistent", path: "/mnt/fs", lost: true, holdsArtifacts: "yes", empty: "no" },
    { id: "local", path: "/home/ubuntu", lost: true, holdsArtifacts: "no", empty: "unknown" },
  ],
  view: {
    declaredAt: "2026-03-01T08:59:00.000Z", jobEverStarted: true, openGrant: null, usedApprovals: new Set(), usedBreakGlass: new Set(), standing: [], revokedStanding: new Set(), disposable: null, roster: new Set(["a", "b"]),
    newestManifest: { manifestSha256: digest, files: 3, bytes: 23, closed: true, at: EARLIER },
    lastJobStart: { at: "2026-03-01T09:00:00.000Z", instance: "i-1", directory: manifest.place.directory, cells: ["a", "b"], codeSha256: "", specSha256: "", scriptsSha256: "" },
  },
  remote: { state: "reachable", manifest, writerAlive: false, cells: manifest.cells, unclaimed: [] },
  require: "pulled",
  receipts: [{ signed: signed(receipt), copy: "matches" }],
  approvals: [signed(approval)],
  standing: [],
  breakGlass: [],
  usdSoFar: 4.2,
};

/** The same end at night: nobody is there, and somebody agreed beforehand. */
export const atNight: DeletionFacts = { ...end, approvals: [], standing: [signed(standing)], view: { ...end.view, standing: [standingSigned] } };

/** The end of the run while the file system is kept. */
export const endKeepingStorage: DeletionFacts = {
  ...end, deletions: [instance],
  tiers: end.tiers.map((tier) => (tier.id === "persistent" ? { ...tier, lost: false } : tier)),
  approvals: [signed({ ...approval, deletions: [instance] })],
};

/** The instance is replaced while the run goes on: the file system stays. */
export const replaced: DeletionFacts = {
  ...endKeepingStorage, scope: "resource", receipts: [], approvals: [signed({ ...approval, scope: "replace", deletions: [instance] })],
};

/** A first `up` that failed before any job was started. */
export const neverStarted: DeletionFacts = {
  ...end,
  tiers: end.tiers.map((tier) => ({ ...tier, holdsArtifacts: "no", empty: "yes" })),
  view: { ...end.view, jobEverStarted: false, newestManifest: null, lastJobStart: null },
  remote: { state: "none", why: "no instance was ever launched", writerPossibleSince: false },
  receipts: [], approvals: [],
};

/** What `facts.remote` is when the machine answers; for changing one thing of it. */
export const reachable = (change: Partial<Extract<DeletionFacts["remote"], { state: "reachable" }>>): DeletionFacts["remote"] =>
  ({ state: "reachable", manifest, writerAlive: false, cells: manifest.cells, unclaimed: [], ...change });
