import assert from "node:assert/strict";
import { test } from "node:test";
import { REFUSAL_CODES, type DeletionFacts, type RefusalCode } from "../../custody";
import { blind, gone, otherRun, refused, stray, withApproval, withReceipt } from "./decisions";
import { approval, atNight, breakGlass, digest, EARLIER, end, endKeepingStorage, filesystem, grant, instance, LATER, manifest, reachable, receipt, signed, standing } from "./happyFacts";
import { run } from "./support";

/** One broken thing per row: the code, the sentence, and what to type. Every refusal code stands here at least once. */
const table: readonly (readonly [string, RefusalCode, DeletionFacts, string, readonly string[]])[] = [
  ["the queue still writes", "writer-alive", { ...end, remote: reachable({ writerAlive: true }) },
    "digits/dev/sweep is still writing: a process of its queue or of another host holds the run, so whatever it writes from now on would be lost.",
    ["holdfast status digits/dev/sweep", "holdfast logs digits/dev/sweep -f (wait until its queue ends)"]],
  ["the instance does not answer", "not-reachable", blind,
    "The instance of digits/dev/sweep cannot be asked (connection timed out), so artifacts newer than the newest known manifest may be lost.",
    ["holdfast status digits/dev/sweep", "pulumi up (notices an instance that is gone and brings one back on the same file system)", "holdfast pull digits/dev/sweep", "holdfast approve digits/dev/sweep --accept-unreachable (if no machine can ever look again)"]],
  ["the instance vanished while it may have written", "not-reachable", { ...gone, remote: { state: "none", why: "the instance i-1 is gone", writerPossibleSince: true, unclaimed: [] } },
    "No machine can read the storage of digits/dev/sweep any more (the instance i-1 is gone), so artifacts newer than the newest known manifest may be lost.",
    ["holdfast status digits/dev/sweep", "pulumi up (notices an instance that is gone and brings one back on the same file system)", "holdfast pull digits/dev/sweep", "holdfast rescue digits/dev/sweep (or: reads the storage through the cheapest machine that can mount it, which is ended again)", "holdfast approve digits/dev/sweep --accept-unreachable (if no machine can ever look again)"]],
  ["the newest manifest was taken while it wrote", "not-reachable", { ...gone, view: { ...end.view, newestManifest: { manifestSha256: digest, files: 3, bytes: 23, closed: false, at: EARLIER } } },
    "No machine can read the storage of digits/dev/sweep any more (the instance i-1 is gone), so artifacts newer than the newest known manifest may be lost.",
    ["holdfast status digits/dev/sweep", "pulumi up (notices an instance that is gone and brings one back on the same file system)", "holdfast pull digits/dev/sweep", "holdfast rescue digits/dev/sweep (or: reads the storage through the cheapest machine that can mount it, which is ended again)", "holdfast approve digits/dev/sweep --accept-unreachable (if no machine can ever look again)"]],
  ["nobody can list what else lies on the storage", "not-reachable", { ...gone, remote: { state: "none", why: "the instance i-1 is gone", writerPossibleSince: false } },
    "Nobody can list what lies on persistent, which goes with digits/dev/sweep, so data outside its manifest may be lost.",
    ["holdfast status digits/dev/sweep", "pulumi up (notices an instance that is gone and brings one back on the same file system)", "holdfast pull digits/dev/sweep", "holdfast rescue digits/dev/sweep (or: reads the storage through the cheapest machine that can mount it, which is ended again)", "holdfast approve digits/dev/sweep --accept-unreachable (if no machine can ever look again)"]],
  ["its files cannot be listed", "no-manifest", { ...end, remote: { state: "unlistable", reason: "cells/a/x changed while it was hashed" } },
    "The artifacts of digits/dev/sweep cannot be listed faithfully (cells/a/x changed while it was hashed), so what would be lost is unknown.",
    ["holdfast status digits/dev/sweep", "holdfast pull digits/dev/sweep"]],
  ["the machine went before any manifest was taken", "no-manifest", { ...gone, view: { ...end.view, newestManifest: null } },
    "No manifest of digits/dev/sweep was ever taken although its job was started, so what would be lost is unknown.",
    ["holdfast status digits/dev/sweep", "pulumi up (notices an instance that is gone and brings one back on the same file system)", "holdfast pull digits/dev/sweep", "holdfast rescue digits/dev/sweep (or: reads the storage through the cheapest machine that can mount it, which is ended again)"]],
  ["a cell failed", "cells-unfinished", { ...end, remote: reachable({ cells: [{ name: "a", state: "complete" }, { name: "b", state: "failed", exit: 1, cause: "train" }] }) },
    "Cell b of digits/dev/sweep failed (train, exit 1), so its training would be lost unless you give it up by name.",
    ["holdfast status digits/dev/sweep", 'holdfast approve digits/dev/sweep --partial b --reason "..."']],
  ["a complete cell saved nothing of what its job says", "cells-unfinished", { ...end, remote: reachable({ cells: [{ name: "a", state: "complete" }, { name: "b", state: "complete", missing: ["checkpoints/*.pt", "metrics.json"] }] }) },
    "Cell b of digits/dev/sweep is complete, and has no file checkpoints/*.pt, none metrics.json, which its job says must be there (artifacts.keep): it was saved elsewhere, or not at all, and would be lost unless you give it up by name.",
    ["holdfast status digits/dev/sweep", 'holdfast approve digits/dev/sweep --partial b --reason "..."']],
  ["the copy is the storage itself, mounted", "receipt-copy-goes", { ...end, receipts: [{ signed: signed(receipt), copy: "goes" }] },
    "The copy that receipt rcp_0000000000000001 of digits/dev/sweep speaks of (/home/me/pulled on laptop) lies on the run's own storage or machine, under another name, so it is no second copy and would go too.",
    ["holdfast pull digits/dev/sweep"]],
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
    ["holdfast pull digits/dev/sweep", "holdfast relocate digits/dev/sweep DIRECTORY (when the copy was moved, or this machine has one)"]],
  ["nobody read the copy again", "receipt-copy-missing", withReceipt({}, "unchecked"),
    "The copy that receipt rcp_0000000000000001 of digits/dev/sweep speaks of (/home/me/pulled on laptop) was not read again, so nobody knows whether it still exists.",
    ["holdfast pull digits/dev/sweep", "holdfast relocate digits/dev/sweep DIRECTORY (when the copy was moved, or this machine has one)"]],
  ["one bit of the copy changed", "receipt-copy-differs", withReceipt({}, "differs"),
    "The copy that receipt rcp_0000000000000001 of digits/dev/sweep speaks of (/home/me/pulled on laptop) was changed or damaged since, so this would delete the only good one.",
    ["holdfast pull digits/dev/sweep"]],
  ["the copy is on another machine", "receipt-elsewhere", withReceipt({}, "elsewhere"),
    "The copy that receipt rcp_0000000000000001 of digits/dev/sweep speaks of (/home/me/pulled on laptop) is on another machine and cannot be read again from here, so nobody knows whether it still exists.",
    ["holdfast pull digits/dev/sweep", "holdfast relocate digits/dev/sweep DIRECTORY (when the copy was moved, or this machine has one)"]],
  ["the copy lies on a machine that is thrown away", "receipt-temporary", withReceipt({}, "temporary"),
    "The copy that receipt rcp_0000000000000001 of digits/dev/sweep speaks of (/home/me/pulled on laptop) lies on a machine that is thrown away when its job is over (CI is set), so it would be lost too.",
    ["holdfast pull digits/dev/sweep", "HOLDFAST_COPIES=DIRECTORY holdfast pull digits/dev/sweep --to DIRECTORY/sweep (a folder that outlives this machine; set it for pulumi destroy too)"]],
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
  ["a standing approval waits for the closing marker", "not-closed", { ...atNight, remote: reachable({ manifest: { ...manifest, closed: false } }) },
    "The queue of digits/dev/sweep has not written its closing marker, or something wrote after it, so a standing approval does not count yet.",
    ["holdfast status digits/dev/sweep"]],
  ["the standing approval expired", "standing-void", { ...atNight, standing: [signed({ ...standing, expiresAt: EARLIER })] },
    `Standing approval sta_0000000000000001 of digits/dev/sweep does not count here: it expired at ${EARLIER}.`,
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
  ["the override is for what stood before", "break-glass-void", { ...end, receipts: [], breakGlass: [signed({ ...breakGlass, deletions: [{ ...instance, id: "i-0" }, filesystem] })] },
    'Break-glass bgl_0000000000000001 of digits/dev/sweep opens nothing here: it does not name "terminate instance i-1" with local.',
    ["holdfast pull digits/dev/sweep"]],
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

test("where loading the artifacts in place is enough, that is proposed; where the place goes, a pull", () => {
  const unproven: DeletionFacts = { ...endKeepingStorage, require: "verifiedInPlace", receipts: [] };
  const decision = refused(unproven);
  assert.deepEqual(decision.next, ["holdfast verify digits/dev/sweep --in-place (loads it where it stays; or, to have a copy: holdfast pull digits/dev/sweep)"]);
  assert.match(decision.reasons[0]?.message ?? "", /were pulled, or read where they stay, and load, so/);
  assert.deepEqual(refused({ ...unproven, require: "pulled" }).next, ["holdfast pull digits/dev/sweep"]);
  assert.deepEqual(refused({ ...end, require: "verifiedInPlace", receipts: [] }).next, ["holdfast pull digits/dev/sweep"]);
});

test("a machine that vanished before the pull is brought back first: a pull alone would find nothing", () => {
  for (const facts of [{ ...blind, receipts: [] }, { ...gone, receipts: [] }]) {
    const { next } = refused(facts);
    const steps = ["pulumi up (notices an instance that is gone and brings one back on the same file system)", "holdfast pull digits/dev/sweep"];
    assert.deepEqual(next.slice(next.indexOf(steps[0] ?? ""), next.indexOf(steps[0] ?? "") + 2), steps);
  }
});

test("an instance that is silent is replaced on a confirmation that says so; nobody is sent to pull from it", () => {
  const facts: DeletionFacts = { ...end, scope: "resource", deletions: [instance], tiers: end.tiers.map((tier) => ({ ...tier, lost: instance.tiersLost.includes(tier.id), holdsArtifacts: "no" as const })), remote: { state: "unreachable", reason: "connection timed out" }, receipts: [], approvals: [] };
  const { reasons, next } = refused(facts);
  assert.deepEqual(reasons.map(({ code }) => code), ["no-approval", "not-reachable"]);
  assert.match(reasons[1]?.message ?? "", /whether its job has stopped is unknown; what it has not saved to the storage yet is lost with it/);
  assert.deepEqual(next, ["holdfast status digits/dev/sweep", "holdfast approve digits/dev/sweep --replace instance --accept-unreachable"]);
});

test("one file is one file in what a person reads", () => {
  const one = refused({ ...end, remote: reachable({ unclaimed: [{ ...stray, bytes: 1, files: 1 }] }) });
  assert.equal(one.reasons[0]?.message, "1 file (1 byte) in notes on persistent belongs to no manifest of digits/dev/sweep and would be lost; nobody gave it up.");
});
