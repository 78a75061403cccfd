import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, REFUSAL_CODES, type Approval, type Decision, type DeletionFacts, type Receipt, type RefusalCode } from "../../custody";
import {
  approval, breakGlass, digest, EARLIER, end, endKeepingStorage, filesystem, grant, instance, LATER, manifest, neverStarted, reachable, receipt, replaced, signed,
} from "./happyFacts";
import { run } from "./support";

const allowed = (facts: DeletionFacts): Extract<Decision, { allow: true }> => {
  const decision = decide(facts);
  if (!decision.allow) assert.fail(decision.reasons.map((reason) => `${reason.code}: ${reason.message}`).join("\n"));
  return decision;
};
const refused = (facts: DeletionFacts): Extract<Decision, { allow: false }> => {
  const decision = decide(facts);
  if (decision.allow) assert.fail(`allowed on ${decision.basis}`);
  assert.ok(decision.reasons.length > 0 && decision.next.length > 0);
  return decision;
};
const withReceipt = (change: Partial<Receipt>, copy: DeletionFacts["receipts"][number]["copy"] = "matches"): DeletionFacts =>
  ({ ...end, receipts: [{ signed: signed({ ...receipt, ...change }), copy }] });
const withApproval = (change: Partial<Approval>): DeletionFacts => ({ ...end, approvals: [signed({ ...approval, ...change })] });
const blind: DeletionFacts = { ...end, remote: { state: "unreachable", reason: "connection timed out" } };
const gone: DeletionFacts = { ...end, remote: { state: "none", why: "the instance i-1 is gone", writerPossibleSince: false, unclaimed: [] } };
const otherRun = { tier: "persistent", folder: "holdfast/digits/dev/other", bytes: 5 << 20, files: 7, owner: "digits/dev/other" };
const stray = { tier: "persistent", folder: "notes", bytes: 1000, files: 2 };

test("a run that is complete, pulled, checked and approved can end", () => {
  assert.deepEqual(allowed(end), { allow: true, basis: "receipt-and-approval", approvalId: approval.id, receiptId: receipt.id, manifestSha256: digest, notes: [] });
});

test("a run whose storage is kept still needs its receipt", () => {
  assert.equal(allowed(endKeepingStorage).basis, "receipt-and-approval");
  assert.deepEqual(refused({ ...endKeepingStorage, receipts: [] }).reasons.map(({ code }) => code), ["no-receipt"]);
});

test("replacing an instance whose storage stays asks for a confirmation and no pull", () => {
  assert.deepEqual(allowed(replaced), { allow: true, basis: "confirmation", approvalId: approval.id, receiptId: null, manifestSha256: digest, notes: [] });
});

test("a first up that failed before any job can be destroyed at once", () => {
  assert.equal(allowed(neverStarted).basis, "nothing-at-risk");
});

