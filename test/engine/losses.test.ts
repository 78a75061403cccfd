/** Ways to lose data or money that somebody found: each is tried as it was found, on the real engine. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { striking, watched } from "../faults/preload";
import type { ScratchStack } from "./stack";
import { withScratch } from "./stack";
import { atVendor, refused, rosterComplete, succeeds } from "./steps";

const nothing = { instances: [], filesystems: [], keys: [] };

async function pullAndApprove(scratch: ScratchStack): Promise<void> {
  await succeeds(scratch.holdfast("pull"));
  await succeeds(scratch.holdfast("approve", "--confirm", scratch.custody().view().resources.get("instance")?.name ?? ""));
}

test("a model saved into the working directory, or beside the cells, is shown before it goes with its disk", async () => {
  await withScratch({}, async (scratch) => {
    scratch.writeJob((job) => job.replace("command: python3 train.py", 'command: touch model.pt && mkdir -p "$HOLDFAST_OUTPUT_DIR/../../evals" && echo 1 > "$HOLDFAST_OUTPUT_DIR/../../evals/final.pt" && python3 train.py'));
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    await succeeds(scratch.holdfast("pull"));
    const name = scratch.custody().view().resources.get("instance")?.name ?? "";
    const approve = await scratch.holdfast("approve", "--confirm", name);
    assert.match(approve.output, /code-[0-9a-f]{12}\/model\.pt/);
    assert.match(approve.output, /quick\/evals/);
  });
});

test("checkpoints that a later edit calls scratch are still pulled; a cell that ended well without any is not taken for done", async () => {
  await withScratch({}, async (scratch) => {
    writeFileSync(join(scratch.directory, "job", "cell.sh"), '[ "$HOLDFAST_CELL" != b ] || exit 0\nexec python3 train.py 3\n');
    scratch.writeJob((job) => job.replace("python3 train.py", "sh cell.sh"));
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    scratch.writeJob((job) => job.replace(/^artifacts: .*$/m, 'artifacts: {keep: ["metrics.json"], scratch: ["checkpoints/**"]}'));
    await succeeds(scratch.up());
    assert.match(await succeeds(scratch.holdfast("pull")), /Cell b is complete and has no file metrics\.json, which its job says must be there/);
    assert.ok(existsSync(join(scratch.custody().paths.pulled, "cells", "a", "checkpoints", "step-000003.safetensors")));
    const confirm = ["--confirm", scratch.custody().view().resources.get("instance")?.name ?? ""];
    await refused(scratch.holdfast("approve", ...confirm), /Cell b of scratch\/test\/quick is complete, and has no file metrics\.json/);
    await refused(scratch.destroy(), /Refused/);
    await succeeds(scratch.holdfast("approve", "--partial", "b", "--reason", "it was meant to save nothing", ...confirm));
    await succeeds(scratch.destroy());
    assert.deepEqual(await atVendor(scratch), nothing);
  });
});

test("a first up that stopped at the job, before it started, is mended by the next up or destroyed at once", async () => {
  const stopsAtTheJob = async (scratch: ScratchStack): Promise<void> => {
    const fault = { phase: "up", role: "provider", action: "ssh preflight.sh", nth: 1, edge: "before", kind: "error" } as const;
    scratch.extraEnvironment = watched("up", striking(fault, join(scratch.directory, "struck")));
    const up = await scratch.up();
    assert.notEqual(up.exitCode, 0);
    assert.match(up.output, /the connection was cut/);
    scratch.extraEnvironment = {};
    assert.equal((await atVendor(scratch)).instances.length, 1);
  };
  await withScratch({}, async (scratch) => {
    await stopsAtTheJob(scratch);
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    assert.equal((await atVendor(scratch)).instances.length, 1);
  });
  await withScratch({}, async (scratch) => {
    await stopsAtTheJob(scratch);
    await succeeds(scratch.destroy());
    assert.deepEqual(await atVendor(scratch), nothing);
  });
});

test("an up that could not give the job its secret buys nothing", async () => {
  await withScratch({}, async (scratch) => {
    scratch.writeJob((job) => `${job}secrets: [TRAINING_TOKEN_NOT_SET]\n`);
    await refused(scratch.up(), /TRAINING_TOKEN_NOT_SET/);
    assert.deepEqual(await atVendor(scratch), nothing);
    scratch.writeJob((job) => job.replace(/secrets: .*\n/, ""));
    await succeeds(scratch.up());
    await rosterComplete(scratch);
  });
});

test("an old copy of the ledger does not make a run look as if it had never trained", async () => {
  await withScratch({}, async (scratch) => {
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    const made = await atVendor(scratch);
    const path = join(scratch.custody().dir, "ledger.jsonl");
    const whole = readFileSync(path, "utf8");
    writeFileSync(path, `${whole.split("\n")[0]}\n`);
    await refused(scratch.destroy(), /does not know .*instance/);
    assert.deepEqual(await atVendor(scratch), made);
    writeFileSync(path, whole);
    await pullAndApprove(scratch);
    await succeeds(scratch.destroy());
    assert.deepEqual(await atVendor(scratch), nothing);
  });
});

test("a checkout without the run's custody changes nothing and is told to recover", async () => {
  await withScratch({}, async (scratch) => {
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    const made = await atVendor(scratch);
    for (const name of ["custody.json", "keys", "runs", "trust.yaml"]) renameSync(join(scratch.directory, ".holdfast", name), join(scratch.directory, `aside-${name}`));
    await refused(scratch.up(), /custody store .* knows nothing of it/);
    const instance = (await scratch.resources()).find(({ type }) => type.endsWith(":LambdaInstance"));
    await refused(scratch.up("--replace", instance?.urn ?? ""), /custody store .* knows nothing of it/);
    await refused(scratch.destroy(), /custody/);
    assert.deepEqual(await atVendor(scratch), made);
  });
});

test("an edit of the budget does not start a finished queue again, nor make its receipt stale", async () => {
  await withScratch({}, async (scratch) => {
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    await pullAndApprove(scratch);
    scratch.writeConfig({ budget: { maxHours: 3, maxUsd: 2 } });
    await succeeds(scratch.up());
    await succeeds(scratch.destroy());
    assert.deepEqual(await atVendor(scratch), nothing);
  });
});

test("an instance whose replacement found no capacity is not asked for again when the run ends", async () => {
  await withScratch({}, async (scratch) => {
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    await succeeds(scratch.holdfast("pull"));
    await succeeds(scratch.holdfast("approve", "--replace", "instance", "--confirm", scratch.custody().view().resources.get("instance")?.name ?? ""));
    await scratch.sandbox("/knobs", { method: "PATCH", body: { capacity: { gpu_1x_h100_pcie: [] } } });
    scratch.writeConfig({ capacity: { candidates: ["gpu_1x_h100_pcie"], maxWaitMinutes: 1, maxAttempts: 2, maxHourlyUsd: 5 } });
    assert.notEqual((await scratch.up()).exitCode, 0);
    assert.deepEqual((await atVendor(scratch)).instances, []);
    await succeeds(scratch.holdfast("approve", "--accept-unreachable", "--confirm", "quick"));
    await succeeds(scratch.destroy());
    assert.deepEqual(await atVendor(scratch), nothing);
  });
});
