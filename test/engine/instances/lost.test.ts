/** A machine that went away in mid-run costs what it had not saved, and nothing else: a plain update brings the run back. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Scene } from "../bypass/scene";
import { withScene } from "../bypass/scene";
import { until } from "../until";
import { letCellWait, releaseCell } from "../waitingCell";
import { processesOf, signalMachine } from "./machine";

const capacity = { candidates: ["cpu_4x_general", "gpu_1x_a10", "gpu_1x_a6000"], maxWaitMinutes: 10, maxAttempts: 5, maxHourlyUsd: 5 };
const knobs = (scene: Scene, body: Readonly<Record<string, unknown>>): Promise<unknown> => scene.scratch.sandbox("/knobs", { method: "PATCH", body });

async function theInstance(scene: Scene): Promise<{ id: string; type: string; region: string }> {
  const { instances } = await scene.standing();
  assert.equal(instances.length, 1, "one instance stands");
  const id = instances[0] ?? "";
  const seen = await scene.scratch.vendor<{ instance_type: { name: string }; region: { name: string } }>(`/instances/${id}`);
  return { id, type: seen.instance_type.name, region: seen.region.name };
}

test("an instance lost in mid-run is brought back by a plain up, on the next candidate beside its file system, and nobody is asked to pull", async () => {
  await withScene({ config: { capacity } }, async (scene) => {
    letCellWait(scene.scratch);
    await scene.succeeds("pulumi up");
    await scene.cellsWrite("b");
    const first = await theInstance(scene);
    const { filesystems, keys } = await scene.standing();

    // Terminated in the vendor's console; its type is sold out.
    await scene.vendorTerminates(first.id);
    await knobs(scene, { capacity: { cpu_4x_general: [] } });
    const preview = await scene.succeeds("pulumi preview");
    assert.match(preview, /is gone .*In its place comes one on the first candidate/);
    assert.match(preview, /LambdaInstance +quick-instance +replace/);
    assert.doesNotMatch(preview, /quick-(filesystem|key|gate) +(replace|delete)/);
    await scene.succeeds("pulumi up");
    const second = await theInstance(scene);
    assert.notEqual(second.id, first.id);
    assert.deepEqual({ type: second.type, region: second.region }, { type: "gpu_1x_a10", region: first.region });
    assert.deepEqual({ ...await scene.standing(), instances: [] }, { instances: [], filesystems, keys });
    assert.equal(scene.run.view().lastJobStart?.instance, second.id, "the queue was started there");

    // Taken by the vendor: the machine is lost, its record stays until somebody terminates it.
    await scene.scratch.sandbox(`/instances/${second.id}/preempt`, { method: "POST", body: {} });
    // An edit in the same breath is held to what had started on the machines before, and leaves the new one to the run as it was.
    scene.scratch.writeJob((job) => job.replace("name: a", "name: a-again"));
    const held = await scene.type("pulumi up");
    assert.notEqual(held.exitCode, 0, held.output);
    assert.match(held.output, /the edit was refused, and its queue does not run: undo the edit and type pulumi up[^]*cell a: removed after it had started \(it is complete\)/);
    scene.scratch.writeJob((job) => job.replace("name: a-again", "name: a"));
    await scene.succeeds("pulumi up");
    const third = await theInstance(scene);
    assert.notEqual(third.id, second.id);
    assert.equal(scene.entries().some(({ kind }) => kind === "teardown.refused" || kind === "approval.signed"), false, "what is gone is nobody's to approve");

    // It fell over, stands and bills: a confirmation, and no pull.
    await scene.scratch.sandbox(`/instances/${third.id}/crash`, { method: "POST", body: {} });
    await scene.vendorSays(third.id, "unhealthy");
    const refused = await scene.refuses("pulumi up", ["no-approval", "not-reachable"]);
    assert.match(refused, /is unhealthy, stands and bills/);
    assert.match(refused, /next: holdfast approve scratch\/test\/quick --replace instance --accept-unreachable$/m);
    assert.doesNotMatch(refused, /holdfast pull|break-glass/);
    await scene.succeeds("holdfast approve --replace instance --accept-unreachable --confirm NAME");
    await scene.succeeds("pulumi up");
    const fourth = await theInstance(scene);
    assert.notEqual(fourth.id, third.id);
    const gone = scene.run.view().deleted.filter(({ role }) => role === "instance");
    assert.deepEqual(gone.map(({ id, how }) => [id, how]), [[first.id, "lost"], [second.id, "lost"], [third.id, "deleted"]]);

    releaseCell(await scene.artifacts());
    await scene.rosterEnds();
    assert.deepEqual((await scene.standing()).filesystems, filesystems);
    assert.equal(scene.entries().some(({ kind }) => kind === "receipt.signed" || kind === "breakglass.signed"), false);
    const billing = (await scene.scratch.sandbox<{ billing: { kind: string; id: string }[] }>("/meter")).billing.filter(({ kind }) => kind === "instance");
    assert.deepEqual(billing.map(({ id }) => id), [fourth.id], "only the last one bills");
  });
});

test("an old machine that comes back after its run moved on finds a higher epoch, ends its training and writes no more", async () => {
  await withScene({ config: { capacity } }, async (scene) => {
    letCellWait(scene.scratch);
    await scene.succeeds("pulumi up");
    await scene.cellsWrite("b");
    const old = await theInstance(scene);
    const machine = (await scene.scratch.sandbox<{ id: string; initPid: number }[]>("/instances")).find(({ id }) => id === old.id);
    assert.ok(machine);

    // It falls silent, and the vendor loses sight of it: twice 404, not in the list. It lives on all the same.
    signalMachine(machine.initPid, "SIGSTOP");
    await knobs(scene, { unseenInstances: [old.id] });
    await scene.succeeds("pulumi up");
    const next = await theInstance(scene);
    assert.notEqual(next.id, old.id);
    const artifacts = await scene.artifacts();
    const epochOf = (file: string): number => (JSON.parse(readFileSync(join(artifacts, file), "utf8")) as { epoch: number }).epoch;
    assert.equal(epochOf("lock/writer"), 2);
    await until("cell b trains on the new machine", () => (JSON.parse(readFileSync(join(artifacts, "state/cells/b.json"), "utf8")) as { attempt: number }).attempt === 2);

    const trains = (): boolean => processesOf(machine.initPid).some(({ command }) => command.includes("train.py") || command.includes("run_queue.sh"));
    assert.ok(trains(), "it still holds its training");
    signalMachine(machine.initPid, "SIGCONT");
    await until("the old machine ends its training", () => !trains());
    assert.match(readFileSync(join(artifacts, "logs/queue.log"), "utf8"), /the writer lock was lost to epoch 2/);
    assert.equal(epochOf("lock/writer"), 2);
    assert.equal(epochOf("state/queue.json"), 2);
    assert.equal((JSON.parse(readFileSync(join(artifacts, "state/cells/b.json"), "utf8")) as { state: string }).state, "running", "nor did it say how the cell ended");

    releaseCell(artifacts);
    await scene.rosterEnds();
    assert.equal(epochOf("state/closed.json"), 2);
    await scene.succeeds("holdfast pull");
  });
});