/** One broken thing per row: the code, the sentence, and what to type. Every refusal code stands here at least once. */
const table: readonly (readonly [string, RefusalCode, DeletionFacts, string, readonly string[]])[] = [
  ["the queue still writes", "writer-alive", { ...end, remote: reachable({ writerAlive: true }) },
    "digits/dev/sweep is still writing: a process of its queue or of another host holds the run, so whatever it writes from now on would be lost.",
    ["holdfast status digits/dev/sweep", "holdfast logs digits/dev/sweep -f (wait until its queue ends)"]],
  ["the instance does not answer", "not-reachable", blind,
    "The instance of digits/dev/sweep cannot be asked (connection timed out), so artifacts newer than the newest known manifest may be lost.",
    ["holdfast status digits/dev/sweep", "holdfast approve digits/dev/sweep --accept-unreachable"]],
  ["the instance vanished while it may have written", "not-reachable", { ...gone, remote: { state: "none", why: "the instance i-1 is gone", writerPossibleSince: true, unclaimed: [] } },
    "No machine can read the storage of digits/dev/sweep any more (the instance i-1 is gone), so artifacts newer than the newest known manifest may be lost.",
    ["holdfast status digits/dev/sweep", "holdfast approve digits/dev/sweep --accept-unreachable"]],
  ["the newest manifest was taken while it wrote", "not-reachable", { ...gone, view: { ...end.view, newestManifest: { manifestSha256: digest, files: 3, bytes: 23, closed: false, at: EARLIER } } },
    "No machine can read the storage of digits/dev/sweep any more (the instance i-1 is gone), so artifacts newer than the newest known manifest may be lost.",
    ["holdfast status digits/dev/sweep", "holdfast approve digits/dev/sweep --accept-unreachable"]],
  ["nobody can list what else lies on the storage", "not-reachable", { ...gone, remote: { state: "none", why: "the instance i-1 is gone", writerPossibleSince: false } },
    "Nobody can list what lies on persistent, which goes with digits/dev/sweep, so data outside its manifest may be lost.",
    ["holdfast status digits/dev/sweep", "holdfast approve digits/dev/sweep --accept-unreachable"]],
  ["its files cannot be listed", "no-manifest", { ...end, remote: { state: "unlistable", reason: "cells/a/x changed while it was hashed" } },
    "The artifacts of digits/dev/sweep cannot be listed faithfully (cells/a/x changed while it was hashed), so what would be lost is unknown.",
    ["holdfast status digits/dev/sweep", "holdfast pull digits/dev/sweep"]],
  ["the machine went before any manifest was taken", "no-manifest", { ...gone, view: { ...end.view, newestManifest: null } },
    "No manifest of digits/dev/sweep was ever taken although its job was started, so what would be lost is unknown.",
    ["holdfast status digits/dev/sweep", "pulumi up (brings a machine that can read the storage)", "holdfast pull digits/dev/sweep"]],
  ["a cell failed", "cells-unfinished", { ...end, remote: reachable({ cells: [{ name: "a", state: "complete" }, { name: "b", state: "failed", exit: 1, cause: "train" }] }) },
    "Cell b of digits/dev/sweep failed (train, exit 1), so its training would be lost unless you give it up by name.",
    ["holdfast status digits/dev/sweep", 'holdfast approve digits/dev/sweep --partial b --reason "..."']],
  ["a cell's files do not load", "cells-unfinished", withReceipt({ notLoaded: [{ path: "cells/b/model.safetensors", cell: "b", code: "truncated", message: "It is cut off." }] }),
    "Cell b of digits/dev/sweep has files that do not load (cells/b/model.safetensors: It is cut off), so the copy cannot replace the original unless you give the cell up by name.",
    ["holdfast status digits/dev/sweep", 'holdfast approve digits/dev/sweep --partial b --reason "..."']],
  ["a cell of the ledger is nowhere on the instance", "roster-mismatch", { ...end, view: { ...end.view, roster: new Set(["a", "b", "c"]) } },
    "Cell c is in the roster of digits/dev/sweep, but nothing on the instance speaks of it, so its training may be lost.",
    ["holdfast status digits/dev/sweep", 'holdfast approve digits/dev/sweep --partial c --reason "..."']],
  ["a folder is there that no state speaks of", "roster-mismatch", { ...end, view: { ...end.view, roster: new Set(["a"]) }, remote: reachable({ manifest: { ...manifest, cells: [{ name: "a", state: "complete" }] }, cells: [] }) },
    "Cell b of digits/dev/sweep has 1 file but no state, so nobody knows whether its training ended.",
    ["holdfast status digits/dev/sweep", 'holdfast approve digits/dev/sweep --partial b --reason "..."']],
  ["it was never pulled", "no-receipt", { ...end, receipts: [] },
    `No receipt shows that the artifacts of digits/dev/sweep (manifest ${digest.slice(0, 12)}) were pulled and load, so this may be their only copy.`,
    ["holdfast pull digits/dev/sweep"]],
  ["it was only verified where it lies, and that goes", "no-receipt", { ...withReceipt({ how: "verifiedInPlace" }), require: "verifiedInPlace" },
    "The artifacts of digits/dev/sweep were only verified in place, and the place itself goes, so no copy would be left.",
    ["holdfast pull digits/dev/sweep"]],
  ["an artifact changed after the pull", "receipt-stale", withReceipt({ manifestSha256: "1".repeat(64) }),
    `The newest receipt of digits/dev/sweep (rcp_0000000000000001, ${EARLIER}) is for manifest 111111111111, but the storage now holds ${digest.slice(0, 12)}, so what changed since was not pulled.`,
    ["holdfast pull digits/dev/sweep"]],
  ["the receipt was edited", "receipt-untrusted", { ...end, receipts: [{ signed: signed(receipt, { trusted: false, problem: "it was changed after it was signed" }), copy: "matches" }] },
    "Receipt rcp_0000000000000001 of digits/dev/sweep does not count: it was changed after it was signed.",
    ["holdfast pull digits/dev/sweep"]],
  ["the receipt is another run's", "receipt-untrusted", withReceipt({ run: { ...run, name: "other" } }),
    "Receipt rcp_0000000000000001 of digits/dev/sweep does not count: it is for digits/dev/other.",
    ["holdfast pull digits/dev/sweep"]],
  ["the receipt is dated in the future", "receipt-untrusted", withReceipt({ at: LATER }),
    `Receipt rcp_0000000000000001 of digits/dev/sweep does not count: it is dated in the future (${LATER}).`,
    ["holdfast pull digits/dev/sweep"]],
  ["the copy was removed", "receipt-copy-missing", withReceipt({}, "missing"),
    "The copy that receipt rcp_0000000000000001 of digits/dev/sweep speaks of (/home/me/pulled on laptop) is not complete any more, so this would delete the only whole one.",
    ["holdfast pull digits/dev/sweep"]],
  ["nobody read the copy again", "receipt-copy-missing", withReceipt({}, "unchecked"),
    "The copy that receipt rcp_0000000000000001 of digits/dev/sweep speaks of (/home/me/pulled on laptop) was not read again, so nobody knows whether it still exists.",
    ["holdfast pull digits/dev/sweep"]],
  ["one bit of the copy changed", "receipt-copy-differs", withReceipt({}, "differs"),
    "The copy that receipt rcp_0000000000000001 of digits/dev/sweep speaks of (/home/me/pulled on laptop) was changed or damaged since, so this would delete the only good one.",
    ["holdfast pull digits/dev/sweep"]],
  ["the copy is on another machine", "receipt-elsewhere", withReceipt({}, "elsewhere"),
    "The copy that receipt rcp_0000000000000001 of digits/dev/sweep speaks of (/home/me/pulled on laptop) is on another machine and cannot be read again from here, so nobody knows whether it still exists.",
    ["holdfast pull digits/dev/sweep"]],
  ["nobody approved", "no-approval", { ...end, approvals: [] },
    "Nobody has approved to terminate instance i-1 and delete filesystem fs-1 of digits/dev/sweep, which cannot be undone.",
    ["holdfast approve digits/dev/sweep"]],
  ["the approval expired", "approval-expired", withApproval({ expiresAt: EARLIER }),
    `Approval apr_0000000000000001 of digits/dev/sweep expired at ${EARLIER}; what it was given for may have changed since.`,
    ["holdfast approve digits/dev/sweep"]],
  ["the approval was used", "approval-used", { ...end, view: { ...end.view, usedApprovals: new Set([approval.id]) } },
    "Approval apr_0000000000000001 of digits/dev/sweep was already turned into a grant; each loss is approved once.",
    ["holdfast approve digits/dev/sweep"]],
  ["the approval is not signed by who may", "approval-untrusted", { ...end, approvals: [signed(approval, { trusted: false, problem: 'the key of "ci" may pull but not approve (holdfast.trust.yaml)' })] },
    'Approval apr_0000000000000001 of digits/dev/sweep does not count: the key of "ci" may pull but not approve (holdfast.trust.yaml).',
    ["holdfast approve digits/dev/sweep"]],
  ["the approval is dated in the future", "approval-untrusted", withApproval({ at: LATER, expiresAt: "2026-03-09T12:00:00.000Z" }),
    `Approval apr_0000000000000001 of digits/dev/sweep is dated in the future (${LATER}), so it is not believed.`,
    ["holdfast approve digits/dev/sweep"]],
  ["the approval is for another resource", "approval-other", withApproval({ deletions: [{ ...instance, id: "i-9" }, filesystem] }),
    'Approval apr_0000000000000001 of digits/dev/sweep is for something else: it does not name "terminate instance i-1".',
    ["holdfast approve digits/dev/sweep"]],
  ["the approval is for another verb", "approval-other", withApproval({ deletions: [{ ...instance, verb: "stop" }, filesystem] }),
    'Approval apr_0000000000000001 of digits/dev/sweep is for something else: it does not name "terminate instance i-1".',
    ["holdfast approve digits/dev/sweep"]],
  ["the approval is for another run", "approval-other", withApproval({ run: { ...run, stack: "prod" } }),
    "Approval apr_0000000000000001 of digits/dev/sweep is for something else: it is for digits/prod/sweep.",
    ["holdfast approve digits/dev/sweep"]],
  ["the approval was given for other artifacts", "approval-other", withApproval({ manifestSha256: "2".repeat(64) }),
    `Approval apr_0000000000000001 of digits/dev/sweep is for something else: it was given for manifest 222222222222, and the storage now holds manifest ${digest.slice(0, 12)}.`,
    ["holdfast approve digits/dev/sweep"]],
  ["the approval was given before anything was written", "approval-other", withApproval({ manifestSha256: null }),
    `Approval apr_0000000000000001 of digits/dev/sweep is for something else: it was given for no artifacts, and the storage now holds manifest ${digest.slice(0, 12)}.`,
    ["holdfast approve digits/dev/sweep"]],
  ["the approval is for replacing, and the run ends", "approval-other", withApproval({ scope: "replace" }),
    "Approval apr_0000000000000001 of digits/dev/sweep is for something else: it is for replacing a resource, and the run ends.",
    ["holdfast approve digits/dev/sweep"]],
  ["the approval leaves a tier out", "approval-tiers", withApproval({ deletions: [instance, { ...filesystem, tiersLost: [] }] }),
    'Approval apr_0000000000000001 of digits/dev/sweep does not say that "delete filesystem fs-1" takes persistent with it, so that loss was never agreed to.',
    ["holdfast approve digits/dev/sweep"]],
  ["unclaimed files lie on the storage", "unclaimed-data", { ...end, remote: reachable({ unclaimed: [stray] }) },
    "2 files (1000 bytes) in notes on persistent belong to no manifest of digits/dev/sweep and would be lost; nobody gave them up.",
    ["holdfast approve digits/dev/sweep"]],
  ["another run keeps data on the storage", "other-run-data", { ...end, remote: reachable({ unclaimed: [otherRun] }) },
    "digits/dev/other keeps 7 files (5.0 MiB) on persistent, which goes with digits/dev/sweep; one run never deletes the data of another.",
    ["holdfast status digits/dev/sweep", "holdfast status digits/dev/other (end that run first, or keep the storage)"]],
  ["nobody knows whether a tier holds artifacts", "unknown-tier", { ...end, tiers: end.tiers.map((tier) => (tier.id === "local" ? { ...tier, holdsArtifacts: "unknown" } : tier)) },
    '"terminate instance i-1" takes the tier local with it, and whether artifacts of digits/dev/sweep lie there is unknown, so they may be lost.',
    ["holdfast doctor"]],
  ["the verb takes a tier that nobody spoke of", "unknown-tier", { ...end, deletions: [{ ...instance, tiersLost: ["local", "snapshots"] }, filesystem], approvals: [signed({ ...approval, deletions: [{ ...instance, tiersLost: ["local", "snapshots"] }, filesystem] })] },
    '"terminate instance i-1" takes the tier snapshots with it, and whether artifacts of digits/dev/sweep lie there is unknown, so they may be lost.',
    ["holdfast doctor"]],
  ["a tier goes that no deletion names", "unknown-tier", { ...end, tiers: [...end.tiers, { id: "extra", path: "/x", lost: true, holdsArtifacts: "no", empty: "yes" }] },
    "The deletion takes the tier extra with it, and whether artifacts of digits/dev/sweep lie there is unknown, so they may be lost.",
    ["holdfast doctor"]],
  ["the grant expired", "grant-expired", { ...end, approvals: [], receipts: [], view: { ...end.view, openGrant: { ...grant, expiresAt: EARLIER } } },
    `Grant grt_0000000000000001 of digits/dev/sweep expired at ${EARLIER}, so what lies there now must be looked at and approved again.`,
    ["holdfast pull digits/dev/sweep", "holdfast approve digits/dev/sweep"]],
];

