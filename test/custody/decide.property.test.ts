import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decide, manifestDigest, REFUSAL_CODES, type Approval, type BreakGlass, type Decision, type DeletionFacts, type Grant, type Manifest, type Receipt, type Signed, type StandingApproval, type TierFacts, type UnclaimedData,
} from "../../custody";
import {
  approval, atNight, breakGlass, digest, EARLIER, end, endKeepingStorage, filesystem, grant, instance, LATER, manifest, neverStarted, reachable, receipt, replaced, signed, standing,
} from "./happyFacts";
import { NOW, run } from "./support";
import { tries } from "../effort";

const runs = tries(1500);
const other = { ...run, name: "other" };
const times = [EARLIER, NOW, LATER, "2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z", "not a time"];
const digests = [digest, "1".repeat(64)];

const time = fc.constantFrom(...times);
const known = fc.constantFrom("yes" as const, "no" as const, "unknown" as const);
const deletions = fc.subarray([instance, filesystem, { ...instance, id: "i-2" }, { ...filesystem, verb: "format" }, { ...instance, tiersLost: ["local", "snapshots"] }], { minLength: 0 });
const cellStates = fc.array(fc.record({ name: fc.constantFrom("a", "b", "c"), state: fc.constantFrom("pending", "running", "complete", "failed", "cancelled") }), { maxLength: 4 }) as fc.Arbitrary<Manifest["cells"]>;
const trust = fc.record({ trusted: fc.boolean() });

const unclaimed: fc.Arbitrary<UnclaimedData> = fc.record({
  tier: fc.constantFrom("persistent", "local", "snapshots"), folder: fc.constantFrom("notes", "other"), bytes: fc.nat(3), files: fc.nat(3),
  owner: fc.constantFrom("digits/dev/other", "digits/dev/sweep"),
}, { requiredKeys: ["tier", "folder", "bytes", "files"] });

const anyManifest: fc.Arbitrary<Manifest> = fc.record({
  files: fc.subarray([...manifest.files, { path: "cells/c/x", bytes: 1, sha256: "d".repeat(64), cell: "c" }]),
  cells: fc.oneof(fc.constant(manifest.cells), cellStates), tier: fc.constantFrom("persistent", "local"), run: fc.constantFrom(run, run, run, other),
}).map(({ files, cells, tier, run: of }) => ({ ...manifest, run: of, files, cells, place: { ...manifest.place, tier } }));

const receipts = fc.array(fc.record({
  content: fc.record({ run: fc.constantFrom(run, run, other), manifestSha256: fc.constantFrom(...digests), how: fc.constantFrom("pulled" as const, "verifiedInPlace" as const), at: time, cells: fc.oneof(fc.constant(manifest.cells), cellStates),
    notLoaded: fc.constantFrom([], [], [{ path: "cells/b/x", cell: "b", code: "c", message: "m" }]) }),
  trust, copy: fc.constantFrom("matches" as const, "matches" as const, "missing" as const, "differs" as const, "elsewhere" as const, "unchecked" as const),
}).map(({ content, trust: signature, copy }) => ({ signed: signed<Receipt>({ ...receipt, ...content }, signature), copy })), { maxLength: 3 });

const approvals = fc.array(fc.record({
  content: fc.record({
    id: fc.constantFrom("apr_0000000000000001", "apr_0000000000000002"), run: fc.constantFrom(run, run, other), scope: fc.constantFrom("end" as const, "replace" as const),
    deletions, manifestSha256: fc.constantFrom(...digests, null), unclaimed: fc.array(unclaimed, { maxLength: 2 }),
    giveUp: fc.constantFrom(null, { cells: ["b"], reason: "r" }, { cells: ["a", "b", "c"], reason: "r" }), acceptUnreachable: fc.boolean(), at: time, expiresAt: time,
  }), trust,
}).map(({ content, trust: signature }) => signed<Approval>({ ...approval, ...content }, signature)), { maxLength: 3 });

