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

test("a run that begins anew under its name is not charged for its earlier life, whose dollars would end its keeper's patience", () => {
  const lives = [
    entry("resource.created", 0, { role: "instance", kind: "LambdaInstance", id: "i-1", name: "i", hourlyUsd: 2 }),
    entry("resource.created", 0, { role: "filesystem", kind: "LambdaFilesystem", id: "fs", name: "fs", hourlyUsd: 0.5 }),
    entry("resource.deleted", 4, { role: "instance", kind: "LambdaInstance", id: "i-1", verb: "terminate", grant: null, confirmed: "404" }),
    entry("audit.closed", 4, { billing: 0, leftovers: 1, usd: 10 }),
    entry("run.declared", 6, { run: { project: "p", stack: "s", name: "r" }, custodyId: "c", endpoint: { platform: "lambda", api: "sandbox" }, plan: null, roster: [] }),
    entry("resource.created", 6, { role: "instance", kind: "LambdaInstance", id: "i-2", name: "i", hourlyUsd: 2 }),
  ];
  assert.deepEqual(costOf(lives.slice(0, 4), new Date(at(4))), { usdSoFar: 10, usdPerHour: 0.5, incomplete: false });
  assert.deepEqual(costOf(lives, new Date(at(8))), { usdSoFar: 5, usdPerHour: 2.5, incomplete: false });
});

test("a rescue leaves the cost known: a bound of dollars must not stop the keeper for a key that costs nothing", () => {
  const rescue = [
    entry("resource.created", 0, { role: "rescueKey", kind: "LambdaSshKey", id: "k", name: "k" }),
    entry("resource.created", 0, { role: "rescue", kind: "LambdaInstance", id: "r", name: "r", hourlyUsd: 2 }),
    entry("resource.deleted", 1, { role: "rescue", kind: "LambdaInstance", id: "r", verb: "terminate", grant: null, confirmed: "404" }),
  ];
  assert.deepEqual(costOf(rescue, new Date(at(9))), { usdSoFar: 2, usdPerHour: 0, incomplete: false });
});