for (const [what, code, facts, message, next] of table) {
  test(`refused with ${code} when ${what}`, () => {
    const decision = refused(facts);
    assert.deepEqual(decision.reasons.filter((reason) => reason.code === code).map((reason) => reason.message), [message]);
    assert.deepEqual(decision.next, next);
  });
}

test("every refusal code has a row", () => {
  assert.deepEqual(REFUSAL_CODES.filter((code) => !table.some((row) => row[1] === code)), []);
});

test("everything that is missing is told at once, the pull before the approval", () => {
  const decision = refused({ ...end, receipts: [], approvals: [], remote: reachable({ writerAlive: true, unclaimed: [stray], cells: [{ name: "b", state: "running" }] }) });
  assert.deepEqual(decision.reasons.map(({ code }) => code), ["writer-alive", "no-receipt", "no-approval", "cells-unfinished", "unclaimed-data"]);
  assert.deepEqual(decision.next, [
    "holdfast status digits/dev/sweep", "holdfast logs digits/dev/sweep -f (wait until its queue ends)",
    "holdfast pull digits/dev/sweep --partial b", 'holdfast approve digits/dev/sweep --partial b --reason "..."',
  ]);
});

test("an old approval that was used for something else is not what a person is told about", () => {
  const old = signed({ ...approval, id: "apr_00000000000000aa", deletions: [{ ...instance, id: "i-0" }] });
  const decision = refused({ ...end, approvals: [old], view: { ...end.view, usedApprovals: new Set([old.content.id]) } });
  assert.deepEqual(decision.reasons.map(({ code }) => code), ["no-approval"]);
});

