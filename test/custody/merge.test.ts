/** Two ledgers that grew apart become one: nothing of either is lost, and nothing is easier to delete than before. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson, decide, foldLedger, parseLedger, UserError, type DeletionFacts, type LedgerData, type LedgerEntry, type LedgerKind, type RunView } from "../../custody";
import { link } from "../../custody/ledger";
import { joinLedgers } from "../../custody/merging/join";
import { approval, atNight, breakGlass, digest, end, endKeepingStorage, filesystem, grant, instance, neverStarted, replaced, signed, standing } from "./happyFacts";
import { declared, run } from "./support";
import { tries } from "../effort";

type Line = { [K in LedgerKind]: readonly [K, LedgerData[K]] }[LedgerKind];
type Story = readonly (readonly [minutes: number, line: Line])[];

const START = Date.parse("2026-03-01T08:00:00.000Z");

/** Goes on from `base` in its own chain; each line some minutes after the one before, by a clock that is off by `skew` minutes. */
function grow(base: readonly LedgerEntry[], story: Story, skew = 0): LedgerEntry[] {
  const entries = [...base];
  let at = Date.parse(base.at(-1)?.at ?? new Date(START).toISOString()) + skew * 60_000;
  for (const [minutes, [kind, data]] of story) {
    at += minutes * 60_000;
    entries.push(link(entries, run, kind, data, new Date(at)));
  }
  return entries;
}

const join = (one: readonly LedgerEntry[], other: readonly LedgerEntry[]): readonly LedgerEntry[] => joinLedgers(one, other).entries;
const textOf = (entries: readonly LedgerEntry[]): string => entries.map((entry) => `${canonicalJson(entry)}\n`).join("");
const hashes = (entries: readonly LedgerEntry[]): string[] => entries.map((entry) => entry.hash).sort();

const declare: Line = ["run.declared", declared("cst_1")];
const started = (cell = "a"): Line => ["job.started", { instance: "i-1", directory: "/mnt/run", cells: [cell], codeSha256: "1", specSha256: "2", scriptsSha256: "3" }];
const created = (role: string, id: string): Line => ["resource.created", { role, kind: "LambdaInstance", id, name: id, hourlyUsd: 2 }];
const deleted = (role: string, id: string): Line => ["resource.deleted", { role, kind: "LambdaInstance", id, verb: "terminate", grant: null, confirmed: "terminated" }];
const taken = (manifestSha256 = digest, closed = true): Line => ["manifest.taken", { manifestSha256, files: 3, bytes: 23, closed }];
const sealed = (change: Partial<typeof grant> = {}): Line => ["grant.sealed", { grant: { ...grant, ...change } }];
const closed: Line = ["audit.closed", { billing: 0, leftovers: 0, usd: 1 }];
const agreed: Line = ["standing.signed", { standing: standing.id, allows: standing.allows, maxUsd: null, envelopeSha256: "1".repeat(64), keyId: "2".repeat(64), expiresAt: standing.expiresAt }];
const revoked: Line = ["standing.revoked", { standing: standing.id, why: "the sweep goes on" }];
const note: Line = ["note", { text: "looked at it" }];

