/** A rescue that dies on the way leaves nothing that bills unseen. What it is for: test/engine/bypass/rows/rescue.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Scene } from "../bypass/scene";
import { withScene } from "../bypass/scene";

const knobs = (scene: Scene, body: Readonly<Record<string, unknown>>): Promise<unknown> => scene.scratch.sandbox("/knobs", { method: "PATCH", body });

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