test("of several receipts and approvals one good pair is enough", () => {
  const facts: DeletionFacts = {
    ...end,
    receipts: [{ signed: signed({ ...receipt, id: "rcp_00000000000000aa" }), copy: "missing" }, ...end.receipts, { signed: signed({ ...receipt, id: "rcp_00000000000000bb" }), copy: "elsewhere" }],
    approvals: [signed({ ...approval, id: "apr_00000000000000aa", expiresAt: EARLIER }), ...end.approvals, signed({ ...approval, id: "apr_00000000000000bb", scope: "replace" })],
  };
  assert.deepEqual([allowed(facts).receiptId, allowed(facts).approvalId], [receipt.id, approval.id]);
});

test("a cell given up by name, with its reason, ends the run without break-glass", () => {
  const failed: DeletionFacts = { ...end, remote: reachable({ cells: [{ name: "b", state: "failed", exit: 1, cause: "train" }] }) };
  const decision = allowed({ ...failed, approvals: [signed({ ...approval, giveUp: { cells: ["b"], reason: "diverged" } })] });
  assert.deepEqual(decision.notes, ["Given up by name: b (diverged)."]);
  assert.equal(refused({ ...failed, approvals: [signed({ ...approval, giveUp: { cells: ["a"], reason: "wrong name" } })] }).reasons[0]?.code, "cells-unfinished");
});

