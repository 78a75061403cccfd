import assert from "node:assert/strict";
import { test } from "node:test";
import { buildApproval, buildBreakGlass, buildGrant, decide, UserError, type DeletionFacts } from "../../custody";
import { digest, end, filesystem, instance, reachable, replaced, signed } from "./happyFacts";
import { clockAt, declared, declaredRun, NOW, run } from "./support";

const asked: DeletionFacts = { ...end, approvals: [] };
const stray = { tier: "persistent", folder: "notes", bytes: 10, files: 1 };
const userError = (code: string, pattern: RegExp) => (error: unknown): boolean => {
  assert.ok(error instanceof UserError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, pattern);
  return true;
};

test("an approval names every deletion, its tiers, the artifacts and what else goes, for a day", () => {
  const { id, ...rest } = buildApproval({ ...asked, remote: reachable({ unclaimed: [stray] }) });
  assert.match(id, /^apr_[0-9a-f]{16}$/);
  assert.deepEqual(rest, {
    v: 1, run, scope: "end", deletions: [instance, filesystem], manifestSha256: digest, unclaimed: [stray], giveUp: null, acceptUnreachable: false,
    at: NOW, expiresAt: "2026-03-02T12:00:00.000Z",
  });
});

test("what is built from the facts is what they ask for", () => {
  const situations: readonly (readonly [DeletionFacts, Parameters<typeof buildApproval>[1]])[] = [
    [asked, {}],
    [{ ...replaced, approvals: [] }, {}],
    [{ ...asked, remote: reachable({ unclaimed: [stray], cells: [{ name: "b", state: "failed" }] }) }, { giveUp: { cells: ["b"], reason: "diverged" } }],
    [{ ...asked, remote: { state: "unreachable", reason: "timed out" } }, { acceptUnreachable: true }],
  ];
  for (const [facts, wishes] of situations) {
    assert.equal(decide(facts).allow, false);
    assert.equal(decide({ ...facts, approvals: [signed(buildApproval(facts, wishes))] }).allow, true);
  }
});

test("an approval is used up by the grant it was turned into", (context) => {
  const { run: opened } = declaredRun(context);
  const approval = opened.signApproval(buildApproval(asked));
  const facts = { ...asked, approvals: [approval] };
  const decision = decide(facts);
  assert.ok(decision.allow);
  const grant = buildGrant(facts, decision);
  assert.equal(grant.expiresAt, "2026-03-02T12:00:00.000Z");
  opened.append("grant.sealed", { grant });
  const view = opened.view();
  assert.deepEqual([view.openGrant, [...view.usedApprovals]], [grant, [approval.content.id]]);
  const later: DeletionFacts = { ...facts, view: { ...end.view, openGrant: null, usedApprovals: view.usedApprovals } };
  const again = decide(later);
  assert.deepEqual(again.allow ? [] : again.reasons.map(({ code }) => code), ["approval-used"]);
});

test("what nobody can approve is not signed", () => {
  const other = { ...stray, owner: "digits/dev/other" };
  assert.throws(() => buildApproval({ ...asked, remote: reachable({ unclaimed: [other] }) }), userError("other-run-data", /^digits\/dev\/other keeps data on persistent, local, which goes with digits\/dev\/sweep/));
  assert.throws(() => buildApproval({ ...asked, deletions: [] }), userError("nothing-to-do", /nothing to approve/));
  assert.throws(() => buildApproval(asked, { giveUp: { cells: ["typo"], reason: "r" } }), userError("cell-not-found", /^digits\/dev\/sweep has no cell typo; its cells are a, b\.$/));
  assert.throws(() => buildApproval(asked, { giveUp: { cells: ["b"], reason: "  " } }), userError("usage", /with a reason/));
  for (const hours of [0, -1, Number.NaN, 1e6]) assert.throws(() => buildApproval(asked, { hours }), userError("usage", /is no time for which a document can be valid/));
});

test("break-glass needs a reason and says what is lost", (context) => {
  const now = new Date(NOW);
  assert.throws(() => buildBreakGlass(run, { reason: " ", deletions: end.deletions, lost: ["x"], hours: 1 }, now), userError("usage", /needs a reason/));
  assert.throws(() => buildBreakGlass(run, { reason: "r", deletions: end.deletions, lost: [], hours: 1 }, now), userError("usage", /must name what is lost/));
  assert.throws(() => buildBreakGlass(run, { reason: "r", deletions: [], lost: ["x"], hours: 1 }, now), userError("nothing-to-do", /owns nothing that stands/));
  const { run: opened } = declaredRun(context);
  const glass = opened.signBreakGlass(buildBreakGlass(run, { reason: "the region closes", deletions: end.deletions, lost: ["cell b"], hours: 1 }, now));
  assert.equal(glass.trusted, true);
  assert.deepEqual(opened.view().breakGlass.map(({ reason, deletions, lost, expiresAt }) => [reason, deletions, lost, expiresAt]), [["the region closes", [instance, filesystem], ["cell b"], "2026-03-01T13:00:00.000Z"]]);
  const decision = decide({ ...asked, receipts: [], breakGlass: opened.breakGlass() });
  assert.ok(decision.allow);
  assert.equal(decision.basis, "break-glass");
});

test("break-glass that opened the locks once does not open them again, in this life of the run or the next", (context) => {
  const clock = clockAt(NOW);
  const { custody, run: opened } = declaredRun(context, clock);
  const glass = opened.signBreakGlass(buildBreakGlass(run, { reason: "the region closes", deletions: end.deletions, lost: ["cell b"], hours: 2 }, clock.now()));
  const asked: DeletionFacts = { ...end, receipts: [], approvals: [], breakGlass: [glass], view: opened.view() };
  const decision = decide(asked);
  assert.ok(decision.allow);
  const grant = buildGrant(asked, decision);
  assert.deepEqual([decision.basis, grant.basis, grant.breakGlassId, grant.approvalId], ["break-glass", "break-glass", glass.content.id, null]);
  opened.append("grant.sealed", { grant });

  // A deletion that failed is tried again under the grant that is still open, and under nothing else.
  const later: DeletionFacts = { ...asked, view: opened.view() };
  const again = decide(later);
  assert.ok(again.allow);
  assert.deepEqual([again.basis, again.breakGlassId], ["grant", glass.content.id]);
  opened.append("grant.closed", { grant: grant.id, why: "all gone" });
  const closed = decide({ ...asked, view: opened.view() });
  assert.ok(!closed.allow);
  assert.match(closed.reasons.at(-1)?.message ?? "", /already turned into a grant/);

  clock.set("2026-03-01T12:30:00.000Z");
  opened.append("audit.closed", { billing: 0, leftovers: 0, usd: 1 });
  opened.append("run.declared", declared(custody.id));
  const next = decide({ ...asked, now: "2026-03-01T12:31:00.000Z", view: { ...opened.view(), jobEverStarted: true } });
  assert.ok(!next.allow);
  assert.match(next.reasons.at(-1)?.message ?? "", /already turned into a grant.*; it was signed before the run was brought up again/);
});
