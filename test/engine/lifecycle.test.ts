/** The whole life of a run on the real engine against real instances; every step asserts what stands at the vendor. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withScratch } from "./stack";
import { atVendor, refused, rosterComplete, succeeds } from "./steps";

test("a run cannot be destroyed before its artifacts are pulled, proven and approved, and then nothing bills", async () => {
  await withScratch({}, async (scratch) => {
    await succeeds(scratch.up());
    const made = await atVendor(scratch);
    assert.equal(made.instances.length, 1);
    assert.equal(made.filesystems.length, 1);
    assert.equal(made.keys.length, 1);
    // Of the call stacks that the SDK would store, the program's own line: no paths of this machine, no kilobyte per resource.
    const traces = (await scratch.resources()).filter(({ type }) => type.includes("holdfast:")) as { sourcePosition?: string; stackTrace?: unknown }[];
    assert.deepEqual(traces.map(({ sourcePosition, stackTrace }) => [sourcePosition, stackTrace]), traces.map(() => ["project:///index.js#2,13", [{ sourcePosition: "project:///index.js#2,13" }]]));
    await rosterComplete(scratch);

    await refused(scratch.destroy(), /no receipt|not been pulled|holdfast pull/i);
    assert.deepEqual((await atVendor(scratch)).instances.map(({ id }) => id), made.instances.map(({ id }) => id));
    assert.equal((await atVendor(scratch)).filesystems.length, 1);

    await succeeds(scratch.holdfast("pull"));
    const pulled = join(scratch.directory, ".holdfast", "pulled", "scratch", "test", "quick", "cells");
    assert.deepEqual(readdirSync(pulled).sort(), ["a", "b"]);
    assert.ok(existsSync(join(pulled, "a", "metrics.json")));

    await refused(scratch.destroy(), /approv/i);
    assert.equal((await atVendor(scratch)).instances.length, 1);

    const name = scratch.custody().view().resources.get("instance")?.name;
    assert.ok(name);
    await succeeds(scratch.holdfast("approve", "--confirm", name));
    await succeeds(scratch.destroy());
    const left = await atVendor(scratch);
    assert.deepEqual(left, { instances: [], filesystems: [], keys: [] });
    assert.deepEqual((await scratch.sandbox<{ billing: unknown[] }>("/meter")).billing, []);
    assert.deepEqual((await scratch.resources()).filter(({ type }) => type.includes("holdfast:")), []);
    const view = scratch.custody().view();
    assert.ok(view.auditClosed, "the audit closed the ledger");
    assert.equal(view.auditClosed.billing, 0);
    assert.equal(view.openGrant, null);
  });
});

test("a preview buys nothing", async () => {
  await withScratch({}, async (scratch) => {
    const output = await succeeds(scratch.pulumi("preview", "--stack", scratch.stack));
    assert.match(output, /LambdaInstance/);
    assert.deepEqual(await atVendor(scratch), { instances: [], filesystems: [], keys: [] });
  });
});

test("a launch whose reply is lost leaves one instance, and the run goes on with it", async () => {
  await withScratch({ knobs: { loseLaunchReply: 1 } }, async (scratch) => {
    await succeeds(scratch.up());
    const made = await atVendor(scratch);
    assert.equal(made.instances.length, 1);
    assert.equal(scratch.custody().view().resources.get("instance")?.id, made.instances[0]!.id);
    assert.deepEqual(scratch.custody().view().openIntents, []);
  });
});

test("a first up that never got an instance is destroyed at once and leaves no file system billing", async () => {
  await withScratch(
    { config: { capacity: { candidates: ["gpu_1x_h100_pcie"], maxWaitMinutes: 1, maxAttempts: 2, maxHourlyUsd: 5 } }, knobs: { capacity: { gpu_1x_h100_pcie: [] } } },
    async (scratch) => {
      const up = await scratch.up();
      assert.notEqual(up.exitCode, 0, up.output);
      assert.deepEqual((await atVendor(scratch)).instances, []);
      await succeeds(scratch.destroy());
      assert.deepEqual(await atVendor(scratch), { instances: [], filesystems: [], keys: [] });
    },
  );
});

test("a file system is not replaced, nor a second one bought, before the first one's artifacts are safe", async () => {
  await withScratch({}, async (scratch) => {
    await succeeds(scratch.up());
    const made = await atVendor(scratch);
    await rosterComplete(scratch);
    scratch.writeConfig({ storage: { create: { region: "us-west-1" } }, capacity: { candidates: ["cpu_4x_general@us-west-1"], maxWaitMinutes: 10, maxAttempts: 5, maxHourlyUsd: 1 } });
    await refused(scratch.up(), /Refused/);
    assert.deepEqual(await atVendor(scratch), made);
  });
});

test("an instance is replaced on a confirmation alone, the queue resumes and no artifact is lost", async () => {
  await withScratch({}, async (scratch) => {
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    const made = await atVendor(scratch);
    scratch.writeConfig({ capacity: { candidates: ["gpu_1x_a10"], maxWaitMinutes: 10, maxAttempts: 5, maxHourlyUsd: 5 } });
    await refused(scratch.up(), /approve .*--replace instance/);
    assert.deepEqual(await atVendor(scratch), made);

    const name = scratch.custody().view().resources.get("instance")?.name;
    assert.ok(name);
    await succeeds(scratch.holdfast("approve", "--replace", "instance", "--confirm", name));
    await succeeds(scratch.up());
    const after = await atVendor(scratch);
    assert.equal(after.instances.length, 1);
    assert.notEqual(after.instances[0]!.id, made.instances[0]!.id);
    assert.equal(after.instances[0]!.instance_type.name, "gpu_1x_a10");
    assert.deepEqual(after.filesystems, made.filesystems);
    await rosterComplete(scratch);
    await succeeds(scratch.holdfast("pull"));
  });
});

test("neither --target, nor a program without the run, reaches the instance behind the gate's back", async () => {
  await withScratch({}, async (scratch) => {
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    const made = await atVendor(scratch);
    const instance = (await scratch.resources()).find(({ type }) => type.endsWith(":LambdaInstance"));
    assert.ok(instance);
    await refused(scratch.destroy("--target", instance.urn, "--target-dependents"), /Refused/);
    assert.deepEqual(await atVendor(scratch), made);
    scratch.writeProgram("");
    await refused(scratch.up(), /Refused/);
    assert.deepEqual(await atVendor(scratch), made);
  });
});

test("an up --replace of the instance buys no second one", async () => {
  await withScratch({}, async (scratch) => {
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    const made = await atVendor(scratch);
    const instance = (await scratch.resources()).find(({ type }) => type.endsWith(":LambdaInstance"));
    assert.ok(instance);
    await refused(scratch.up("--replace", instance.urn), /Refused/);
    assert.deepEqual(await atVendor(scratch), made);
  });
});

test("a preview cries no wolf: an edit of capacity, budget or teardown announces no replacement", async () => {
  await withScratch({}, async (scratch) => {
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    scratch.writeConfig({ capacity: { candidates: ["cpu_4x_general"], maxWaitMinutes: 11, maxAttempts: 6, maxHourlyUsd: 1 }, budget: { maxHours: 4, maxUsd: 3 } });
    const output = await succeeds(scratch.pulumi("preview", "--stack", scratch.stack));
    assert.doesNotMatch(output, /replace/i);
    // How the run ends is no property of its file system: nothing that mounts it is announced as replaced.
    scratch.writeConfig({ teardown: { verb: "terminate", storage: "keep", require: "pulled" } });
    const teardown = await succeeds(scratch.pulumi("preview", "--stack", scratch.stack));
    assert.doesNotMatch(teardown, /replace/i);
    assert.doesNotMatch(teardown, /quick-filesystem +update/);
    await succeeds(scratch.up());
    await succeeds(scratch.holdfast("pull"));
    await succeeds(scratch.holdfast("approve", "--confirm", scratch.custody().view().resources.get("instance")?.name ?? ""));
    await succeeds(scratch.destroy());
    const left = await atVendor(scratch);
    assert.deepEqual([left.instances.length, left.filesystems.length], [0, 1], "it is kept, as the last update said");
  });
});
