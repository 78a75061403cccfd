// The meter's figures, which tests and audits elsewhere take as the truth about money.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { VendorClock } from "../../sandbox/clock.js";
import { closeMeter, openFileSystemMeter, openInstanceMeter, reportMeter, sampleFileSystem, type MeterRecord } from "../../sandbox/meter.js";
import { first, mustExist, openSandbox, registerKey } from "./fixture.js";

const gib = 1024 ** 3;

function clockAt(): { clock: VendorClock; pass: (vendorSeconds: number) => void } {
  let real = Date.parse("2026-01-01T00:00:00Z");
  const clock = new VendorClock(VendorClock.begin(real, 60), () => real);
  return { clock, pass: (vendorSeconds) => void (real += (vendorSeconds * 1000) / 60) };
}

test("an instance bills every started minute until it is closed, at its type's price", () => {
  const { clock, pass } = clockAt();
  const records: MeterRecord[] = [];
  openInstanceMeter(records, clock, { id: "i", name: "box", usdPerHour: 1.29 });
  pass(3601);
  assert.deepEqual(reportMeter(records, clock.now(), 60).billing, [{ kind: "instance", id: "i", name: "box", usdPerHour: 1.29, usdPerMonth: 941.7 }]);
  closeMeter(records, clock, "i");
  pass(1_000_000);
  const report = reportMeter(records, clock.now(), 60);
  const metered = first(report.resources);
  assert.deepEqual([metered.usd, metered.hours], [1.3115, 1.000278], "61 minutes");
  assert.equal(metered.to, "2026-01-01T00:01:00.016Z", "real time: a vendor hour is a real minute here");
  assert.deepEqual([report.billing, report.totalUsd], [[], 1.3115]);
});

test("a file system bills what it held when, also after it shrank", () => {
  const { clock, pass } = clockAt();
  const records: MeterRecord[] = [];
  openFileSystemMeter(records, clock, { id: "f", name: "data", usdPerGibMonth: 0.2 });
  pass(3600 * 730);
  sampleFileSystem(records, "f", 10 * gib, clock.now());
  assert.equal(reportMeter(records, clock.now(), 60).totalUsd, 0, "empty until then");
  pass(3600 * 730);
  sampleFileSystem(records, "f", gib, clock.now());
  assert.equal(reportMeter(records, clock.now(), 60).totalUsd, 2);
  pass(3600 * 365);
  assert.equal(reportMeter(records, clock.now(), 60).totalUsd, 2.1);
  assert.equal(reportMeter(records, clock.now(), 60).billing[0]?.usdPerMonth, 0.2);
  closeMeter(records, clock, "f");
  assert.equal(reportMeter(records, clock.now() + 1e12, 60).totalUsd, 2.1);
});

test("time keeps its order when the scale changes, when the sandbox stands still and when the wall clock is set back", () => {
  let real = 1_000_000;
  const state = VendorClock.begin(real, 60);
  const clock = new VendorClock(state, () => real);
  real += 1000;
  assert.equal(clock.now(), 1_060_000);
  clock.setScale(1);
  real += 1000;
  assert.equal(clock.now(), 1_061_000);
  clock.pause();
  real += 1_000_000;
  assert.equal(clock.now(), 1_061_000);
  clock.resume();
  real -= 500_000;
  assert.equal(clock.now(), 1_061_000);
});

test("billing starts when an instance becomes active and not when it is launched", async (t) => {
  const sandbox = await openSandbox(t, { timeScale: 600, rateLimit: { enabled: false }, bootSeconds: { ip: 10, sshLead: 300, active: 300 } });
  await registerKey(t, sandbox);
  const fileSystem = await sandbox.ok("POST", "/filesystems", { name: "data", region: "us-east-1" });
  const id = await sandbox.launch({ file_system_names: ["data"], name: "box" });
  const booting = await sandbox.meter();
  assert.deepEqual(booting.billing.map((one) => [one.kind, one.name]), [["filesystem", "data"]]);
  const { path } = await sandbox.fileSystem();
  writeFileSync(join(path, "weights"), Buffer.alloc(1024 * 1024));
  await sandbox.until(id, "active");
  const running = await sandbox.meter();
  const box = mustExist(running.billing.find((one) => one.id === id));
  assert.deepEqual([box.kind, box.name, box.usdPerHour, box.usdPerMonth], ["instance", "box", 0.2, 146]);
  assert.equal(mustExist(running.billing.find((one) => one.id === fileSystem.id)).usdPerMonth, 0.000195, "a mebibyte");
  assert.equal(first(await sandbox.list("/file-systems")).bytes_used, 1024 * 1024);
});

test("bytes_used is there from the beginning, is what lies there, and is as old as the knob says", async (t) => {
  const sandbox = await openSandbox(t);
  const shown = async (): Promise<number | undefined> => first(await sandbox.list("/file-systems")).bytes_used;
  assert.equal((await sandbox.ok("POST", "/filesystems", { name: "data", region: "us-east-1" })).bytes_used, 0);
  const { path } = await sandbox.fileSystem();
  writeFileSync(join(path, "weights"), Buffer.alloc(4096));
  assert.equal(await shown(), 4096);
  await sandbox.knobs({ bytesUsedLagSeconds: 1e9 });
  writeFileSync(join(path, "more"), Buffer.alloc(4096));
  assert.equal(await shown(), 4096, "counted hours ago");
  assert.equal((await sandbox.meter()).billing.length, 1);
  assert.equal(await shown(), 4096, "reading the meter does not count it for the API");
  await sandbox.knobs({ bytesUsedLagSeconds: 0 });
  assert.equal(await shown(), 8192);
});
