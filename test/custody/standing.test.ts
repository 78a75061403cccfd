/** Consent given beforehand: what it ends, and everything that it does not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildGrant, buildStanding, UserError, type DeletionFacts, type StandingApproval } from "../../custody";
import { allowed, otherRun, refused, stray } from "./decisions";
import { atNight, digest, EARLIER, end, endKeepingStorage, filesystem, instance, manifest, reachable, receipt, signed, standing } from "./happyFacts";
import { clockAt, declaredRun, NOW, run } from "./support";

const withStanding = (change: Partial<StandingApproval>, facts: DeletionFacts = atNight): DeletionFacts => ({ ...facts, standing: [signed({ ...standing, ...change })] });
const codes = (facts: DeletionFacts): string[] => refused(facts).reasons.map(({ code }) => code);
const told = (facts: DeletionFacts): string => refused(facts).reasons.map(({ message }) => message).join("\n");

test("a run that ended at night, complete and pulled, goes under the consent that was given before", () => {
  assert.deepEqual(allowed(atNight), {
    allow: true, basis: "standing-approval", approvalId: standing.id, breakGlassId: null, receiptId: receipt.id, manifestSha256: digest, notes: [`Approved beforehand: ${standing.id}, valid until ${standing.expiresAt}.`],
  });
});

test("an approval of this very loss is used first, so that the standing one is kept for the end it was given for", () => {
  assert.equal(allowed({ ...atNight, approvals: end.approvals }).basis, "receipt-and-approval");
});

test("a replaced instance ends under the same consent: it names roles", () => {
  assert.equal(allowed({ ...atNight, deletions: [{ ...instance, id: "i-2" }, filesystem] }).basis, "standing-approval");
});

const void_: readonly (readonly [string, DeletionFacts, RegExp])[] = [
  ["that expired", withStanding({ expiresAt: EARLIER }), /it expired at/],
  ["from the future", withStanding({ at: "2026-03-01T13:00:00.000Z" }), /dated in the future/],
  ["for another run", withStanding({ run: { ...run, name: "other" } }), /it is for digits\/dev\/other/],
  ["for an earlier life of the run", withStanding({ life: "2026-02-01T00:00:00.000Z" }), /for the life of the run that began at 2026-02-01/],
  ["for another verb", withStanding({ allows: standing.allows.map((allowance) => ({ ...allowance, verb: "stop" })) }), /does not name "terminate instance i-1" with local, "delete filesystem fs-1" with persistent/],
  ["for the instance alone", withStanding({ allows: standing.allows.slice(0, 1) }), /does not name "delete filesystem fs-1" with persistent/],
  ["that does not say which tier goes", withStanding({ allows: standing.allows.map((allowance) => ({ ...allowance, tiersLost: [] })) }), /does not name/],
  ["that was revoked", { ...atNight, view: { ...atNight.view, revokedStanding: new Set([standing.id]) } }, /it was revoked/],
  ["that was used", { ...atNight, view: { ...atNight.view, usedApprovals: new Set([standing.id]) } }, /each ends a run once/],
  ["that a recovered ledger does not vouch for", { ...atNight, view: { ...atNight.view, standing: [] } }, /no record of it since it was last recovered/],
  ["of a stranger", { ...atNight, standing: [signed(standing, { trusted: false, problem: "the key 0123 is not in trust.yaml" })] }, /is not in trust\.yaml/],
  ["for a cheaper run", withStanding({ maxUsd: 4 }), /at most \$4, and this one has cost \$4\.20/],
  ["with a bound, when the cost is not known", { ...withStanding({ maxUsd: 400 }), usdSoFar: null }, /an unknown amount/],
];
for (const [what, facts, says] of void_) {
  test(`consent ${what} ends nothing`, () => {
    assert.deepEqual(codes(facts), ["no-approval", "standing-void"]);
    assert.match(told(facts), says);
  });
}

const unfit: readonly (readonly [string, DeletionFacts, readonly string[]])[] = [
  ["the machine does not answer", { ...atNight, remote: { state: "unreachable", reason: "timed out" } }, ["not-reachable"]],
  ["the machine is gone", { ...atNight, remote: { state: "none", why: "the instance i-1 is gone", writerPossibleSince: false, unclaimed: [] } }, ["not-reachable"]],
  ["the artifacts cannot be listed", { ...atNight, remote: { state: "unlistable", reason: "a fifo" } }, ["no-manifest"]],
  ["something writes", { ...atNight, remote: reachable({ writerAlive: true }) }, ["writer-alive"]],
  ["the queue did not close", { ...atNight, remote: reachable({ manifest: { ...manifest, closed: false } }) }, ["not-closed"]],
  ["a cell is not complete", { ...atNight, remote: reachable({ cells: [{ name: "a", state: "complete" }, { name: "b", state: "failed", exit: 1 }] }) }, ["cells-unfinished"]],
  ["a cell of the roster is nowhere", { ...atNight, view: { ...atNight.view, roster: new Set(["a", "b", "c"]) } }, ["roster-mismatch"]],
  ["nothing was pulled", { ...atNight, receipts: [] }, ["no-receipt"]],
  ["something newer lies there", { ...atNight, receipts: [{ signed: signed({ ...receipt, manifestSha256: "1".repeat(64) }), copy: "matches" }] }, ["receipt-stale"]],
  ["the copy was damaged", { ...atNight, receipts: [{ signed: signed(receipt), copy: "differs" }] }, ["receipt-copy-differs"]],
  ["a given-up cell does not load", { ...atNight, receipts: [{ signed: signed({ ...receipt, notLoaded: [{ path: "cells/b/x", cell: "b", code: "c", message: "m" }] }), copy: "matches" }] }, ["cells-unfinished"]],
  ["files of nobody lie there", { ...atNight, remote: reachable({ unclaimed: [stray] }) }, ["unclaimed-data"]],
  ["another run keeps data there", { ...atNight, remote: reachable({ unclaimed: [otherRun] }) }, ["other-run-data"]],
];
for (const [what, facts, expected] of unfit) {
  test(`consent given beforehand waits for a person when ${what}`, () => {
    assert.deepEqual(codes(facts), expected);
  });
}

test("one resource alone, while the run goes on, never goes under it", () => {
  const replaced: DeletionFacts = { ...endKeepingStorage, scope: "resource", approvals: [], standing: atNight.standing, view: atNight.view };
  assert.deepEqual(codes(replaced), ["no-approval"]);
});

test("only the pull is asked for when nothing else is missing", () => {
  assert.deepEqual(refused({ ...atNight, receipts: [] }).next, ["holdfast pull digits/dev/sweep"]);
});

test("storage that holds the artifacts is only covered when it is named", () => {
  const wishes = { life: standing.life, deletions: [instance, filesystem], durableTier: "persistent", also: [] };
  assert.throws(() => buildStanding(run, wishes, new Date(NOW)), (error: unknown) => error instanceof UserError && error.code === "standing-unnamed" && error.next[0] === "holdfast approve digits/dev/sweep --standing --also filesystem");
  const built = buildStanding(run, { ...wishes, also: ["filesystem"] }, new Date(NOW));
  assert.deepEqual(built.allows, standing.allows);
  assert.equal(built.expiresAt, "2026-03-08T12:00:00.000Z");
  assert.deepEqual(buildStanding(run, { ...wishes, deletions: [instance, { ...filesystem, verb: "keep", tiersLost: [] }] }, new Date(NOW)).allows.map(({ verb }) => verb), ["terminate", "keep"]);
  assert.throws(() => buildStanding(run, { ...wishes, also: ["filesystem", "bucket"] }, new Date(NOW)), /deletes no bucket/);
  assert.throws(() => buildStanding(run, { ...wishes, also: ["filesystem"], hours: 91 * 24 }, new Date(NOW)), /at most 90 days/);
});

test("a ledger remembers what was signed, revoked and used, and what it recovered from copies it does not vouch for", (context) => {
  const clock = clockAt(NOW);
  const { run: custody } = declaredRun(context, clock);
  const give = (): string => custody.signStanding({ ...standing, id: `sta_${String(custody.standing().length).padStart(16, "0")}`, run, life: custody.view().declaredAt }).content.id;
  const first = give();
  assert.deepEqual(custody.standing().map(({ content, trusted }) => [content.id, trusted]), [[first, true]]);
  assert.deepEqual(custody.view().standing.map(({ standing: id }) => id), [first]);
  custody.append("standing.revoked", { standing: first, why: "the sweep goes on" });
  assert.ok(custody.view().revokedStanding.has(first));

  const second = give();
  custody.append("grant.sealed", { grant: buildGrant({ ...atNight, run }, { ...allowed(atNight), approvalId: second }) });
  assert.ok(custody.view().usedApprovals.has(second));

  const third = give();
  custody.append("custody.recovered", { from: "a copy", entries: 1 });
  assert.equal(custody.view().standing.some(({ standing: id }) => id === third), false);
  const fourth = give();
  assert.deepEqual(custody.view().standing.map(({ standing: id }) => id), [fourth]);

  custody.append("audit.closed", { billing: 0, leftovers: 0, usd: 1 });
  clock.set("2026-03-02T12:00:00.000Z");
  const { custodyId, endpoint, roster } = { ...custody.view(), roster: ["a"] };
  custody.append("run.declared", { run, custodyId, endpoint, plan: { v: 1 }, roster });
  const next = custody.view();
  assert.deepEqual([next.standing, [...next.revokedStanding], [...next.usedApprovals]], [[], [first], [second]]);
});
