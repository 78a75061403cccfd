/** One file system for several runs, stacks and people: each sees and deletes its own, and nobody the others'. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Scene } from "../bypass/scene";
import { nothingStands, withScene } from "../bypass/scene";
import { letCellWait, releaseCell } from "../waitingCell";

const capacity = { candidates: ["cpu_4x_general"], maxWaitMinutes: 10, maxAttempts: 5, maxHourlyUsd: 5 };
const finish = async (scene: Scene): Promise<void> => {
  await scene.succeeds("holdfast pull");
  await scene.succeeds("holdfast approve --confirm NAME");
};

test("runs of two projects train on one file system at once; the owner's end never takes the other's data, nor the other's end the file system", async () => {
  await withScene({}, async (owner) => {
    letCellWait(owner.scratch);
    await owner.succeeds("pulumi up");
    await owner.cellsWrite("b");
    const filesystem = owner.run.view().resources.get("filesystem");
    assert.ok(filesystem);
    const { region } = await owner.scratch.vendor<{ region: { name: string } }>(`/instances/${(await owner.standing()).instances[0] ?? ""}`).then(({ region: { name } }) => ({ region: name }));
    const elsewhere = region === "us-west-1" ? "us-east-1" : "us-west-1";

    // Another project, another custody, the same account. Its first candidate is in another region, where the file system is not.
    const guestCapacity = { ...capacity, candidates: [`cpu_4x_general@${elsewhere}`, "cpu_4x_general"] };
    await withScene({ accountOf: owner.scratch, stack: "guest", config: { storage: { existing: filesystem.name }, teardown: { verb: "terminate", storage: "keep" }, capacity: guestCapacity } }, async (guest) => {
      await guest.succeeds("pulumi up");
      const both = await owner.standing();
      assert.deepEqual([both.instances.length, both.filesystems.length], [2, 1]);
      const own = guest.run.view().resources.get("instance");
      assert.equal((await owner.scratch.vendor<{ region: { name: string } }>(`/instances/${own?.id ?? ""}`)).region.name, region, "its region filters the candidates");
      await guest.rosterEnds();
      assert.ok(existsSync(join(await owner.tier(), "holdfast", "scratch", "guest", "quick", "cells", "a", "metrics.json")));
      assert.ok(existsSync(join(await owner.tier(), "holdfast", "scratch", "test", "quick", "cells", "b")));

      // The owner is pulled and would delete the file system: the guest's marker stands.
      releaseCell(await owner.artifacts());
      await owner.rosterEnds();
      await owner.succeeds("holdfast pull");
      const approve = await owner.type("holdfast approve --confirm NAME");
      assert.equal(approve.exitCode, 3, approve.output);
      assert.match(approve.output, /scratch\/guest\/quick keeps data on/);
      await owner.refuses("pulumi destroy", ["no-approval", "other-run-data"]);
      assert.deepEqual(await owner.standing(), both);

      // The guest ends: its instance and key go, the file system is not its to delete.
      await finish(guest);
      const ended = await guest.succeeds("pulumi destroy");
      assert.match(ended, /stays \(it is not this run's\)/);
      const left = await owner.standing();
      assert.deepEqual(left.filesystems, both.filesystems);
      assert.equal(left.instances.length, 1);
      const [leftover] = guest.run.view().leftovers;
      assert.deepEqual([leftover?.id, leftover?.owned], [filesystem.id, false]);
    });

    // What the guest left was pulled, and is named in the approval like any other data.
    const shown = await owner.succeeds("holdfast approve --confirm NAME");
    assert.match(shown, /holdfast\/scratch\/guest\/quick/);
    await owner.succeeds("pulumi destroy");
    assert.deepEqual(await owner.standing(), nothingStands);
  });
});

test("a file system handed over by its id is kept unless told otherwise, and then goes with its new run, by the same locks", async () => {
  await withScene({ config: { teardown: { verb: "terminate", storage: "keep" } } }, async (scene) => {
    await scene.succeeds("pulumi up");
    await scene.rosterEnds();
    await finish(scene);
    await scene.succeeds("pulumi destroy");
    const { filesystems } = await scene.standing();
    assert.equal(filesystems.length, 1);

    const id = filesystems[0] ?? "";
    await withScene({ accountOf: scene.scratch, stack: "heir", config: { storage: { adopt: id }, teardown: { verb: "terminate", storage: "delete" } } }, async (heir) => {
      await heir.succeeds("pulumi up");
      await heir.rosterEnds();
      await heir.refuses("pulumi destroy", ["no-approval", "no-receipt", "unclaimed-data"]);
      await finish(heir);
      await heir.succeeds("pulumi destroy");
      assert.deepEqual(await scene.standing(), nothingStands);
      assert.equal(heir.run.view().auditClosed?.billing, 0);
    });
  });
});

const storageProgram = `const { SharedStorage } = require("holdfast");
const storage = new SharedStorage("data", { platform: "lambda", region: "us-east-1", lambda: { endpoint: "sandbox" } });
exports.filesystem = storage.filesystem;
`;

test("storage in a stack of its own is not deleted unseen, nor while a run's marker stands, and goes once every run on it has ended", async () => {
  await withScene({ program: storageProgram }, async (storage) => {
    await storage.succeeds("pulumi up");
    const [filesystem] = (await storage.standing()).filesystems;
    const name = storage.scratch.custody("data").view().resources.get("filesystem")?.name ?? "";
    const guestConfig = { storage: { existing: name }, teardown: { verb: "terminate", storage: "keep" } };
    await withScene({ accountOf: storage.scratch, stack: "guest", config: guestConfig }, async (guest) => {
      await guest.succeeds("pulumi up");
      await guest.rosterEnds();

      // Nobody has looked: not even accepting that is enough.
      const unseen = await storage.type("pulumi destroy");
      assert.notEqual(unseen.exitCode, 0, unseen.output);
      assert.match(unseen.output, /Others may keep data on filesystem/);
      assert.match(unseen.output, /next: holdfast rescue scratch\/test\/data/);
      const accepted = await storage.type("holdfast approve scratch/test/data --accept-unreachable --confirm data");
      assert.equal(accepted.exitCode, 3, accepted.output);

      // Looked at: a run lives there.
      const seen = await storage.succeeds("holdfast rescue scratch/test/data --confirm data");
      assert.match(seen, /holdfast\/scratch\/guest\/quick .* scratch\/guest\/quick/);
      const refused = await storage.type("pulumi destroy");
      assert.notEqual(refused.exitCode, 0, refused.output);
      assert.match(refused.output, /scratch\/guest\/quick keeps \d+ files/);
      assert.deepEqual((await storage.standing()).filesystems, [filesystem]);

      await finish(guest);
      await guest.succeeds("pulumi destroy");
    });

    // The run has ended, its copy is proven: what it left goes like anything else that is named.
    await storage.succeeds("holdfast rescue scratch/test/data --confirm data");
    const approve = await storage.succeeds("holdfast approve scratch/test/data --confirm data");
    assert.match(approve, /holdfast\/scratch\/guest\/quick/);
    await storage.succeeds("pulumi destroy");
    assert.deepEqual(await storage.standing(), nothingStands);
    assert.equal(storage.scratch.custody("data").view().auditClosed?.billing, 0);
  });
});