const glasses = fc.array(fc.record({ run: fc.constantFrom(run, other), at: time, expiresAt: time, lost: fc.constantFrom(["x"], ["digits/dev/other"]), deletions: fc.oneof(fc.constant(breakGlass.deletions), deletions), trusted: fc.boolean() })
  .map(({ trusted, ...content }) => signed<BreakGlass>({ ...breakGlass, ...content }, { trusted })), { maxLength: 2 });

const standings = fc.array(fc.record({
  content: fc.record({
    id: fc.constantFrom(standing.id, "sta_0000000000000002"), run: fc.constantFrom(run, run, other), life: fc.constantFrom(standing.life, standing.life, EARLIER),
    allows: fc.oneof(fc.constant(standing.allows), deletions.map((found) => found.map(({ role, verb, tiersLost }) => ({ role, verb, tiersLost })))), maxUsd: fc.constantFrom(null, 1, 100), at: time, expiresAt: time,
  }), trust,
}).map(({ content, trust: signature }) => signed<StandingApproval>({ ...standing, ...content }, signature)), { maxLength: 2 });

const grants: fc.Arbitrary<Grant | null> = fc.option(fc.record({
  run: fc.constantFrom(run, run, other), deletions, manifestSha256: fc.constantFrom(...digests, null), at: time, expiresAt: time,
  breakGlassId: fc.constantFrom(null, breakGlass.id), basis: fc.constantFrom<Grant["basis"]>("receipt-and-approval", "confirmation", "disposable", "break-glass", "nothing-at-risk"),
}).map((change) => ({ ...grant, ...change })));

const remotes: fc.Arbitrary<DeletionFacts["remote"]> = fc.oneof(
  fc.record({ state: fc.constant("reachable" as const), manifest: fc.oneof(fc.constant(manifest), anyManifest), writerAlive: fc.boolean(), cells: fc.oneof(fc.constant(manifest.cells), cellStates), unclaimed: fc.array(unclaimed, { maxLength: 2 }) }),
  fc.record({ state: fc.constant("unreachable" as const), reason: fc.constant("timed out") }),
  fc.record({ state: fc.constant("unlistable" as const), reason: fc.constant("a fifo") }),
  fc.record({ state: fc.constant("none" as const), why: fc.constant("gone"), writerPossibleSince: fc.boolean(), unclaimed: fc.array(unclaimed, { maxLength: 2 }) }, { requiredKeys: ["state", "why", "writerPossibleSince"] }),
);

const tiers: fc.Arbitrary<readonly TierFacts[]> = fc.tuple(
  fc.record({ id: fc.constant("persistent"), path: fc.constant("/mnt"), lost: fc.boolean(), holdsArtifacts: known, empty: known }),
  fc.record({ id: fc.constant("local"), path: fc.constant("/home"), lost: fc.boolean(), holdsArtifacts: known, empty: known }),
);

const views: fc.Arbitrary<DeletionFacts["view"]> = fc.record({
  jobEverStarted: fc.boolean(), openGrant: grants, usedApprovals: fc.subarray(["apr_0000000000000001", "apr_0000000000000002"]).map((ids) => new Set(ids)),
  standing: fc.constantFrom(atNight.view.standing, []), revokedStanding: fc.constantFrom(new Set<string>(), new Set<string>(), new Set([standing.id])),
  usedBreakGlass: fc.constantFrom(new Set<string>(), new Set([breakGlass.id])), declaredAt: fc.oneof(fc.constant(end.view.declaredAt), time),
  disposable: fc.option(fc.record({ createdAt: time, maxHours: fc.constantFrom(1, 2, 100) })), roster: fc.subarray(["a", "b", "c"]).map((cells) => new Set(cells)),
  newestManifest: fc.option(fc.record({ manifestSha256: fc.constantFrom(...digests), files: fc.constant(3), bytes: fc.constant(23), closed: fc.boolean(), at: time })),
  lastJobStart: fc.option(time.map((at) => ({ ...(end.view.lastJobStart ?? assert.fail()), at }))),
});