const anyLine: fc.Arbitrary<Line> = fc.oneof(
  fc.constantFrom<Line>(note, closed, agreed, agreed, revoked, started(), started("c"), sealed(), sealed({ id: "grt_0000000000000002", approvalId: null, breakGlassId: breakGlass.id, basis: "break-glass" })),
  fc.constantFrom<Line>(declare, ["run.declared", { ...declared("cst_1", ["a", "d"]), disposable: { maxHours: 1 } }], ["run.declared", { ...declared("cst_1"), disposable: { maxHours: 100 } }]),
  fc.constantFrom("i-1", "i-2").chain((id) => fc.constantFrom<Line>(created("instance", id), deleted("instance", id), ["resource.lost", { role: "instance", id, why: "404" }], ["address.changed", { instance: id, host: "192.0.2.7", port: 22, user: "ubuntu" }])),
  fc.constantFrom<Line>(taken(), taken(digest, false), taken("1".repeat(64)), created("filesystem", "fs-1"), deleted("filesystem", "fs-1")),
  fc.constantFrom<Line>(
    ["job.updated", { cells: ["d"], codeSha256: "1", specSha256: "2" }], ["grant.closed", { grant: grant.id, why: "done" }], ["custody.recovered", { from: "x", entries: 1 }],
    ["intent.opened", { intent: "int_1", role: "instance", name: "n", pid: 1, startTicks: null, request: {} }], ["intent.abandoned", { intent: "int_1", why: "nothing there" }],
  ),
);
const story = (maxLength: number): fc.Arbitrary<Story> => fc.array(fc.tuple(fc.nat(40), anyLine), { maxLength });
const skew = fc.integer({ min: -90, max: 90 });

/** What both share, and what each added by its own clock. */
const apart = fc.record({ base: story(6), one: story(5), other: story(5), skews: fc.tuple(skew, skew) }).map(({ base, one, other, skews }) => {
  const shared = grow([], [[0, declare], ...base]);
  return { one: grow(shared, one, skews[0]), other: grow(shared, other, skews[1]), own: [...one, ...other].map(([, [kind]]) => kind) };
});

const runs = tries(400);
/** `entries` counts lines, which two sides may have differently joined. */
const viewOf = (entries: readonly LedgerEntry[]): RunView => foldLedger(entries);

test("merging keeps every line as it was written, in chains that verify", () => {
  fc.assert(fc.property(apart, ({ one, other }) => {
    const { relation, entries } = joinLedgers(one, other);
    assert.deepEqual(entries.slice(0, one.length), one);
    for (const entry of other) assert.ok(entries.includes(entry) || one.some(({ hash }) => hash === entry.hash));
    assert.equal(entries.length, new Set([...hashes(one), ...hashes(other)]).size + (relation === "joined" ? 1 : 0));
    assert.deepEqual(parseLedger(textOf(entries), run, "merged"), { entries, torn: "" });
    assert.equal(link(entries, run, "note", { text: "on" }, new Date(START)).seq, entries.length + 1);
  }), runs);
});

test("two stores that join each other's ledgers hold the same lines at once, and the same view", () => {
  fc.assert(fc.property(apart, ({ one, other }) => {
    const [here, there] = [join(one, other), join(other, one)];
    assert.deepEqual(hashes(here), hashes(there));
    assert.deepEqual(viewOf(here), viewOf(there));
    assert.equal(joinLedgers(here, there).relation, "same");
    assert.equal(joinLedgers(here, other).relation === "same" || joinLedgers(here, other).relation === "ahead", true);
  }), runs);
});

test("three stores that join in any order know the same", () => {
  fc.assert(fc.property(fc.record({ base: story(4), tails: fc.array(story(3), { minLength: 3, maxLength: 3 }), more: story(2) }), ({ base, tails, more }) => {
    const shared = grow([], [[0, declare], ...base]);
    const [a = [], b = [], c = []] = tails.map((tail, index) => grow(shared, tail, index * 7));
    // One goes on between two joins, so that the same two histories meet more than once.
    const ab = grow(join(a, b), more);
    const bc = join(b, c);
    const [left, right] = [join(ab, bc), join(bc, ab)];
    assert.deepEqual(hashes(left), hashes(right));
    assert.deepEqual(viewOf(left), viewOf(right));
    parseLedger(textOf(left), run, "left");
    const known = new Set(left.map((entry) => entry.hash));
    for (const entry of [...a, ...b, ...c]) assert.ok(known.has(entry.hash));
  }), runs);
});

