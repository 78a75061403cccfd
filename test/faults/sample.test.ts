/** Faults at points all over a life, the same ones each time; `npm run faults:all` tries every point. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { recordLife } from "./life";
import { faultsAt, sampleFaults } from "./point";
import { liveThroughAll, summaryLine } from "./pool";

const sampleSize = Number(process.env["HOLDFAST_FAULTS_SAMPLE"] ?? "16");
const seed = Number(process.env["HOLDFAST_FAULTS_SEED"] ?? "20");

test("a process killed, or a remote that fails, at any point of a life leaves nothing untracked, nothing lost, no second instance", async (context) => {
  const faults = faultsAt(await recordLife());
  const sample = sampleFaults(faults, sampleSize, seed);
  assert.equal(sample.length, sampleSize, `only ${faults.length} faults were found`);
  const summary = await liveThroughAll(sample, 2, (line) => { context.diagnostic(line); });
  context.diagnostic(`${summaryLine(summary)} (of ${faults.length} possible)`);
  assert.deepEqual(summary.faults, []);
  assert.ok(summary.struck >= sampleSize * 0.75, `only ${summary.struck} of ${sampleSize} points were reached again`);
});