const disposable: DeletionFacts = { ...end, receipts: [], view: { ...end.view, disposable: { createdAt: EARLIER, maxHours: 2 } } };
const granted: DeletionFacts = { ...end, receipts: [], approvals: [], view: { ...end.view, openGrant: grant } };
const broken: DeletionFacts = { ...end, receipts: [], approvals: [], breakGlass: [signed(breakGlass)] };
const inPlace: DeletionFacts = { ...endKeepingStorage, require: "verifiedInPlace", receipts: [{ signed: signed({ ...receipt, how: "verifiedInPlace" }), copy: "unchecked" }] };
const bases = [end, atNight, atNight, endKeepingStorage, inPlace, replaced, neverStarted, disposable, granted, broken];

/** Facts close to an allowed decision, with up to three of their parts replaced by anything: both answers are frequent. */
const facts: fc.Arbitrary<DeletionFacts> = fc.tuple(
  fc.constantFrom(...bases),
  fc.record({
    scope: fc.constantFrom("end" as const, "resource" as const), deletions, tiers, view: views, remote: remotes, require: fc.constantFrom("pulled" as const, "verifiedInPlace" as const),
    receipts, approvals, standing: standings, breakGlass: glasses, now: time, usdSoFar: fc.constantFrom(null, 0, 5, 500),
  }),
  fc.subarray(["scope", "deletions", "tiers", "view", "remote", "require", "receipts", "approvals", "standing", "breakGlass", "now", "usdSoFar"] as const, { maxLength: 3 }),
).map(([base, anything, parts]) => ({ ...base, ...Object.fromEntries(parts.map((part) => [part, anything[part]])) }));

type Allowed = Extract<Decision, { allow: true }>;
const allowedOnly = (given: DeletionFacts): Allowed => {
  const decision = decide(given);
  fc.pre(decision.allow);
  return decision;
};

/** Written anew here, so that a mistake in the rules is not a mistake in their test. */
const validAt = (at: string, expiresAt: string | null, now: string): boolean =>
  Date.parse(at) <= Date.parse(now) + 300_000 && (expiresAt === null || Date.parse(now) < Date.parse(expiresAt));
const sameRun = (a: { name: string }, b: { name: string }): boolean => a.name === b.name;
const losesArtifacts = (given: DeletionFacts): boolean => given.tiers.some((tier) => tier.lost && tier.holdsArtifacts === "yes" && tier.empty !== "yes");
const current = (given: DeletionFacts): string | undefined =>
  given.remote.state === "reachable" ? manifestDigest(given.remote.manifest) : given.view.newestManifest?.manifestSha256;
const names = (document: { deletions: Approval["deletions"] }, given: DeletionFacts): boolean =>
  given.deletions.every((deletion) => document.deletions.some((named) => named.id === deletion.id && named.verb === deletion.verb && named.role === deletion.role && deletion.tiersLost.every((tier) => named.tiersLost.includes(tier))));
const approves = (given: DeletionFacts, { content, trusted }: Signed<Approval>): boolean =>
  trusted && sameRun(content.run, given.run) && validAt(content.at, content.expiresAt, given.now) && !given.view.usedApprovals.has(content.id) && names(content, given);
const agreedBeforehand = (given: DeletionFacts, { content, trusted }: Signed<StandingApproval>): boolean =>
  trusted && sameRun(content.run, given.run) && validAt(content.at, content.expiresAt, given.now) && content.life === given.view.declaredAt
  && !given.view.usedApprovals.has(content.id) && !given.view.revokedStanding.has(content.id) && given.view.standing.some((known) => known.standing === content.id)
  && (content.maxUsd === null || (given.usdSoFar !== null && given.usdSoFar <= content.maxUsd))
  && given.deletions.every((deletion) => content.allows.some((allowed) => allowed.role === deletion.role && allowed.verb === deletion.verb && deletion.tiersLost.every((tier) => allowed.tiersLost.includes(tier))));
