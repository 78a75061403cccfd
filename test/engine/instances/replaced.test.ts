/** A change of machine costs a confirmation: the file system, the key and the gate stay, and no artifact is at risk. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withScene } from "../bypass/scene";
import { letCellWait, releaseCell } from "../waitingCell";

const capacity = { candidates: ["cpu_4x_general"], maxWaitMinutes: 10, maxAttempts: 5, maxHourlyUsd: 5 };

test("another instance type in the middle of the training replaces the instance alone, at a checkpoint, on a confirmation", async () => {
  await withScene({ config: { capacity } }, async (scene) => {
    letCellWait(scene.scratch);
    await scene.succeeds("pulumi up");
    await scene.cellsWrite("b");
    const before = await scene.standing();

    // The order counts at the next launch: an instance that is still among the candidates stays.
    scene.config({ capacity: { ...capacity, candidates: ["gpu_1x_a10", "cpu_4x_general"] } });
    await scene.succeeds("pulumi up");
    assert.deepEqual(await scene.standing(), before);

    scene.config({ capacity: { ...capacity, candidates: ["gpu_1x_a10"] } });
    const preview = await scene.succeeds("pulumi preview");
    assert.match(preview, /LambdaInstance +quick-instance +replace/);
    assert.doesNotMatch(preview, /quick-(filesystem|key|gate|job) +(replace|delete)/);
    const refused = await scene.refuses("pulumi up", ["no-approval", "writer-alive"]);
    assert.match(refused, /next: holdfast approve scratch\/test\/quick --replace instance --stop-job/);
    assert.doesNotMatch(refused, /holdfast pull|break-glass/);

    const approve = await scene.type("holdfast approve --replace instance --confirm NAME");
    assert.equal(approve.exitCode, 3, "without --stop-job the training goes on");
    await scene.succeeds("holdfast approve --replace instance --stop-job --confirm NAME");
    const up = await scene.succeeds("pulumi up");
    assert.match(up, /ending the job of scratch\/test\/quick at its last checkpoint/);
    const after = await scene.standing();
    assert.equal(after.instances.length, 1);
    assert.notDeepEqual(after.instances, before.instances);
    assert.deepEqual({ ...after, instances: [] }, { ...before, instances: [] });
    assert.equal(scene.run.view().resources.get("instance")?.details?.["type"], "gpu_1x_a10");
    assert.equal(scene.entries().filter(({ kind, data }) => kind === "note" && /gate armed/.test((data as { text: string }).text)).length, 1, "the gate was never made anew");

    const artifacts = await scene.artifacts();
    releaseCell(artifacts);
    await scene.rosterEnds();
    assert.equal((JSON.parse(readFileSync(join(artifacts, "state/cells/b.json"), "utf8")) as { attempt: number }).attempt, 2, "it went on where it was");
    assert.equal(scene.entries().some(({ kind }) => kind === "receipt.signed" || kind === "breakglass.signed"), false);
    await scene.succeeds("holdfast pull");
    await scene.succeeds("holdfast approve --confirm NAME");
    await scene.succeeds("pulumi destroy");
  });
});