const accepting = { ...approval, acceptUnreachable: true };
const bases: readonly DeletionFacts[] = [
  end, endKeepingStorage, replaced, neverStarted, { ...end, breakGlass: [signed(breakGlass)] }, { ...end, receipts: [] }, { ...end, receipts: [], approvals: [] },
  { ...neverStarted, deletions: [instance, filesystem], remote: { state: "unreachable", reason: "timed out" }, approvals: [signed(accepting)] },
  { ...end, remote: { state: "unreachable", reason: "timed out" }, approvals: [signed(approval), signed(accepting)] },
  { ...end, remote: { state: "none", why: "gone", writerPossibleSince: false, unclaimed: [] }, approvals: [signed(approval), signed(accepting)] },
];
/** Only a ledger vouches for consent given beforehand, and one side's word for it is enough: the other has merely not heard of it. */
const night: DeletionFacts = { ...atNight, standing: [signed({ ...standing, life: new Date(START).toISOString() })] };
const allows = (facts: DeletionFacts, view: RunView): boolean => decide({ ...facts, view }).allow;

test("no deletion becomes easier by merging: what both refuse stays refused", () => {
  let seen = 0;
  fc.assert(fc.property(apart, fc.constantFrom(...bases, night), ({ one, other }, facts) => {
    if (!allows(facts, viewOf(join(one, other)))) return;
    seen += 1;
    assert.ok(allows(facts, viewOf(one)) || allows(facts, viewOf(other)));
  }), tries(3000));
  assert.ok(seen > 100, `${seen} merged views allowed something`);
});

test("what either of the two refuses while somebody can look stays refused", () => {
  let seen = 0;
  fc.assert(fc.property(apart, fc.constantFrom(...bases), ({ one, other, own }, facts) => {
    // A life that ended on one side is not the other's any more; and nobody who looks means that the newest manifest decides.
    fc.pre(!own.includes("audit.closed") && !one.some(({ kind }) => kind === "audit.closed") && facts.remote.state === "reachable");
    const { relation, entries } = joinLedgers(one, other);
    fc.pre(relation === "joined");
    if (!allows(facts, viewOf(entries))) return;
    seen += 1;
    assert.ok(allows(facts, viewOf(one)), "one");
    assert.ok(allows(facts, viewOf(other)), "other");
  }), tries(3000));
  assert.ok(seen > 50, `${seen} merged views allowed something`);
});

test("a manifest that one side took of the life before, not knowing of the next, proves nothing about the next", () => {
  const ended = grow([], [[0, declare], [1, ["run.declared", declared("cst_1", ["a", "d"])]], [1, closed]]);
  const next = grow(ended, [[1, declare]], -5);
  for (const merged of [join(next, grow(ended, [[5, taken()]])), join(grow(ended, [[5, taken()]]), next)]) assert.equal(viewOf(merged).newestManifest, null);
  // Nor one that the side itself took before it declared the next life.
  const begun = grow(ended, [[1, taken()], [1, declare]]);
  assert.equal(viewOf(join(begun, grow(ended, [[1, created("instance", "i-1")]]))).newestManifest, null);
});

test("consent that was given for one life does not count for another that the other side went on with", () => {
  const one = grow([], [[0, declare]]);
  const again = grow(one, [[0, closed], [0, declare], [1, agreed]], -5);
  assert.deepEqual(viewOf(join(again, grow(one, [[1, created("instance", "i-1")]]))).standing, []);
});

const base = grow([], [[0, declare], [1, created("instance", "i-1")], [1, started()]]);

test("a grant that one side sealed is not open where the other started a job, nor anywhere else", () => {
  assert.equal(viewOf(join(grow(base, [[1, sealed()]]), grow(base, [[1, started()]]))).openGrant, null);
  assert.equal(viewOf(join(grow(base, [[1, sealed()]]), grow(base, [[1, note]]))).openGrant, null);
  const granted = grow(base, [[1, sealed()]]);
  assert.equal(viewOf(join(grow(granted, [[1, note]]), grow(granted, [[1, taken()]]))).openGrant?.id, grant.id, "sealed before they parted, and voided by neither");
  assert.equal(viewOf(join(grow(granted, [[1, note]]), grow(granted, [[1, started()]]))).openGrant, null);
});