const proves = (given: DeletionFacts, { signed: { content, trusted }, copy }: DeletionFacts["receipts"][number]): boolean =>
  trusted && sameRun(content.run, given.run) && content.manifestSha256 === current(given) && copy === "matches" && content.how === "pulled" && validAt(content.at, null, given.now);

/** The exact condition of each basis that needs no receipt. */
function conditionHolds(given: DeletionFacts, decision: Allowed): boolean {
  const { openGrant, disposable: declared, jobEverStarted } = given.view;
  switch (decision.basis) {
    case "grant":
      return openGrant !== null && sameRun(openGrant.run, given.run) && validAt(openGrant.at, openGrant.expiresAt, given.now) && names(openGrant, given);
    case "break-glass":
      return given.breakGlass.some(({ content, trusted }) => trusted && sameRun(content.run, given.run) && validAt(content.at, content.expiresAt, given.now)
        && names(content, given) && given.deletions.length > 0 && !given.view.usedBreakGlass.has(content.id) && Date.parse(content.at) >= Date.parse(given.view.declaredAt));
    case "disposable": {
      const age = declared === null ? NaN : (Date.parse(given.now) - Date.parse(declared.createdAt)) / 3_600_000;
      return age >= 0 && age <= (declared?.maxHours ?? 0) && given.approvals.some((found) => approves(given, found));
    }
    case "standing-approval": {
      const { remote } = given;
      if (remote.state !== "reachable" || remote.writerAlive || !remote.manifest.closed || given.scope !== "end") return false;
      const complete = [...given.view.roster].every((name) => [...remote.cells, ...remote.manifest.cells].some((cell) => cell.name === name));
      return complete && [...remote.cells, ...remote.manifest.cells].every(({ state }) => state === "complete")
        && remote.unclaimed.every(({ tier }) => given.tiers.find(({ id }) => id === tier)?.lost === false)
        && given.standing.some((found) => found.content.id === decision.approvalId && agreedBeforehand(given, found))
        && given.receipts.some((found) => found.signed.content.id === decision.receiptId && found.signed.trusted && found.signed.content.notLoaded.length === 0
          && found.signed.content.manifestSha256 === current(given) && (proves(given, found) || (given.require === "verifiedInPlace" && !losesArtifacts(given) && found.signed.content.how === "verifiedInPlace")));
    }
    case "nothing-at-risk":
      return given.deletions.length === 0 || (!jobEverStarted && !losesArtifacts(given));
    case "receipt-and-approval":
    case "verified-in-place":
    case "confirmation":
      return false;
  }
}

test("whatever the facts, there is an answer, and a refusal says why and what to type", () => {
  fc.assert(fc.property(facts, (given) => {
    const decision = decide(given);
    if (decision.allow) return;
    assert.ok(decision.reasons.length > 0 && decision.next.length > 0);
    for (const reason of decision.reasons) {
      assert.ok(REFUSAL_CODES.includes(reason.code));
      assert.match(reason.message, /digits\/dev\/sweep/);
      assert.match(reason.message, /^\S.*[.]$/s);
    }
  }), runs);
});

test("no tier with artifacts is lost without a receipt that matches and an approval that names it", () => {
  let seen = 0;
  fc.assert(fc.property(facts, (given) => {
    fc.pre(losesArtifacts(given));
    const decision = allowedOnly(given);
    if (conditionHolds(given, decision)) return;
    seen += 1;
    const usedReceipt = given.receipts.some((found) => found.signed.content.id === decision.receiptId && proves(given, found));
    const usedApproval = given.approvals.some((found) => found.content.id === decision.approvalId && approves(given, found) && found.content.manifestSha256 === current(given));
    assert.ok(usedReceipt && usedApproval, JSON.stringify(decision));
  }), runs);
  assert.ok(seen > 20, `the ordinary way was taken ${seen} times`);
});

