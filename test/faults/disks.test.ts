/** Disks that really are full, at the three places where it hurts. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withScratch } from "../engine/stack";
import { atVendor, refused, rosterComplete, succeeds } from "../engine/steps";
import { until } from "../engine/until";
import { bytesBelow, withoutRoot, withSmallDisk } from "./smallDisk";

const nothing = { instances: [], filesystems: [], keys: [] };

test("a durable tier that fills up costs the cell that filled it, not the one that was complete before", { skip: withoutRoot }, async () => {
  await withScratch({ config: { teardown: { verb: "terminate", storage: "keep", require: "pulled" } } }, async (scratch) => {
    const made = await scratch.post<{ id: string; name: string; region: { name: string } }>("/filesystems", { name: "small", region: "us-west-1" });
    scratch.writeConfig({
      storage: { existing: "small" }, teardown: { verb: "terminate", storage: "keep", require: "pulled" },
      capacity: { candidates: ["cpu_4x_general@us-west-1"], maxWaitMinutes: 10, maxAttempts: 5, maxHourlyUsd: 1 },
    });
    writeFileSync(join(scratch.directory, "job", "cell.sh"), 'if [ "$1" = fill ]; then mkdir -p "$HOLDFAST_OUTPUT_DIR/tmp"; cat /dev/zero > "$HOLDFAST_OUTPUT_DIR/tmp/fill"; fi\nexec python3 train.py 3\n');
    scratch.writeJob((job) => job.replace("python3 train.py", "sh cell.sh").replace('{name: b, args: ["3"]}', '{name: b, args: ["fill"]}'));
    await withSmallDisk(join(scratch.sandboxDirectory, "filesystems", made.id), 320, async () => {
      await succeeds(scratch.up());
      // Not even "failed" fits on the tier, so nothing says that cell b ended; nothing says that it is complete either.
      const cells = await until("the queue has given up", async () => {
        const status = await scratch.holdfast("status", "--json");
        const { writer, queue, cells } = JSON.parse(status.output) as { writer: string; queue: unknown; cells: { cell: string; state: string }[] };
        return writer === "none" && queue !== null && cells.some(({ cell, state }) => cell === "b" && state !== "pending") && cells;
      });
      assert.deepEqual(cells.filter(({ state }) => state === "complete").map(({ cell }) => cell), ["a"]);
      const name = scratch.custody().view().resources.get("instance")?.name ?? "";
      await refused(scratch.destroy(), /pull/);
      const giveUp = ["--partial", "b"];
      await succeeds(scratch.holdfast("pull", ...giveUp));
      await succeeds(scratch.holdfast("approve", ...giveUp, "--reason", "the tier was full", "--confirm", name));
      await succeeds(scratch.destroy());
      const pulled = join(scratch.custody().paths.pulled, "cells", "a");
      assert.equal(readdirSync(join(pulled, "checkpoints")).length, 3);
      assert.ok(existsSync(join(pulled, "metrics.json")));
      assert.deepEqual((await atVendor(scratch)).instances, []);
    });
  });
});

test("a disk here that fills up while pulling or while signing leaves no half receipt; with room the same command goes on", { skip: withoutRoot }, async () => {
  await withScratch({}, async (scratch) => {
    scratch.writeJob((job) => job.replace("command: python3", 'command: head -c 96000000 /dev/zero > "$HOLDFAST_OUTPUT_DIR/pad.bin"; exec python3').replace('"metrics.json"', '"metrics.json", "pad.bin"'));
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    const run = scratch.custody();
    const ledger = join(run.dir, "ledger.jsonl");
    const receipts = (): string[] => (existsSync(run.paths.receipts) ? readdirSync(run.paths.receipts) : []);

    await withSmallDisk(join(scratch.directory, "target"), 384, async (target) => {
      const pulling = scratch.holdfast("pull", "--to", target.path);
      await until("the first bytes have arrived", () => bytesBelow(target.path) > 0);
      target.fill();
      await refused(pulling, /full|No space left|room/i);
      assert.deepEqual(receipts(), []);
      assert.equal(run.view().receipts.length, 0);
      target.makeRoom();
      await succeeds(scratch.holdfast("pull", "--to", target.path));
      assert.equal(receipts().length, 1);
    });

    // Signing: the pulled copy lies elsewhere, and the custody of the run gets no byte more.
    await succeeds(scratch.holdfast("pull"));
    const before = receipts();
    await withSmallDisk(join(run.dir, "approvals"), 1, async (full) => {
      full.fill();
      const ledgerBefore = readFileSync(ledger, "utf8");
      const name = run.view().resources.get("instance")?.name ?? "";
      await refused(scratch.holdfast("approve", "--confirm", name), /is full/);
      assert.equal(readFileSync(ledger, "utf8").includes("approval.signed"), false, "no line about an approval that is not there");
      assert.ok(readFileSync(ledger, "utf8").startsWith(ledgerBefore));
      await refused(scratch.destroy(), /approv/i);
      full.makeRoom();
      await succeeds(scratch.holdfast("approve", "--confirm", name));
      assert.deepEqual(receipts(), before);
      await succeeds(scratch.destroy());
    });
    assert.deepEqual(await atVendor(scratch), nothing);
  });
});