test("one listing that calls a cell unfinished outweighs another that calls it complete", () => {
  const inManifest = { ...manifest, cells: [{ name: "a", state: "complete" }, { name: "b", state: "running" }] } as const;
  assert.equal(refused({ ...end, remote: reachable({ manifest: inManifest }) }).reasons[0]?.code, "cells-unfinished");
});

test("unclaimed data is given up only as much as was shown", () => {
  const facts = (bytes: number): DeletionFacts => ({ ...end, remote: reachable({ unclaimed: [{ ...stray, bytes }] }), approvals: [signed({ ...approval, unclaimed: [stray] })] });
  assert.deepEqual(allowed(facts(1000)).notes, ["Given up with persistent: notes (2 files, 1000 bytes)."]);
  assert.equal(refused(facts(1001)).reasons[0]?.code, "unclaimed-data");
});

test("unclaimed data on a tier that stays is nobody's loss", () => {
  assert.equal(allowed({ ...endKeepingStorage, remote: reachable({ unclaimed: [stray, otherRun] }) }).basis, "receipt-and-approval");
});

test("nobody can give up the data of another run", () => {
  const facts: DeletionFacts = { ...end, remote: reachable({ unclaimed: [otherRun] }), approvals: [signed({ ...approval, unclaimed: [otherRun] })] };
  assert.equal(refused(facts).reasons[0]?.code, "other-run-data");
});

test("an unreachable machine is accepted only by name, and only with a receipt for the newest known manifest", () => {
  const accepting = [signed({ ...approval, acceptUnreachable: true })];
  const decision = allowed({ ...blind, approvals: accepting });
  assert.equal(decision.basis, "receipt-and-approval");
  assert.deepEqual(decision.notes, ["Approval apr_0000000000000001 accepts that nobody can look at digits/dev/sweep: newer data, if there is any, is lost."]);
  assert.deepEqual(refused({ ...blind, approvals: accepting, receipts: [] }).reasons.map(({ code }) => code), ["no-receipt"]);
  assert.deepEqual(refused({ ...blind, approvals: accepting, receipts: [{ signed: signed({ ...receipt, cells: [{ name: "a", state: "complete" }, { name: "b", state: "running" }] }), copy: "matches" }] }).reasons.map(({ code }) => code), ["cells-unfinished"]);
});

test("a machine that answers but cannot be listed is never accepted as unreachable", () => {
  const facts: DeletionFacts = { ...end, remote: { state: "unlistable", reason: "a file changed" }, approvals: [signed({ ...approval, acceptUnreachable: true })] };
  assert.ok(refused(facts).reasons.some(({ code }) => code === "no-manifest"));
});

test("an instance that went after the run was closed and pulled does not hold the rest back", () => {
  assert.equal(allowed(gone).basis, "receipt-and-approval");
});

test("a job started after the newest manifest may have written more", () => {
  const facts: DeletionFacts = { ...gone, view: { ...end.view, lastJobStart: end.view.lastJobStart === null ? null : { ...end.view.lastJobStart, at: "2026-03-01T11:30:00.000Z" } } };
  assert.equal(refused(facts).reasons[0]?.code, "not-reachable");
});