test("every basis stands on its own condition", () => {
  const taken = new Set<string>();
  fc.assert(fc.property(facts, (given) => {
    const decision = allowedOnly(given);
    taken.add(decision.basis);
    if (["receipt-and-approval", "verified-in-place", "confirmation"].includes(decision.basis)) {
      assert.ok(given.approvals.some((found) => found.content.id === decision.approvalId && approves(given, found)));
      if (decision.basis !== "receipt-and-approval") assert.equal(losesArtifacts(given), false);
    } else {
      assert.ok(conditionHolds(given, decision), decision.basis);
    }
  }), runs);
  assert.deepEqual([...taken].sort(), ["break-glass", "confirmation", "disposable", "grant", "nothing-at-risk", "receipt-and-approval", "standing-approval", "verified-in-place"]);
});

/** Every way of taking one piece of evidence out of the facts. */
function without(given: DeletionFacts): DeletionFacts[] {
  return [
    ...given.receipts.map((_found, index) => ({ ...given, receipts: given.receipts.toSpliced(index, 1) })),
    ...given.approvals.map((_found, index) => ({ ...given, approvals: given.approvals.toSpliced(index, 1) })),
    ...given.standing.map((_found, index) => ({ ...given, standing: given.standing.toSpliced(index, 1) })),
    ...given.standing.map((found) => ({ ...given, view: { ...given.view, revokedStanding: new Set([...given.view.revokedStanding, found.content.id]) } })),
    { ...given, view: { ...given.view, standing: [] } },
    { ...given, usdSoFar: null },
    ...given.breakGlass.map((_found, index) => ({ ...given, breakGlass: given.breakGlass.toSpliced(index, 1) })),
    { ...given, view: { ...given.view, openGrant: null } },
    { ...given, view: { ...given.view, disposable: null } },
    ...given.receipts.map((found, index) => ({ ...given, receipts: given.receipts.with(index, { ...found, copy: "missing" }) })),
    ...given.approvals.map((found, index) => ({ ...given, approvals: given.approvals.with(index, { ...found, trusted: false }) })),
  ];
}

test("taking evidence away never turns a refusal into an allowance", () => {
  fc.assert(fc.property(facts, (given) => {
    fc.pre(!decide(given).allow);
    for (const less of without(given)) assert.equal(decide(less).allow, false);
  }), runs);
});

const loud = (decision: Allowed): boolean => ["grant", "break-glass", "disposable"].includes(decision.basis);

test("data that appears takes an allowance away, unless it was named", () => {
  let seen = 0;
  fc.assert(fc.property(facts, (given) => {
    const decision = allowedOnly(given);
    const { remote } = given;
    fc.pre(!loud(decision) && given.breakGlass.length === 0 && given.deletions.length > 0 && remote.state === "reachable");
    seen += 1;
    const change = (more: Partial<typeof remote>): DeletionFacts => ({ ...given, remote: { ...remote, ...more } });
    assert.equal(decide(change({ writerAlive: true })).allow, false, "a writer");
    for (const tier of given.tiers.filter((found) => found.lost)) {
      const appeared = { tier: tier.id, folder: "appeared", bytes: 1, files: 1 };
      assert.equal(decide(change({ unclaimed: [...remote.unclaimed, appeared] })).allow, false, "unclaimed data");
      assert.equal(decide(change({ unclaimed: [...remote.unclaimed, { ...appeared, owner: "digits/dev/other" }] })).allow, false, "another run's data");
    }
    assert.equal(decide({ ...given, view: { ...given.view, roster: new Set([...given.view.roster, "new-cell"]) } }).allow, decision.basis === "nothing-at-risk", "a cell nobody accounts for");
    if (decision.basis === "confirmation") return;
    assert.equal(decide(change({ cells: [...remote.cells, { name: "new-cell", state: "running" }] })).allow, false, "an unfinished cell");
    const more = { ...remote.manifest, files: [...remote.manifest.files, { path: "logs/more.log", bytes: 1, sha256: "9".repeat(64) }] };
    assert.equal(decide(change({ manifest: more })).allow, false, "a new file");
  }), runs);
  assert.ok(seen > 20, `${seen} allowed decisions were tried`);
});