test("an approval that either side used is used", () => {
  const merged = viewOf(join(grow(base, [[1, sealed()]]), grow(base, [[5, note]])));
  assert.deepEqual([...merged.usedApprovals], [approval.id]);
});

test("consent given beforehand and taken back by either side counts for neither", () => {
  const known = grow(base, [[1, agreed]]);
  assert.equal(allows(night, viewOf(join(known, grow(base, [[5, note]])))), true);
  assert.equal(allows(night, viewOf(join(grow(known, [[1, note]]), grow(known, [[1, revoked]])))), false);
  assert.equal(allows(night, viewOf(join(grow(known, [[1, sealed({ approvalId: standing.id })], [1, ["grant.closed", { grant: grant.id, why: "done" }]]]), grow(known, [[5, note]])))), false);
});

test("what one side deleted is gone, unless the other saw it stand since by its own clock", () => {
  const gone = grow(base, [[10, deleted("instance", "i-1")]]);
  assert.deepEqual(viewOf(join(gone, grow(base, [[20, note]]))).live, []);
  assert.deepEqual(viewOf(join(gone, grow(base, [[1, created("instance", "i-1")]]))).live.map(({ id }) => id), ["i-1"]);
  assert.deepEqual(viewOf(join(gone, grow(base, [[1, created("instance", "i-2")]]))).live.map(({ id }) => id), ["i-2"]);
});

test("a manifest taken of a closed run is open where the other side started something, whatever the clocks say", () => {
  const pulled = grow(base, [[30, taken()]]);
  assert.equal(viewOf(join(pulled, grow(base, [[1, note]]))).newestManifest?.closed, true);
  assert.equal(viewOf(join(pulled, grow(base, [[1, started()]]))).newestManifest?.closed, false);
  assert.equal(viewOf(join(pulled, grow(base, [[1, taken("1".repeat(64))]]))).newestManifest?.closed, false, "the other side saw something else");
});

test("a life that ended here while something was started there has not ended", () => {
  const ended = grow(base, [[1, deleted("instance", "i-1")], [1, closed]]);
  assert.notEqual(viewOf(join(ended, grow(base, [[1, note]]))).auditClosed, null);
  assert.equal(viewOf(join(ended, grow(base, [[1, created("instance", "i-2")]]))).auditClosed, null);
  const again = viewOf(join(grow(ended, [[1, ["run.declared", declared("cst_1", ["z"])]]]), grow(base, [[1, created("instance", "i-2")], [1, started("c")]])));
  assert.deepEqual([[...again.roster].sort(), again.jobEverStarted, again.live.map(({ id }) => id)], [["a", "b", "c", "z"], true, ["i-2"]]);
  const quiet = viewOf(join(grow(ended, [[1, ["run.declared", declared("cst_1", ["z"])]]]), grow(base, [[9, note]])));
  assert.deepEqual([[...quiet.roster], quiet.jobEverStarted], [["z"], false], "somebody who only looked holds nothing back");
});

test("a second chain that nothing joins, a join of lines that are not there, and a line that stands twice are refused", () => {
  const [one, other] = [grow(base, [[1, note]]), grow(base, [[2, note]])];
  const merged = join(one, other);
  const broken = (entries: readonly LedgerEntry[], pattern: RegExp): void => {
    assert.throws(() => parseLedger(textOf(entries), run, "file"), (error: unknown) => error instanceof UserError && error.code === "ledger-broken" && pattern.test(error.message));
  };
  broken(merged.slice(0, -1), /line 5 of file does not follow line 4/);
  broken(merged.toSpliced(4, 1), /joins lines that are not there/);
  broken([...one, one.at(-1) ?? assert.fail()], /line 5 of file stands there twice/);
  const wrongHeads = { ...(merged.at(-1) as LedgerEntry<"custody.merged">) };
  broken([...merged.slice(0, -1), { ...wrongHeads, data: { heads: wrongHeads.data.heads.toReversed() } }], /joins lines that are not there/);
});
