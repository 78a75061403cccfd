import assert from "node:assert/strict";
import { test } from "node:test";
import { foldLedger, grantCovers, type Grant, type LedgerData, type LedgerKind, type RunView } from "../../custody";
import { declared, NOW, run } from "./support";

type Line = { [K in LedgerKind]: readonly [K, LedgerData[K]] }[LedgerKind];

const fold = (...lines: readonly Line[]): RunView =>
  foldLedger(lines.map(([kind, data], index) => ({ v: 1, seq: index + 1, at: new Date(Date.parse(NOW) + index * 60_000).toISOString(), kind, data, prev: "", hash: "" })));

const declare: Line = ["run.declared", declared("cst_1")];
const created = (role: string, id: string): Line => ["resource.created", { role, kind: "LambdaInstance", id, name: `${role}-${id}`, hourlyUsd: 2 }];
const started: Line = ["job.started", { instance: "i-1", directory: "/mnt/run", cells: ["a", "c"], codeSha256: "1", specSha256: "2", scriptsSha256: "3" }];
const grant: Grant = {
  v: 1, id: "grt_0000000000000001", run, basis: "receipt-and-approval", deletions: [{ role: "instance", id: "i-1", verb: "terminate", tiersLost: ["local"] }],
  manifestSha256: null, approvalId: "apr_1", breakGlassId: null, receiptId: null, at: NOW, expiresAt: "2026-03-02T12:00:00.000Z",
};
const sealed: Line = ["grant.sealed", { grant }];

test("the roster is everything that was ever declared, started or added", () => {
  const view = fold(declare, started, ["job.updated", { cells: ["d"], codeSha256: "1", specSha256: "2" }]);
  assert.deepEqual([...view.roster].sort(), ["a", "b", "c", "d"]);
  assert.equal(view.jobEverStarted, true);
});

test("a cell that was taken out before it started is not asked for, unless it is wanted again or the ledger is a copy", () => {
  const removed: Line = ["cells.removed", { cells: ["c"], why: "taken out", by: "ada@laptop" }];
  const view = fold(declare, started, removed);
  assert.deepEqual([[...view.roster].sort(), view.removed.get("c")?.by], [["a", "b"], "ada@laptop"]);
  assert.ok(fold(declare, started, removed, ["job.updated", { cells: ["c"], codeSha256: "1", specSha256: "2" }]).roster.has("c"));
  // Whoever can write beside the artifacts could take every cell out.
  assert.ok(fold(declare, started, removed, ["custody.recovered", { from: "there", entries: 3 }]).roster.has("c"));
});

test("a cell that is ordered to run again voids the grant: it writes again", () => {
  assert.equal(fold(declare, sealed, ["cells.ordered", { order: "retry", cells: ["a"], by: "ada@laptop" }]).openGrant, null);
});

test("a refused edit is remembered until one is accepted", () => {
  const refused: Line = ["job.refused", { cells: ["a"], why: "it had started", by: "ada@laptop" }];
  assert.deepEqual([...fold(declare, started, refused).refusedEdit], ["a"]);
  assert.deepEqual([...fold(declare, started, refused, ["job.updated", { cells: [], codeSha256: "1", specSha256: "2" }]).refusedEdit], []);
});

test("a job that starts or grows after the grant voids it: new data may exist", () => {
  assert.equal(fold(declare, sealed).openGrant?.id, grant.id);
  assert.equal(fold(declare, sealed, started).openGrant, null);
  assert.equal(fold(declare, sealed, ["job.updated", { cells: [], codeSha256: "1", specSha256: "2" }]).openGrant, null);
  assert.equal(fold(declare, sealed, ["grant.closed", { grant: grant.id, why: "done" }]).openGrant, null);
  assert.equal(fold(declare, sealed, ["grant.closed", { grant: "another", why: "done" }]).openGrant?.id, grant.id);
});

test("an approval that was turned into a grant stays used, in every later life of the run", () => {
  const view = fold(declare, sealed, ["audit.closed", { billing: 0, leftovers: 0, usd: 1 }], declare);
  assert.ok(view.usedApprovals.has("apr_1"));
  assert.equal(view.openGrant, null);
});

test("a run declared again after its audit begins anew; before it, nothing is forgotten", () => {
  const again = fold(declare, created("instance", "i-1"), started, ["audit.closed", { billing: 0, leftovers: 0, usd: 1 }], ["run.declared", declared("cst_1", ["z"])]);
  assert.deepEqual([again.jobEverStarted, again.live, [...again.roster]], [false, [], ["z"]]);
  const edited = fold(declare, created("instance", "i-1"), started, ["run.declared", declared("cst_1", ["z"])]);
  assert.deepEqual([edited.jobEverStarted, edited.live.length, [...edited.roster].sort()], [true, 1, ["a", "b", "c", "z"]]);
});

test("of two instances during a replacement both are known until each is gone", () => {
  const both = fold(declare, created("instance", "i-1"), created("instance", "i-2"));
  assert.deepEqual(both.live.map(({ id }) => id), ["i-1", "i-2"]);
  assert.equal(both.resources.get("instance")?.id, "i-2");
  const deleted: Line = ["resource.deleted", { role: "instance", kind: "LambdaInstance", id: "i-1", verb: "terminate", grant: null, confirmed: "terminated" }];
  const after = fold(declare, created("instance", "i-1"), created("instance", "i-2"), deleted);
  assert.equal(after.resources.get("instance")?.id, "i-2");
  assert.deepEqual(after.deleted.map(({ id, how, since, hourlyUsd }) => [id, how, since, hourlyUsd]), [["i-1", "deleted", "2026-03-01T12:01:00.000Z", 2]]);
  const newer = fold(declare, created("instance", "i-1"), created("instance", "i-2"), ["resource.lost", { role: "instance", id: "i-2", why: "404" }]);
  assert.equal(newer.resources.get("instance")?.id, "i-1");
});

