import assert from "node:assert/strict";
import { test } from "node:test";
import type { LedgerData, LedgerEntry, LedgerKind } from "../../custody/formats";
import { costOf } from "../../custody/cost";

const at = (hour: number): string => new Date(Date.UTC(2026, 0, 1, hour)).toISOString();
const entry = <K extends LedgerKind>(kind: K, hour: number, data: LedgerData[K]): LedgerEntry => ({ v: 1, seq: 1, at: at(hour), kind, data, prev: "", hash: "" });
const instance = (id: string, hour: number, hourlyUsd?: number): LedgerEntry =>
  entry("resource.created", hour, { role: "instance", kind: "LambdaInstance", id, name: id, ...(hourlyUsd === undefined ? {} : { hourlyUsd }) });

test("what was deleted stops costing, what stands goes on, a replaced instance counts too", () => {
  const entries = [
    instance("i-1", 0, 2),
    entry("resource.created", 0, { role: "filesystem", kind: "LambdaFilesystem", id: "fs", name: "fs", monthlyUsd: 73 }),
    entry("resource.lost", 1, { role: "instance", id: "i-1", why: "preempted" }),
    instance("i-2", 2, 4),
    entry("resource.deleted", 3, { role: "instance", kind: "LambdaInstance", id: "i-2", verb: "terminate", grant: null, confirmed: "404" }),
  ];
  const cost = costOf(entries, new Date(at(4)));
  assert.equal(cost.usdSoFar.toFixed(6), (2 + 4 + 4 * 0.1).toFixed(6));
  assert.equal(cost.usdPerHour.toFixed(6), "0.100000");
  assert.equal(cost.incomplete, false);
});

test("a resource without a known price makes the figures lower bounds, and says so", () => {
  assert.equal(costOf([instance("i", 0)], new Date(at(1))).incomplete, true);
});

test("the same resource recorded twice is billed once", () => {
  assert.equal(costOf([instance("i", 0, 1), instance("i", 1, 1)], new Date(at(2))).usdSoFar, 2);
});

test("keys, jobs and the tool's own resources have no meter", () => {
  const cost = costOf([entry("resource.created", 0, { role: "sshKey", kind: "LambdaSshKey", id: "k", name: "k" })], new Date(at(9)));
  assert.deepEqual(cost, { usdSoFar: 0, usdPerHour: 0, incomplete: false });
});