test("verified in place is enough where the place stays and the plan says so", () => {
  const inPlace: DeletionFacts = { ...endKeepingStorage, receipts: [{ signed: signed({ ...receipt, how: "verifiedInPlace" }), copy: "unchecked" }] };
  assert.equal(allowed({ ...inPlace, require: "verifiedInPlace" }).basis, "verified-in-place");
  assert.equal(refused({ ...inPlace, require: "pulled" }).reasons[0]?.code, "no-receipt");
});

test("a tier said to hold nothing, on which artifacts were just listed, is believed to hold them", () => {
  const facts: DeletionFacts = { ...replaced, deletions: [filesystem], tiers: end.tiers.map((tier) => ({ ...tier, lost: tier.id === "persistent", holdsArtifacts: "no" })), approvals: [signed({ ...approval, scope: "replace", deletions: [filesystem] })] };
  assert.deepEqual(refused(facts).reasons.map(({ code }) => code), ["no-receipt"]);
  assert.equal(allowed({ ...facts, receipts: end.receipts }).basis, "receipt-and-approval");
});

for (const [what, change, code] of [
  ["the job still writes", { remote: reachable({ writerAlive: true }) }, "writer-alive"],
  ["nobody confirmed", { approvals: [] }, "no-approval"],
  ["the confirmation is for the end", { approvals: [signed({ ...approval, deletions: [instance] })] }, "approval-other"],
  ["the confirmation is for another instance", { approvals: [signed({ ...approval, scope: "replace", deletions: [{ ...instance, id: "i-0" }] })] }, "approval-other"],
  ["the confirmation was used", { view: { ...replaced.view, usedApprovals: new Set([approval.id]) } }, "approval-used"],
  ["a cell's folder speaks for nobody", { view: { ...replaced.view, roster: new Set(["a", "b", "lost"]) } }, "roster-mismatch"],
  ["files were saved by hand on the instance's own disk", { remote: reachable({ unclaimed: [{ tier: "local", folder: "results", bytes: 5, files: 1 }] }) }, "unclaimed-data"],
  ["the instance does not answer", { remote: { state: "unreachable", reason: "timed out" } }, "not-reachable"],
  ["the artifacts cannot be listed", { remote: { state: "unlistable", reason: "a fifo" } }, "no-manifest"],
] as const) {
  test(`a replacement is refused with ${code} when ${what}`, () => {
    const decision = refused({ ...replaced, ...(change as Partial<DeletionFacts>) });
    assert.deepEqual(decision.reasons.map((reason) => reason.code), [code]);
    if (code === "no-approval") assert.deepEqual(decision.next, ["holdfast approve digits/dev/sweep --replace instance"]);
  });
}

test("a replacement needs no finished cell: the run goes on", () => {
  assert.equal(allowed({ ...replaced, remote: reachable({ cells: [{ name: "a", state: "running" }, { name: "b", state: "pending" }] }) }).basis, "confirmation");
});

test("an unhealthy instance that does not answer is replaced by accepting that, without a pull", () => {
  const facts: DeletionFacts = { ...replaced, remote: { state: "unreachable", reason: "timed out" }, approvals: [signed({ ...approval, scope: "replace", deletions: [instance], acceptUnreachable: true })] };
  assert.equal(allowed(facts).basis, "confirmation");
});

for (const [what, change] of [
  ["a job was started", { view: { ...neverStarted.view, jobEverStarted: true } }],
  ["something lies on a tier that goes", { tiers: neverStarted.tiers.map((tier) => ({ ...tier, holdsArtifacts: "unknown", empty: "no" })) }],
  ["nobody knows whether a tier is empty", { tiers: neverStarted.tiers.map((tier) => ({ ...tier, holdsArtifacts: "unknown", empty: "unknown" })) }],
  ["artifacts were found all the same", { remote: reachable({ cells: [] }) }],
  ["a cell was found all the same", { remote: reachable({ manifest: { ...manifest, files: [], cells: [] }, cells: [{ name: "a", state: "pending" }] }) }],
  ["something writes all the same", { remote: reachable({ manifest: { ...manifest, files: [], cells: [] }, cells: [], writerAlive: true }) }],
  ["something may have written", { remote: { state: "none", why: "?", writerPossibleSince: true } }],
  ["the machine cannot be listed", { remote: { state: "unlistable", reason: "?" } }],
] as const) {
  test(`"nothing at risk" is not said when ${what}`, () => {
    refused({ ...neverStarted, ...(change as Partial<DeletionFacts>) });
  });
}

