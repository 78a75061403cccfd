/** A capacity drought holds neither the stack's lock nor anything half-built, and its end finds the run ready to go on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CapacityWaiting } from "../../../custody/formats";
import { capacityFor } from "../../../providers/platformSource";
import type { Scene } from "../bypass/scene";
import { nothingStands, withScene } from "../bypass/scene";
import { letCellWait, releaseCell } from "../waitingCell";

// A vendor's minute is half a second here: an update gives up its lock after one, the wait goes on for hours.
const capacity = { candidates: ["cpu_4x_general", "gpu_1x_a10"], maxWaitMinutes: 6000, maxLockMinutes: 1, maxAttempts: 20, maxHourlyUsd: 5 };
const drought = { capacity: { cpu_4x_general: [], gpu_1x_a10: [] } };
const knobs = (scene: Scene, body: Readonly<Record<string, unknown>>): Promise<unknown> => scene.scratch.sandbox("/knobs", { method: "PATCH", body });
const statusOf = async (scene: Scene): Promise<{ waiting: CapacityWaiting | null }> => JSON.parse(await scene.succeeds("holdfast status --json")) as { waiting: CapacityWaiting | null };
const ownTypes = async (scene: Scene): Promise<string[]> => (await scene.scratch.resources()).flatMap(({ type }) => (type.startsWith("pulumi-nodejs:dynamic") ? [type.split(":").at(-1) ?? ""] : [])).sort();
const whole = ["BillingAudit", "LambdaFilesystem", "LambdaInstance", "LambdaSshKey", "RemoteJob", "TeardownGate"];

test("an update without capacity ends well as waiting, whole and with the stack free; the next one goes on, and a destroy asks nothing", async () => {
  await withScene({ config: { capacity }, knobs: drought }, async (scene) => {
    // Not even a region is known: no file system can be made.
    const up = await scene.succeeds("pulumi up");
    assert.match(up, /No capacity for cpu_4x_general, gpu_1x_a10 yet\. Waiting since .* pulumi up goes on/);
    assert.deepEqual({ ...await scene.standing(), keys: [] }, nothingStands);
    assert.deepEqual(await ownTypes(scene), whole);
    const first = await statusOf(scene);
    assert.deepEqual([first.waiting?.role, first.waiting?.awaited, first.waiting?.region], ["filesystem", ["cpu_4x_general", "gpu_1x_a10"], null]);
    assert.match(await scene.succeeds("holdfast status"), /Waiting for capacity since .* for cpu_4x_general, gpu_1x_a10, until .*; pulumi up goes on/);
    assert.match(await scene.succeeds("holdfast ls"), /quick +waiting/);

    // The same again: the wait goes on from where it began.
    const again = await scene.succeeds("pulumi up");
    assert.match(again, new RegExp(`Waiting since ${first.waiting?.since}`));
    assert.deepEqual((await capacityFor(scene.run, scene.scratch.directory)).available, []);
    await scene.succeeds("pulumi refresh");
    assert.deepEqual(await ownTypes(scene), whole);

    // There is a region now, and the instance is gone again before it could be launched.
    await knobs(scene, { capacity: { cpu_4x_general: [{ afterSeconds: 0, regions: ["us-east-1"] }] }, listedButRefused: ["cpu_4x_general"] });
    await scene.succeeds("pulumi up");
    const second = await statusOf(scene);
    assert.deepEqual([second.waiting?.role, second.waiting?.region], ["instance", "us-east-1"]);
    assert.ok((second.waiting?.attempts ?? 0) > 0, "refused launch calls are counted over updates");
    const beside = await scene.standing();
    assert.deepEqual([beside.instances.length, beside.filesystems.length], [0, 1]);
    assert.deepEqual(scene.run.view().openIntents, []);

    // A destroy in the middle of the wait: no job ever started, nothing is at risk.
    const destroyed = await scene.succeeds("pulumi destroy");
    assert.doesNotMatch(destroyed, /Refused/);
    assert.deepEqual(await scene.standing(), nothingStands);
    assert.equal(scene.run.view().waiting, null);
    assert.equal(scene.run.view().auditClosed?.billing, 0);

    // And the run is made after all, when there is capacity.
    await knobs(scene, drought);
    await scene.succeeds("pulumi up");
    await knobs(scene, { capacity: null, listedButRefused: 0 });
    assert.deepEqual((await capacityFor(scene.run, scene.scratch.directory)).available.map(({ type }) => type).slice(0, 1), ["cpu_4x_general"]);
    await scene.succeeds("pulumi up");
    await scene.rosterEnds();
    assert.equal((await statusOf(scene)).waiting, null);
    const quiet = await scene.succeeds("pulumi preview");
    assert.match(quiet, /9 unchanged/);
    await scene.succeeds("holdfast pull");
    await scene.succeeds("holdfast approve --confirm NAME");
    await scene.succeeds("pulumi destroy");
    assert.deepEqual(await scene.standing(), nothingStands);
  });
});

test("a run that lost its instance in a drought waits with its artifacts, keeps its gate, and resumes when there is capacity", async () => {
  await withScene({ config: { capacity } }, async (scene) => {
    letCellWait(scene.scratch);
    await scene.succeeds("pulumi up");
    await scene.cellsWrite("b");
    const before = await scene.standing();
    await scene.vendorTerminates(before.instances[0] ?? "");
    await knobs(scene, drought);
    await scene.succeeds("pulumi up");
    assert.deepEqual(await scene.standing(), { ...before, instances: [] });
    assert.deepEqual(await ownTypes(scene), whole);
    const waiting = (await statusOf(scene)).waiting;
    assert.equal(waiting?.role, "instance");

    // The artifacts are nobody's to delete meanwhile.
    await scene.refuses("pulumi destroy", ["no-approval", "no-manifest", "not-reachable"]);
    // An edit while it waits replaces nothing but the place.
    scene.config({ capacity, budget: { maxHours: 3, maxUsd: 3 } });
    const edited = await scene.succeeds("pulumi up");
    assert.match(edited, new RegExp(`Waiting since ${waiting.since}`));
    assert.doesNotMatch(edited, /quick-(gate|filesystem|key) +(replace|delete)/);

    await knobs(scene, { capacity: null });
    await scene.succeeds("pulumi up");
    const after = await scene.standing();
    assert.deepEqual({ ...after, instances: [] }, { ...before, instances: [] });
    assert.equal(after.instances.length, 1);
    assert.equal((await statusOf(scene)).waiting, null);
    releaseCell(await scene.artifacts());
    await scene.rosterEnds();
    await scene.succeeds("holdfast pull");
  });
});

test("a wait that runs out ends the update with what to change, and asking again begins a new one", async () => {
  const storage = { create: { region: "us-east-1" } };
  await withScene({ config: { capacity: { ...capacity, maxWaitMinutes: 40 }, storage }, knobs: drought }, async (scene) => {
    await scene.succeeds("pulumi up");
    const since = (await statusOf(scene)).waiting?.since;
    scene.config({ capacity: { ...capacity, maxWaitMinutes: 40, maxLockMinutes: 100 }, storage });
    const over = await scene.type("pulumi up");
    assert.notEqual(over.exitCode, 0, over.output);
    assert.match(over.output, /No capacity in us-east-1 for cpu_4x_general, gpu_1x_a10 within/);
    assert.equal(scene.run.view().waiting, null);
    scene.config({ capacity, storage });
    await scene.succeeds("pulumi up");
    assert.notEqual((await statusOf(scene)).waiting?.since, since);
    await scene.succeeds("pulumi destroy");
    assert.deepEqual(await scene.standing(), nothingStands);
  });
});
