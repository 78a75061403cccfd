import assert from "node:assert/strict";
import { test } from "node:test";
import { mayStopFirst, type DeletionFacts } from "../../custody";
import type { Approval } from "../../custody/formats";
import { allowed, blind, gone, otherRun, refused, stray } from "./decisions";
import { approval, breakGlass, digest, EARLIER, end, endKeepingStorage, filesystem, grant, instance, LATER, manifest, neverStarted, reachable, receipt, replaced, signed } from "./happyFacts";
import { run } from "./support";

test("a run that is complete, pulled, checked and approved can end", () => {
  assert.deepEqual(allowed(end), { allow: true, basis: "receipt-and-approval", approvalId: approval.id, breakGlassId: null, receiptId: receipt.id, manifestSha256: digest, notes: [] });
});

test("a run whose storage is kept still needs its receipt", () => {
  assert.equal(allowed(endKeepingStorage).basis, "receipt-and-approval");
  assert.deepEqual(refused({ ...endKeepingStorage, receipts: [] }).reasons.map(({ code }) => code), ["no-receipt"]);
});

test("replacing an instance whose storage stays asks for a confirmation and no pull", () => {
  assert.deepEqual(allowed(replaced), { allow: true, basis: "confirmation", approvalId: approval.id, breakGlassId: null, receiptId: null, manifestSha256: digest, notes: [] });
});

