/** Storage that no machine can read any more still gives up its artifacts, for a bounded price, and leaves nothing that bills. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execFileSync } from "node:child_process";
import type { Scene } from "../bypass/scene";
import { nothingStands, withScene } from "../bypass/scene";

const drought = { capacity: { cpu_4x_general: [] } };
const knobs = (scene: Scene, body: Readonly<Record<string, unknown>>): Promise<unknown> => scene.scratch.sandbox("/knobs", { method: "PATCH", body });
const billing = async (scene: Scene): Promise<string[]> => (await scene.scratch.sandbox<{ billing: { kind: string }[] }>("/meter")).billing.map(({ kind }) => kind);

test("artifacts on a file system without a machine are read through the cheapest one, proven and let go, without break-glass and with nothing left that bills", async () => {
  await withScene({}, async (scene) => {
    await scene.succeeds("pulumi up");
    await scene.rosterEnds();
    const before = await scene.standing();
    await scene.vendorTerminates(before.instances[0] ?? "");
    // The run's own type is sold out: it cannot be brought back.
    await knobs(scene, drought);

    await scene.refuses("pulumi destroy", ["no-approval", "no-manifest", "not-reachable"]);
    const refused = await scene.type("pulumi destroy");
    assert.match(refused.output, /next: holdfast rescue scratch\/test\/quick/);

    // Without a person's word nothing is launched; the price is said first.
    const unasked = await scene.type("holdfast rescue");
    assert.equal(unasked.exitCode, 3, unasked.output);
    assert.match(unasked.output, /one instance is launched: gpu_1x_\w+ in us-\w+-\d, \$\d+\.\d+ per hour/);
    assert.match(unasked.output, /at most \$/);
    assert.deepEqual(await scene.standing(), { ...before, instances: [] });

    // It fails while it reads: the instance is ended all the same.
    const fifo = join(await scene.artifacts(), "cells", "a", "fifo");
    execFileSync("mkfifo", [fifo]);
    const failed = await scene.type("holdfast rescue --confirm quick");
    assert.notEqual(failed.exitCode, 0, failed.output);
    assert.match(failed.output, /gone: instance holdfast-quick-\w+-rescue-\w+/);
    assert.deepEqual(await scene.standing(), { ...before, instances: [] });
    rmSync(fifo);

    const rescued = await scene.succeeds("holdfast rescue --confirm quick");
    assert.match(rescued, /Receipt rcp_/);
    assert.match(rescued, /gone: holdfast-quick-\w+-rescue-\w+ \(\w+\): terminate/);
    assert.deepEqual(await scene.standing(), { ...before, instances: [] }, "neither its instance nor its key is left");
    assert.deepEqual(await billing(scene), ["filesystem"]);
    const kinds = scene.entries().filter(({ kind, data }) => /^(intent|resource)\./.test(kind) && JSON.stringify(data).includes('"rescue"')).map(({ kind }) => kind);
    assert.deepEqual(kinds, ["intent.opened", "resource.created", "intent.confirmed", "resource.deleted", "intent.opened", "resource.created", "intent.confirmed", "resource.deleted"], "the intent stands first, each time");

    // What it read is all there is: nobody has to accept that newer data may be lost.
    const approve = await scene.succeeds("holdfast approve --confirm quick");
    assert.doesNotMatch(approve, /unreachable/);
    await scene.succeeds("pulumi destroy");
    assert.deepEqual(await scene.standing(), nothingStands);
    assert.deepEqual(await billing(scene), []);
    assert.equal(scene.entries().some(({ kind }) => kind === "breakglass.signed"), false);
  });
});

test("a rescue that was killed is taken over by the next one, or ended, and a teardown waits for that", async () => {
  await withScene({}, async (scene) => {
    await scene.succeeds("pulumi up");
    await scene.rosterEnds();
    const before = await scene.standing();
    await scene.vendorTerminates(before.instances[0] ?? "");
    // The command dies while the machine boots.
    await knobs(scene, { bootSeconds: { ip: 40, sshLead: 30, active: 36_000 } });
    const rescue = scene.scratch.startHoldfast("rescue", "--confirm", "quick");
    await scene.ledgerHas("resource.created", (data) => (data as { role: string }).role === "rescue");
    await rescue.kill();
    await knobs(scene, { bootSeconds: null });
    assert.equal((await scene.standing()).instances.length, 1);
    const refused = await scene.type("pulumi destroy");
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.output, /A rescue left .* which stands outside this stack/);
    assert.match(refused.output, /next: holdfast rescue scratch\/test\/quick --end/);
    const ended = await scene.succeeds("holdfast rescue --end");
    assert.match(ended, /gone: instance .*-rescue-/);
    assert.deepEqual(await scene.standing(), { ...before, instances: [] });
    assert.match(await scene.succeeds("holdfast rescue --end"), /left nothing|left anything/);
  });
});