test("before the first job, a tier that nobody can look at is given up by accepting that", () => {
  const facts: DeletionFacts = { ...neverStarted, tiers: neverStarted.tiers.map((tier) => ({ ...tier, holdsArtifacts: "unknown", empty: "unknown" })), remote: { state: "unreachable", reason: "it never booted" } };
  assert.deepEqual(refused(facts).next, ["holdfast status digits/dev/sweep", "holdfast doctor", "holdfast approve digits/dev/sweep --accept-unreachable"]);
  const accepting = signed({ ...approval, manifestSha256: null, acceptUnreachable: true });
  assert.equal(allowed({ ...facts, approvals: [accepting] }).basis, "nothing-at-risk");
  assert.ok(refused({ ...facts, approvals: [accepting], tiers: facts.tiers.map((tier) => ({ ...tier, holdsArtifacts: "yes" })) }).reasons.some(({ code }) => code === "no-manifest"));
});

test("before the first job, a tier on which data lies is never given up unread", () => {
  const [durable, local] = neverStarted.tiers;
  assert.ok(durable !== undefined && local !== undefined);
  const accepting = [signed({ ...approval, manifestSha256: null, acceptUnreachable: true })];
  const facts: DeletionFacts = { ...neverStarted, tiers: [{ ...durable, holdsArtifacts: "yes", empty: "no" }, local], remote: { state: "unreachable", reason: "it never booted" }, approvals: accepting };
  assert.ok(refused(facts).reasons.some(({ code }) => code === "no-manifest"));
});

test("once a manifest is known, a tier of which nobody knows cannot be accepted away", () => {
  const facts: DeletionFacts = {
    ...blind, view: { ...end.view, jobEverStarted: false }, approvals: [signed({ ...approval, acceptUnreachable: true })],
    tiers: end.tiers.map((tier) => (tier.id === "local" ? { ...tier, holdsArtifacts: "unknown", empty: "unknown" } : tier)),
  };
  assert.deepEqual(refused(facts).reasons.map(({ code }) => code), ["unknown-tier"]);
});

test("a confirmation is not enough when one of several tiers holds artifacts", () => {
  const facts: DeletionFacts = { ...blind, scope: "resource", receipts: [], approvals: [signed({ ...approval, scope: "replace", acceptUnreachable: true })] };
  assert.deepEqual(refused(facts).reasons.map(({ code }) => code), ["no-receipt"]);
});

for (const also of [[], [instance]]) {
  test(`the file system on which artifacts were just listed is not replaced as if it held none${also.length > 0 ? ", alone or with others" : ""}`, () => {
    const deletions = [...also, { ...filesystem, tiersLost: [] }];
    const facts: DeletionFacts = {
      ...replaced, deletions, approvals: [signed({ ...approval, scope: "replace", deletions })],
      tiers: end.tiers.map((tier) => ({ ...tier, lost: tier.id === "local" && also.length > 0 })),
    };
    assert.deepEqual(refused(facts).reasons.map(({ code }) => code), ["no-receipt"]);
  });
}

test("an end that deletes nothing is allowed, whatever became of the resources", () => {
  assert.equal(allowed({ ...gone, deletions: [], tiers: end.tiers.map((tier) => ({ ...tier, lost: false })), receipts: [], approvals: [] }).basis, "nothing-at-risk");
});

const disposable: DeletionFacts = { ...end, receipts: [], approvals: [], view: { ...end.view, disposable: { createdAt: "2026-03-01T10:30:00.000Z", maxHours: 2 } } };

test("a disposable run asks only for its name, as long as it is young", () => {
  assert.equal(allowed({ ...disposable, confirmedName: "sweep" }).basis, "disposable");
  assert.equal(allowed({ ...disposable, approvals: [signed({ ...approval, manifestSha256: null })] }).approvalId, approval.id);
  refused({ ...disposable, confirmedName: "other" });
  refused(disposable);
  refused({ ...disposable, confirmedName: "sweep", now: "2026-03-01T12:31:00.000Z" });
  refused({ ...disposable, confirmedName: "sweep", now: "2026-03-01T10:29:00.000Z" });
});

test("a disposable run never takes another run's data with it, known or unknown", () => {
  refused({ ...disposable, confirmedName: "sweep", remote: reachable({ unclaimed: [otherRun] }) });
  refused({ ...disposable, confirmedName: "sweep", remote: { state: "unreachable", reason: "timed out" } });
  assert.equal(allowed({ ...disposable, approvals: [signed({ ...approval, acceptUnreachable: true })], remote: { state: "unreachable", reason: "timed out" } }).basis, "disposable");
});

const granted: DeletionFacts = { ...end, scope: "resource", deletions: [filesystem], tiers: end.tiers.map((tier) => ({ ...tier, lost: tier.id === "persistent" })), receipts: [], approvals: [], view: { ...end.view, openGrant: grant }, remote: { state: "none", why: "the instance is gone", writerPossibleSince: false } };