test("a first up that failed before any job can be destroyed at once", () => {
  assert.equal(allowed(neverStarted).basis, "nothing-at-risk");
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

test("a job that runs is ended for a replacement only by a confirmation that says so, and never for the end of a run", () => {
  const writing: DeletionFacts = { ...replaced, remote: reachable({ writerAlive: true }) };
  const confirmed: Approval = { ...approval, scope: "replace", deletions: [instance] };
  const stopping = signed<Approval>({ ...confirmed, stopJob: true });
  assert.equal(mayStopFirst({ ...writing, approvals: [stopping] }), true);
  assert.deepEqual(refused({ ...writing, approvals: [stopping] }).reasons.map(({ code }) => code), ["writer-alive"], "until it has ended");
  assert.equal(allowed({ ...replaced, approvals: [stopping] }).basis, "confirmation");
  for (const approvals of [[], [signed(confirmed)], [signed<Approval>({ ...confirmed, stopJob: true }, { trusted: false, problem: "x" })], [signed<Approval>({ ...confirmed, stopJob: true, deletions: [{ ...instance, id: "i-0" }] })]]) {
    assert.equal(mayStopFirst({ ...writing, approvals }), false);
  }
  assert.equal(mayStopFirst({ ...writing, view: { ...writing.view, usedApprovals: new Set([approval.id]) }, approvals: [stopping] }), false);
  assert.equal(mayStopFirst({ ...end, remote: reachable({ writerAlive: true }), approvals: [signed<Approval>({ ...approval, stopJob: true })] }), false);
  assert.equal(mayStopFirst({ ...replaced, approvals: [stopping] }), false, "nothing runs");
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
  assert.deepEqual(refused(facts).next, ["holdfast status digits/dev/sweep", "holdfast doctor", "holdfast approve digits/dev/sweep --accept-unreachable (if no machine can ever look again)"]);
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

test("a disposable run asks for no pull, only for consent, as long as it is young", () => {
  const agreed = [signed({ ...approval, manifestSha256: null })];
  assert.deepEqual([allowed({ ...disposable, approvals: agreed }).basis, allowed({ ...disposable, approvals: agreed }).approvalId], ["disposable", approval.id]);
  refused(disposable);
  refused({ ...disposable, approvals: agreed, now: "2026-03-01T12:31:00.000Z" });
  refused({ ...disposable, approvals: agreed, now: "2026-03-01T10:29:00.000Z" });
});

test("a disposable run never takes another run's data with it, known or unknown", () => {
  const agreed = [signed({ ...approval, manifestSha256: null })];
  refused({ ...disposable, approvals: agreed, remote: reachable({ unclaimed: [otherRun] }) });
  refused({ ...disposable, approvals: agreed, remote: { state: "unreachable", reason: "timed out" } });
  assert.equal(allowed({ ...disposable, approvals: [signed({ ...approval, acceptUnreachable: true })], remote: { state: "unreachable", reason: "timed out" } }).basis, "disposable");
});

const granted: DeletionFacts = { ...end, scope: "resource", deletions: [filesystem], tiers: end.tiers.map((tier) => ({ ...tier, lost: tier.id === "persistent" })), receipts: [], approvals: [], view: { ...end.view, openGrant: grant }, remote: { state: "none", why: "the instance is gone", writerPossibleSince: false } };

test("what the gate allowed stays allowed when its last instance is gone", () => {
  assert.deepEqual(allowed(granted), { allow: true, basis: "grant", approvalId: approval.id, breakGlassId: null, receiptId: receipt.id, manifestSha256: digest, notes: [] });
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

test("a grant goes no further than what the person was shown: files laid down since are asked for", () => {
  const now = (unclaimed: readonly typeof stray[], approvals: DeletionFacts["approvals"] = [signed({ ...approval, unclaimed: [stray] })]): DeletionFacts => ({ ...granted, approvals, remote: reachable({ unclaimed }) });
  assert.equal(allowed(now([stray])).basis, "grant");
  assert.equal(allowed(now([])).basis, "grant");
  refused(now([{ ...stray, files: stray.files + 1 }]));
  refused(now([stray], [signed(approval)]));
  refused(now([stray], [signed({ ...approval, unclaimed: [stray] }, { trusted: false })]));
  refused(now([stray], [signed({ ...approval, id: "apr_00000000000000aa", unclaimed: [stray] })]));
});

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
    "BREAK GLASS: bgl_0000000000000001, signed by laptop, overrides every refusal of digits/dev/sweep once, to terminate instance i-1 and delete filesystem fs-1.",
    "Reason: the vendor closes the region tonight", "Lost: cell b",
  ]);
});

test("break-glass is not used when the ordinary way is open", () => {
  assert.equal(allowed({ ...end, breakGlass: [signed(breakGlass)] }).basis, "receipt-and-approval");
});

for (const [what, glass] of [
  ["expired", signed({ ...breakGlass, expiresAt: EARLIER })],
  ["for another run", signed({ ...breakGlass, run: { ...run, name: "other" } })],
  ["dated in the future", signed({ ...breakGlass, at: LATER, expiresAt: "2026-04-01T00:00:00.000Z" })],
  ["with an unreadable date", signed({ ...breakGlass, expiresAt: "never" })],
] as const) {
  test(`break-glass that is ${what} breaks nothing`, () => {
    assert.deepEqual(refused({ ...end, receipts: [], breakGlass: [glass] }).reasons.map(({ code }) => code), ["no-receipt"]);
  });
}

for (const [what, change, why] of [
  ["that nobody who may signed", { breakGlass: [signed(breakGlass, { trusted: false, problem: "it was changed after it was signed" })] }, "it was changed after it was signed"],
  ["of the run's former life", { view: { ...end.view, declaredAt: "2026-03-01T11:00:00.001Z" } }, "it was signed before the run was brought up again"],
  ["when nobody knows when the run was brought up", { view: { ...end.view, declaredAt: "not a time" } }, "it was signed before the run was brought up again"],
  ["that was used", { view: { ...end.view, usedBreakGlass: new Set([breakGlass.id]) } }, "it was already turned into a grant, and each opens the locks once"],
  ["for an instance that is gone, and another stands", { deletions: [{ ...instance, id: "i-2" }, filesystem] }, 'it does not name "terminate instance i-2" with local'],
  ["for another verb", { deletions: [instance, { ...filesystem, verb: "format" }] }, 'it does not name "format filesystem fs-1" with persistent'],
  ["that does not name a tier", { deletions: [{ ...instance, tiersLost: ["local", "persistent"] }, filesystem] }, 'it does not name "terminate instance i-1" with local, persistent'],
] as readonly (readonly [string, Partial<DeletionFacts>, string])[]) {
  test(`break-glass ${what} opens nothing, and says why`, () => {
    const decision = refused({ ...end, receipts: [], approvals: [], breakGlass: [signed(breakGlass)], ...change });
    assert.deepEqual(decision.reasons.at(-1), { code: "break-glass-void", message: `Break-glass bgl_0000000000000001 of digits/dev/sweep opens nothing here: ${why}.` });
  });
}

test("break-glass covers a single one of the deletions it names", () => {
  assert.equal(allowed({ ...end, scope: "resource", deletions: [instance], tiers: end.tiers.map((tier) => ({ ...tier, lost: tier.id === "local" })), receipts: [], approvals: [], breakGlass: [signed(breakGlass)], remote: reachable({ writerAlive: true }) }).basis, "break-glass");
});

test("break-glass takes another run's data only when it names that run", () => {
  const shared: DeletionFacts = { ...end, remote: reachable({ unclaimed: [otherRun] }), breakGlass: [signed(breakGlass)] };
  refused(shared);
  refused({ ...shared, breakGlass: [signed({ ...breakGlass, lost: ["digits/dev/other2", "something of digits/dev/other"] })] });
  assert.equal(allowed({ ...shared, breakGlass: [signed({ ...breakGlass, lost: ["cell b", "digits/dev/other"] })] }).basis, "break-glass");
});
