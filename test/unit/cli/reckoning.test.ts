/** The week's reckoning finds what was lost, idled away, unrecorded or forced: it does not agree with everything. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Facts, RunFacts } from "../../../cli/demo/week/reckoning";
import { reckon } from "../../../cli/demo/week/reckoning";
import type { TierFile } from "../../../cli/demo/week/tier";
import type { LedgerData, LedgerEntry, LedgerKind } from "../../../custody";

type Line = { [K in LedgerKind]: readonly [K, number, LedgerData[K]] }[LedgerKind];

const begin = Date.parse("2026-03-02T12:00:00.000Z");
/** A minute of the vendor's passes in a second. */
const at = (vendorMinutes: number): string => new Date(begin + vendorMinutes * 1000).toISOString();
const ledger = (...lines: readonly Line[]): LedgerEntry[] => lines.map(([kind, minutes, data], index) => ({ v: 1, seq: index + 1, at: at(minutes), kind, data, prev: "", hash: "" }));

const file: TierFile = { path: "cells/a/checkpoints/step-000010.safetensors", bytes: 96, sha256: "a".repeat(64) };
const created: Line = ["resource.created", 0, { role: "instance", kind: "LambdaInstance", id: "i-1", name: "machine", hourlyUsd: 2 }];
const deleted: Line = ["resource.deleted", 125, { role: "instance", kind: "LambdaInstance", id: "i-1", verb: "terminate", grant: "grt_1", confirmed: "not in the list" }];

/** Launched at 0, billed from the third minute for two hours, done at the 120th. */
function agreeing(): Facts & { runs: [RunFacts] } {
  const entries = ledger(created, deleted);
  return {
    runs: [{ run: "sweep", entries, doneAt: begin + 120_000, files: [file], copies: new Map([[file.path, file]]), verified: true }],
    ledgers: [entries],
    meter: { timeScale: 60, billing: [], totalUsd: 4, resources: [{ kind: "instance", id: "i-1", name: "machine", from: at(3), to: at(123), hours: 2, usd: 4 }] },
    vendorAt: (realMs) => begin + (realMs - begin) * 60,
    now: begin + 200_000,
    told: { usdSoFar: 3.1, meterUsd: 3 },
  };
}
const missedOf = (change: (facts: ReturnType<typeof agreeing>) => Facts): string => reckon(change(agreeing())).missed.join("\n");

test("meter, ledger and copies that agree are told as they are, in the vendor's time", () => {
  const { missed, idleMinutes, idleUsd, usd, machines, artifacts } = reckon(agreeing());
  assert.deepEqual(missed, []);
  assert.deepEqual([idleMinutes, Number(idleUsd.toFixed(6)), usd.meter], [3, 0.1, 4]);
  assert.ok(Math.abs(usd.ledgers - (125 / 60) * 2) < 1e-9);
  assert.deepEqual(machines.map(({ minutesBefore, minutesAfter, how }) => [minutesBefore, minutesAfter, how]), [[3, 2, "deleted"]]);
  assert.deepEqual(artifacts, { files: 1, bytes: 96, lost: [] });
});

test("an artifact without a copy, or with another one, is lost; so is a run without any", () => {
  const other: TierFile = { ...file, sha256: "b".repeat(64) };
  assert.match(missedOf((facts) => ({ ...facts, runs: [{ ...facts.runs[0], copies: new Map() }] })), /1 files of the file system are in no copy: sweep\/cells\/a/);
  assert.match(missedOf((facts) => ({ ...facts, runs: [{ ...facts.runs[0], copies: new Map([[file.path, other]]) }] })), /1 files of the file system are in no copy/);
  assert.match(missedOf((facts) => ({ ...facts, runs: [{ ...facts.runs[0], files: [] }] })), /no artifacts at all/);
  assert.match(missedOf((facts) => ({ ...facts, runs: [{ ...facts.runs[0], verified: false }] })), /the copy of sweep is not whole/);
});

test("what bills after the end, what bills unrecorded, and what bills otherwise than recorded is found", () => {
  assert.match(missedOf((facts) => ({ ...facts, runs: [{ ...facts.runs[0], doneAt: begin + 110_000 }] })), /13\.0 minutes of idling were billed/);
  assert.match(missedOf((facts) => ({ ...facts, runs: [{ ...facts.runs[0], entries: [] }] })), /no ledger knows machine, which was billed/);
  assert.match(missedOf((facts) => ({ ...facts, runs: [{ ...facts.runs[0], entries: ledger(created) }] })), /machine has no end/);
  assert.match(missedOf((facts) => ({ ...facts, meter: { ...facts.meter, resources: [] } })), /the meter does not know machine, which sweep recorded/);
  assert.match(missedOf((facts) => ({ ...facts, meter: { ...facts.meter, totalUsd: 9, resources: facts.meter.resources.map((bill) => ({ ...bill, usd: 9 })) } })), /machine was billed \$9 for 2 h at \$2[^]*the ledgers count \$4\.17, the meter \$9\.00/);
  assert.match(missedOf((facts) => ({ ...facts, meter: { ...facts.meter, billing: [{ kind: "instance", id: "i-2", name: "other", usdPerHour: 1, usdPerMonth: 730 }] } })), /1 things bill on/);
  assert.match(missedOf((facts) => ({ ...facts, told: { usdSoFar: 1, meterUsd: 3 } })), /the keeper said \$1\.00 of the forgotten run when the meter said \$3\.00/);
});

test("break-glass counts in every ledger of every checkout", () => {
  const used = ledger(["breakglass.signed", 1, {} as LedgerData["breakglass.signed"]]);
  assert.match(missedOf((facts) => ({ ...facts, ledgers: [...facts.ledgers, used] })), /1 uses of break-glass/);
});
