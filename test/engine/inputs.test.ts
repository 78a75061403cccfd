/** What a job reads, on the real engine: brought to a real instance before the cells, and counted as nothing to keep. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { OriginServer } from "../remote/originServer";
import { withScratch } from "./stack";
import { atVendor, refused, rosterComplete, succeeds } from "./steps";

test("data that is missing here buys nothing; what is here or at a URL reaches the cells, and a teardown does not ask for it", async (t) => {
  const origin = await OriginServer.start();
  t.after(() => origin.stop());
  const [local, remote] = [randomBytes(100_000), randomBytes(3_000_000)];
  const sha256 = origin.put("/weights.bin", remote);
  await withScratch({}, async (scratch) => {
    scratch.writeJob((job) =>
      job
        .replace("command: python3 train.py", 'command: cat "$HOLDFAST_INPUT_LOCAL_SET" "$HOLDFAST_INPUT_WEIGHTS" | sha256sum > "$HOLDFAST_OUTPUT_DIR/read.txt" && python3 train.py')
        .replace("roster:", `inputs:\n  - {name: local-set, source: local.bin}\n  - {name: weights, source: "${origin.url}/weights.bin", sha256: ${sha256}, mode: cached}\nroster:`),
    );
    await refused(scratch.up(), /job\.inputs\[0\]\.source = "local\.bin": must be a file or folder of this machine/);
    assert.deepEqual(await atVendor(scratch), { instances: [], filesystems: [], keys: [] });

    writeFileSync(join(scratch.directory, "job", "local.bin"), local);
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    await succeeds(scratch.holdfast("pull"));
    const expected = createHash("sha256").update(local).update(remote).digest("hex");
    const pulled = join(scratch.directory, ".holdfast", "pulled", "scratch", "test", "quick");
    for (const cell of ["a", "b"]) assert.match(readFileSync(join(pulled, "cells", cell, "read.txt"), "utf8"), new RegExp(`^${expected}`));
    assert.equal(origin.requests.length, 1, "fetched once, by the instance");
    assert.ok(!scratch.custody().newestManifest()?.files.some(({ path }) => path.includes("local.bin") || path.includes("weights")));

    // Nothing reaches the instance when nothing changed: the data is not hashed into another job.
    assert.match(await succeeds(scratch.up()), /unchanged/);
    assert.equal(origin.requests.length, 1);
    const name = scratch.custody().view().resources.get("instance")?.name;
    assert.ok(name);
    const approve = await succeeds(scratch.holdfast("approve", "--confirm", name));
    assert.match(approve, /\.cache/, "the shared cache goes with the file system, and is shown");
    await succeeds(scratch.destroy());
    assert.deepEqual(await atVendor(scratch), { instances: [], filesystems: [], keys: [] });
  });
});