test("what the gate allowed stays allowed when its last instance is gone", () => {
  assert.deepEqual(allowed(granted), { allow: true, basis: "grant", approvalId: approval.id, receiptId: receipt.id, manifestSha256: digest, notes: [] });
});

for (const [what, facts] of [
  ["for another resource", { ...granted, deletions: [{ ...filesystem, id: "fs-2" }] }],
  ["for another verb", { ...granted, deletions: [{ ...filesystem, verb: "format" }] }],
  ["that does not name the tier", { ...granted, view: { ...granted.view, openGrant: { ...grant, deletions: [instance, { ...filesystem, tiersLost: [] }] } } }],
  ["of another run", { ...granted, view: { ...granted.view, openGrant: { ...grant, run: { ...run, name: "other" } } } }],
  ["that expired", { ...granted, view: { ...granted.view, openGrant: { ...grant, expiresAt: EARLIER } } }],
  ["from the future", { ...granted, view: { ...granted.view, openGrant: { ...grant, at: LATER } } }],
  ["given for other artifacts than are there now", { ...granted, remote: reachable({ manifest: { ...manifest, files: manifest.files.slice(1) } }) }],
  ["while something writes again", { ...granted, remote: reachable({ writerAlive: true }) }],
  ["while another run's data lies there now", { ...granted, remote: reachable({ unclaimed: [otherRun] }) }],
] as readonly (readonly [string, DeletionFacts])[]) {
  test(`a grant ${what} allows nothing`, () => {
    refused(facts);
  });
}

test("a grant given when nothing had been written covers nothing that was written since", () => {
  const empty: DeletionFacts = { ...granted, view: { ...granted.view, openGrant: { ...grant, basis: "nothing-at-risk", manifestSha256: null } } };
  refused({ ...empty, remote: reachable({}) });
  assert.equal(allowed({ ...empty, remote: reachable({ manifest: { ...manifest, files: [] } }) }).basis, "grant");
});

for (const basis of ["disposable", "break-glass"] as const) {
  test(`a ${basis} grant, which never asked what is there, is not held up by it`, () => {
    const facts: DeletionFacts = { ...granted, view: { ...granted.view, openGrant: { ...grant, basis } }, remote: reachable({ writerAlive: true }) };
    assert.equal(allowed(facts).basis, "grant");
  });
}

test("a grant for a replacement is not held up by what the run wrote before it stopped", () => {
  const facts: DeletionFacts = { ...replaced, approvals: [], view: { ...replaced.view, openGrant: { ...grant, basis: "confirmation", manifestSha256: null } } };
  assert.equal(allowed(facts).basis, "grant");
  refused({ ...facts, remote: reachable({ writerAlive: true }) });
});

test("break-glass works when nothing else does, and says so loudly", () => {
  const decision = allowed({ ...end, receipts: [], approvals: [], breakGlass: [signed(breakGlass)] });
  assert.equal(decision.basis, "break-glass");
  assert.deepEqual(decision.notes, [
    `BREAK GLASS: bgl_0000000000000001, signed by laptop, overrides every refusal for digits/dev/sweep until ${LATER}.`,
    "Reason: the vendor closes the region tonight", "Lost: cell b",
  ]);
});

test("break-glass is not used when the ordinary way is open", () => {
  assert.equal(allowed({ ...end, breakGlass: [signed(breakGlass)] }).basis, "receipt-and-approval");
});

for (const [what, glass] of [
  ["expired", signed({ ...breakGlass, expiresAt: EARLIER })],
  ["for another run", signed({ ...breakGlass, run: { ...run, name: "other" } })],
  ["untrusted", signed(breakGlass, { trusted: false })],
  ["dated in the future", signed({ ...breakGlass, at: LATER, expiresAt: "2026-04-01T00:00:00.000Z" })],
  ["with an unreadable date", signed({ ...breakGlass, expiresAt: "never" })],
] as const) {
  test(`break-glass that is ${what} breaks nothing`, () => {
    assert.deepEqual(refused({ ...end, receipts: [], breakGlass: [glass] }).reasons.map(({ code }) => code), ["no-receipt"]);
  });
}

test("break-glass takes another run's data only when it names that run", () => {
  const shared: DeletionFacts = { ...end, remote: reachable({ unclaimed: [otherRun] }), breakGlass: [signed(breakGlass)] };
  refused(shared);
  refused({ ...shared, breakGlass: [signed({ ...breakGlass, lost: ["digits/dev/other2", "something of digits/dev/other"] })] });
  assert.equal(allowed({ ...shared, breakGlass: [signed({ ...breakGlass, lost: ["cell b", "digits/dev/other"] })] }).basis, "break-glass");
});