test("what becomes unknown is refused", () => {
  fc.assert(fc.property(facts, fc.nat(1), (given, index) => {
    const tier = given.tiers[index];
    fc.pre(tier?.lost === true && given.breakGlass.length === 0);
    const decision = decide({ ...given, tiers: given.tiers.with(index, { ...tier, holdsArtifacts: "unknown", empty: "unknown" }) });
    if (!decision.allow || loud(decision)) return;
    // Before the first job a person may accept that nobody can look.
    assert.equal(decision.basis, "nothing-at-risk");
    assert.equal(given.view.jobEverStarted, false);
    assert.ok(given.approvals.some(({ content }) => content.id === decision.approvalId && content.acceptUnreachable));
  }), runs);
});

test("a machine that stops answering is refused, unless that was accepted by name", () => {
  fc.assert(fc.property(facts, (given) => {
    fc.pre(given.breakGlass.length === 0 && given.deletions.length > 0);
    const decision = decide({ ...given, remote: { state: "unreachable", reason: "timed out" } });
    if (!decision.allow || loud(decision)) return;
    if (decision.approvalId === null) {
      assert.equal(decision.basis, "nothing-at-risk");
      assert.ok(!given.view.jobEverStarted && given.tiers.filter((tier) => tier.lost).every((tier) => tier.holdsArtifacts === "no" || tier.empty === "yes"));
    } else {
      assert.ok(given.approvals.some(({ content }) => content.id === decision.approvalId && content.acceptUnreachable));
    }
  }), runs);
});

test("consent given beforehand never outlives the machine that could say otherwise", () => {
  let seen = 0;
  fc.assert(fc.property(facts, (given) => {
    const decision = allowedOnly(given);
    fc.pre(decision.basis === "standing-approval" && given.breakGlass.length === 0 && given.remote.state === "reachable");
    seen += 1;
    const { remote } = given;
    const silent: DeletionFacts["remote"][] = [
      { state: "unreachable", reason: "timed out" }, { state: "unlistable", reason: "a fifo" },
      { state: "none", why: "gone", writerPossibleSince: false, unclaimed: [] }, { ...remote, manifest: { ...remote.manifest, closed: false } },
    ];
    for (const other of silent) {
      const answer = decide({ ...given, remote: other });
      assert.ok(!answer.allow || answer.basis !== "standing-approval", other.state);
    }
    const again = decide({ ...given, view: { ...given.view, usedApprovals: new Set([...given.view.usedApprovals, decision.approvalId ?? ""]) } });
    assert.ok(!again.allow || again.approvalId !== decision.approvalId, "used twice");
  }), runs);
  assert.ok(seen > 20, `${seen} ends at night were tried`);
});

test("the same facts in another order get the same answer", () => {
  fc.assert(fc.property(facts, (given) => {
    const turned: DeletionFacts = { ...given, deletions: given.deletions.toReversed(), tiers: given.tiers.toReversed(), receipts: given.receipts.toReversed(), approvals: given.approvals.toReversed(), standing: given.standing.toReversed() };
    assert.equal(decide(turned).allow, decide(given).allow);
  }), runs);
});

test("reachable facts are what the tests think they are", () => {
  assert.equal(decide({ ...end, remote: reachable({}) }).allow, true);
  assert.deepEqual(bases.map((base) => decide(base)).map((decision) => (decision.allow ? decision.basis : "refused")), [
    "receipt-and-approval", "standing-approval", "standing-approval", "receipt-and-approval", "verified-in-place", "confirmation", "nothing-at-risk", "disposable", "grant", "break-glass",
  ]);
});