test("a resource recorded again bills since it was first seen", () => {
  const view = fold(declare, created("instance", "i-1"), started, created("instance", "i-1"));
  assert.deepEqual(view.live.map(({ id, since }) => [id, since]), [["i-1", "2026-03-01T12:01:00.000Z"]]);
});

test("a launch whose reply was lost stays open until somebody looked", () => {
  const opened: Line = ["intent.opened", { intent: "int_1", role: "instance", name: "n", pid: 1, startTicks: null, request: {} }];
  assert.equal(fold(declare, opened).openIntents[0]?.intent, "int_1");
  assert.deepEqual(fold(declare, opened, ["intent.confirmed", { intent: "int_1", role: "instance", id: "i-1", name: "n" }]).openIntents, []);
  assert.deepEqual(fold(declare, opened, ["intent.abandoned", { intent: "int_1", why: "nothing by that name" }]).openIntents, []);
});

test("a run is disposable only when it was from the beginning, and at the shortest time declared", () => {
  const short: Line = ["run.declared", { ...declared("cst_1"), disposable: { maxHours: 2 } }];
  const long: Line = ["run.declared", { ...declared("cst_1"), disposable: { maxHours: 200 } }];
  assert.deepEqual(fold(short).disposable, { createdAt: NOW, maxHours: 2 });
  assert.deepEqual(fold(short, long).disposable, { createdAt: NOW, maxHours: 2 });
  assert.equal(fold(declare, short).disposable, null);
  assert.equal(fold(short, declare).disposable, null);
});

const kept = (id: string, owned = true): Line => ["leftover.recorded", { kind: "filesystem", id, name: id, monthlyUsd: 20, owned, remove: `delete ${id}` }];
const closed: Line = ["audit.closed", { billing: 0, leftovers: 1, usd: 1 }];

test("storage that a former life kept on purpose is not taken for a forgotten one in the next", () => {
  const view = fold(declare, kept("fs-1"), kept("fs-0", false), closed, declare, kept("fs-2"), closed, declare);
  assert.deepEqual(view.leftovers.map(({ id }) => id), ["fs-1", "fs-2"]);
});

test("a leftover that was deleted or found missing since is none any more", () => {
  const gone: Line = ["resource.deleted", { role: "filesystem", kind: "LambdaFilesystem", id: "fs-1", verb: "delete", grant: null, confirmed: "404" }];
  const lost: Line = ["resource.lost", { role: "filesystem", id: "fs-1", why: "404" }];
  for (const line of [gone, lost]) assert.deepEqual(fold(declare, kept("fs-1"), closed, declare, line).leftovers, []);
});

test("storage that a later life only uses stays the leftover of the life that made it", () => {
  const view = fold(declare, kept("fs-1"), closed, declare, created("filesystem", "fs-1"), kept("fs-1", false));
  assert.deepEqual(view.leftovers.map(({ id, owned }) => [id, owned]), [["fs-1", true]]);
});

const recovered: Line = ["custody.recovered", { from: "ubuntu@192.0.2.7:/custody", entries: 3 }];

test("a grant that came with a copied ledger opens nothing: anybody who writes to the tier could have put it there", () => {
  assert.equal(fold(declare, started, sealed).openGrant?.id, grant.id);
  assert.equal(fold(declare, started, sealed, recovered).openGrant, null);
  assert.equal(fold(declare, started, recovered, sealed).openGrant?.id, grant.id, "one that was sealed here since");
});

test("a run does not become disposable, never started or closed by a copied ledger that says so", () => {
  const short: Line = ["run.declared", { ...declared("cst_1"), disposable: { maxHours: 2 } }];
  const taken: Line = ["manifest.taken", { manifestSha256: "0".repeat(64), files: 1, bytes: 1, closed: true }];
  const view = fold(short, taken, recovered);
  assert.deepEqual([view.disposable, view.jobEverStarted, view.newestManifest?.closed], [null, true, false]);
  assert.equal(fold(short, recovered, short).disposable, null);
  assert.equal(fold(short, recovered, taken).newestManifest?.closed, true);
});

test("an override that was turned into a grant stays used, in every later life of the run", () => {
  const broke: Line = ["grant.sealed", { grant: { ...grant, basis: "break-glass", approvalId: null, breakGlassId: "bgl_1" } }];
  assert.deepEqual([...fold(declare, broke, closed, declare).usedBreakGlass], ["bgl_1"]);
});

test("where the job was placed is known after its resource is gone", () => {
  const placed: Line = ["resource.created", { role: "job", kind: "RemoteJob", id: "j", name: "j", details: { directory: "/mnt/run" } }];
  const gone: Line = ["resource.deleted", { role: "job", kind: "RemoteJob", id: "j", verb: "stop", grant: null, confirmed: "stopped" }];
  assert.deepEqual(fold(declare, placed, gone).lastJob, { directory: "/mnt/run" });
});

test("a grant covers only its own resource, verb and tiers", () => {
  const deletion = grant.deletions[0] ?? assert.fail();
  assert.equal(grantCovers(grant, deletion), true);
  assert.equal(grantCovers(grant, { ...deletion, tiersLost: [] }), true);
  assert.equal(grantCovers(grant, { ...deletion, id: "i-2" }), false);
  assert.equal(grantCovers(grant, { ...deletion, verb: "delete" }), false);
  assert.equal(grantCovers(grant, { ...deletion, tiersLost: ["local", "persistent"] }), false);
});
