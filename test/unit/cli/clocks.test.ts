import assert from "node:assert/strict";
import { test } from "node:test";
import type { LedgerData, LedgerEntry, LedgerKind } from "../../../custody/formats";
import { foldLedger } from "../../../custody/view";
import { nextClock, runClocks } from "../../../cli/runs/clocks";
import { formatDistance, formatMoment } from "../../../cli/render/moment";

process.env["TZ"] = "UTC";

const at = (hour: number): string => new Date(Date.UTC(2026, 0, 1, hour)).toISOString();
const now = new Date(at(4));
const entry = <K extends LedgerKind>(kind: K, hour: number, data: LedgerData[K]): LedgerEntry => ({ v: 1, seq: 1, at: at(hour), kind, data, prev: "", hash: "" });
const instance = (id: string, hour: number): LedgerEntry => entry("resource.created", hour, { role: "instance", kind: "LambdaInstance", id, name: id });
const run = { project: "p", stack: "s", name: "r" };
const clock = { tiersLost: [], gotchas: [] };
const plan = {
  budget: { maxHours: 12, maxUsd: 10 },
  clocks: [
    { ...clock, id: "autoShutdown", statement: "It shuts down.", seconds: 6 * 3600, from: "launch", tiersLost: ["nvme"] },
    { ...clock, id: "afterEnd", statement: "It is released.", seconds: 3600, from: "finish" },
    { ...clock, id: "lease", statement: "The lease ends.", seconds: 12 * 3600, from: "launch" },
    { ...clock, id: "disposable", statement: "It counts as disposable.", seconds: 2 * 3600, from: "launch" },
    { ...clock, id: "billsOn", statement: "Nothing ends it.", seconds: null, from: "launch" },
  ],
};
const declared = (more: Partial<LedgerData["run.declared"]> = {}): LedgerEntry =>
  entry("run.declared", 0, { run, custodyId: "c", endpoint: { platform: "lambda", api: "sandbox" }, plan, roster: ["a"], ...more });
const free = { usdSoFar: 0, usdPerHour: 0 };

test("clocks stand in the order in which they strike, and one that never does comes last", () => {
  const clocks = runClocks(foldLedger([declared(), instance("i-1", 1)]), { now, closedAt: at(2), cost: { usdSoFar: 4, usdPerHour: 1 } });
  assert.deepEqual(clocks.map(({ id, at: when }) => [id, when]), [["afterEnd", at(3)], ["autoShutdown", at(7)], ["budget", at(10)], ["lease", at(13)], ["billsOn", null]]);
  assert.deepEqual(nextClock(clocks)?.id, "afterEnd", "what has struck is told until somebody acts");
  assert.deepEqual(clocks[1]?.tiersLost, ["nvme"]);
  assert.equal(clocks[1].title, "auto shutdown");
});

test("a replaced instance does not give the lease anew, and its own timer starts again", () => {
  const view = foldLedger([declared(), instance("i-1", 1), entry("resource.lost", 2, { role: "instance", id: "i-1", why: "preempted" }), instance("i-2", 3)]);
  const clocks = new Map(runClocks(view, { now, closedAt: null, cost: free }).map((one) => [one.id, one.at]));
  assert.equal(clocks.get("lease"), at(13));
  assert.equal(clocks.get("autoShutdown"), at(9));
  assert.equal(clocks.get("afterEnd"), null, "a queue that has not closed starts no such clock");
  assert.equal(clocks.has("budget"), false, "what costs nothing reaches no budget");
});

test("an approval that can still be used says when it expires; one that was used or has expired says nothing", () => {
  const approval = (expires: number): LedgerEntry =>
    entry("approval.signed", 2, { approval: "apr_1", scope: "end", deletions: [], manifestSha256: null, envelopeSha256: "e", keyId: "k", expiresAt: at(expires) });
  const ids = (...entries: LedgerEntry[]): string[] => runClocks(foldLedger([declared(), ...entries]), { now, closedAt: null, cost: free }).map(({ id }) => id);
  assert.ok(ids(approval(6)).includes("approval"));
  assert.ok(!ids(approval(3)).includes("approval"));
  const grant = { v: 1, id: "g", run, basis: "receipt-and-approval", deletions: [], manifestSha256: null, approvalId: "apr_1", breakGlassId: null, receiptId: null, at: at(3), expiresAt: at(5) } as const;
  assert.ok(!ids(approval(6), entry("grant.sealed", 3, { grant })).includes("approval"));
});

test("what was consented to beforehand says when it ends, unless it was used or taken back", () => {
  const signed = entry("standing.signed", 2, { standing: "std_1", allows: [{ role: "instance", verb: "terminate", tiersLost: [] }], maxUsd: null, envelopeSha256: "e", keyId: "k", expiresAt: at(9) });
  const clocks = (...entries: LedgerEntry[]): (string | null)[] => runClocks(foldLedger([declared(), ...entries]), { now, closedAt: null, cost: free }).filter(({ id }) => id === "standing").map((clock) => clock.at);
  assert.deepEqual(clocks(signed), [at(9)]);
  assert.deepEqual(clocks(signed, entry("standing.revoked", 3, { standing: "std_1", why: "changed my mind" })), []);
});

test("a disposable run says until when it may be ended without a receipt", () => {
  const clocks = runClocks(foldLedger([declared({ disposable: { maxHours: 2 } })]), { now, closedAt: null, cost: free });
  assert.equal(clocks.find(({ id }) => id === "disposable")?.at, at(2));
  const ordinary = runClocks(foldLedger([declared()]), { now, closedAt: null, cost: free });
  assert.equal(ordinary.some(({ id }) => id === "disposable"), false, "a plan that says so does not make it so: the ledger's first line does");
});

test("moments are said by the reader's clock, with the day where it is another one", () => {
  const from = new Date("2026-11-23T18:42:00Z");
  const say = (iso: string): string => formatMoment(iso, from);
  assert.deepEqual(
    ["2026-11-23T22:30:10Z", "2026-11-24T03:10:00Z", "2026-11-26T03:10:00Z", "2026-12-04T03:10:00Z", "2026-11-22T23:59:00Z", "2026-11-20T08:00:00Z"].map(say),
    ["22:30", "tomorrow 03:10", "Thu 03:10", "2026-12-04 03:10", "yesterday 23:59", "2026-11-20 08:00"],
  );
  assert.deepEqual([formatDistance("2026-11-23T22:30:00Z", from), formatDistance("2026-11-23T18:40:00Z", from)], ["in 3 h 48 min", "2 min ago"]);
});
