/** A run that finishes while nobody is there: it is pulled, proven and ended as agreed, and without an agreement it only says what it costs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { LedgerEntry } from "../../../custody";
import { assertGrant } from "../bypass/rows/runs";
import { editFile, nothingStands, withScene, type Scene } from "../bypass/scene";
import { letCellWait, releaseCell } from "../waitingCell";
import { forget, keeperConfig, pass, passAfter } from "./passes";
import { Receiver } from "./receiver";

const kindsOf = (scene: Scene): string[] => scene.entries().map(({ kind }) => kind);

test("a finished night: nobody is there, and the run is pulled, proven and destroyed as it was agreed beforehand", async () => {
  const receiver = await Receiver.start();
  try {
    await withScene({}, async (scene) => {
      letCellWait(scene.scratch);
      keeperConfig(scene, receiver, { standing: "ask" });
      await scene.succeeds("pulumi up");
      await scene.cellsWrite("b");
      // From here on two minutes of the vendor's pass in one.
      await scene.scratch.sandbox("/knobs", { method: "PATCH", body: { timeScale: 2 } });
      const training = await pass(scene);
      assert.deepEqual([training.exitCode, training.state, training.activity], [0, "fine", "training"], JSON.stringify(training));
      assert.ok(training.events.some(({ kind }) => kind === "standing.asked"));
      assert.ok(training.events.some(({ kind }) => kind === "cell.complete"), "cell a is proven by a receipt of its own");
      assert.ok(scene.run.view().lease, "the lease was granted when the job started");

      await scene.succeeds("holdfast approve --standing --also filesystem --confirm NAME");
      releaseCell(await scene.artifacts());
      // Until it has ended: the command ends with its run.
      const night = await scene.succeeds("holdfast keeper quick --every 1s");
      assert.match(night, /scratch\/test\/quick has ended/);
      assert.deepEqual(await scene.standing(), nothingStands);
      assertGrant(scene, "standing-approval");
      const view = scene.run.view();
      assert.equal(view.auditClosed?.billing, 0);
      assert.equal(view.newestManifest?.closed, true);
      assert.ok(scene.run.receipts().some(({ content }) => content.manifestSha256 === view.newestManifest?.manifestSha256));
      assert.match(await scene.succeeds("holdfast verify quick"), /all as manifest and receipt/);

      const meter = await scene.scratch.sandbox<{ timeScale: number; billing: unknown[]; resources: { kind: string; to: string }[] }>("/meter");
      assert.deepEqual(meter.billing, []);
      const finished = receiver.events.find(({ kind }) => kind === "run.finished");
      const ended = meter.resources.find(({ kind }) => kind === "instance")?.to ?? "";
      const idleMinutes = ((Date.parse(ended) - Date.parse(String(finished?.data["at"]))) / 60_000) * meter.timeScale;
      assert.ok(idleMinutes < 10, `${idleMinutes.toFixed(1)} minutes of the vendor's time were billed for idling`);

      assert.deepEqual([...new Set(receiver.kinds())].sort(), ["cell.complete", "clock.warning", "run.ended", "run.finished", "standing.asked"]);
      assert.equal(new Set(receiver.events.map(({ id }) => id)).size, receiver.events.length, "nobody hears of anything twice");
      assert.equal(kindsOf(scene).filter((kind) => kind === "grant.sealed").length, 1);
      const after = await pass(scene).catch(() => null);
      assert.equal(after, null, "nothing is live any more");
    });
  } finally {
    await receiver.close();
  }
});

test("the same night without an agreement destroys nothing and says what the wait costs; what does not load is never destroyed", async () => {
  const receiver = await Receiver.start();
  try {
    await withScene({}, async (scene) => {
      keeperConfig(scene, receiver);
      await scene.succeeds("pulumi up");
      await scene.rosterEnds();
      const standing = await scene.standing();
      const first = await pass(scene);
      assert.deepEqual([first.exitCode, first.state, first.activity], [3, "waits", "finished"], JSON.stringify(first));
      assert.ok(scene.run.receipts().length > 0, "pulled and proven all the same");
      assert.deepEqual(await scene.standing(), standing);

      // This computer sleeps for two hours and a half.
      const later = await passAfter(scene, 2.5);
      assert.deepEqual(later.events.filter(({ kind }) => kind === "end.waiting").map(({ data }) => data["hours"]), [2], "the newest hour only");
      assert.match(later.events.find(({ kind }) => kind === "end.waiting")?.message ?? "", /The wait has cost \$0\.\d+ and costs \$0\.\d+ each further hour\. .*nobody has agreed to its end/);
      assert.deepEqual((await passAfter(scene, 2.6)).events, [], "told once");
      const slept = await passAfter(scene, 26.5);
      assert.deepEqual(slept.events.filter(({ kind }) => kind === "end.waiting").map(({ data }) => data["hours"]), [26], "a day later it catches up with one message");
      assert.deepEqual(await scene.standing(), standing);
      assert.equal(receiver.kinds().filter((kind) => kind === "end.waiting").length, 2);

      // Now there is an agreement, and a checkpoint was damaged where it lies.
      await scene.succeeds("holdfast approve --standing --also filesystem --confirm NAME");
      const undo = editFile(join(await scene.artifacts(), "cells/a/checkpoints/step-000003.safetensors"), (bytes) => bytes.subarray(0, bytes.length - 3));
      const refused = await pass(scene);
      assert.equal(refused.state, "waits", JSON.stringify(refused));
      assert.deepEqual(refused.events.filter(({ kind }) => kind === "end.refused").flatMap(({ data }) => data["codes"]), ["receipt-stale"], "the gate saw that it is not what was pulled");
      forget(scene);
      const unproven = await pass(scene);
      assert.deepEqual([unproven.exitCode, unproven.state], [6, "unproven"], JSON.stringify(unproven));
      assert.ok(unproven.events.some(({ kind }) => kind === "verify.failed"));
      assert.deepEqual(await scene.standing(), standing);
      await undo();

      forget(scene);
      const done = await pass(scene);
      assert.deepEqual([done.exitCode, done.state, done.did], [0, "ended", "destroyed"], JSON.stringify(done));
      assert.deepEqual(await scene.standing(), nothingStands);
      const sealed = scene.entries().filter((entry): entry is LedgerEntry<"grant.sealed"> => entry.kind === "grant.sealed");
      assert.deepEqual(sealed.map(({ data }) => data.grant.basis), ["standing-approval"]);
    });
  } finally {
    await receiver.close();
  }
});

test("a lease that ends before its run does destroys nothing: what is closed is pulled, and the wait is told", async () => {
  const receiver = await Receiver.start();
  try {
    await withScene({}, async (scene) => {
      letCellWait(scene.scratch);
      keeperConfig(scene, receiver);
      await scene.succeeds("pulumi up");
      await scene.cellsWrite("b");
      await scene.succeeds("holdfast approve --standing --also filesystem --confirm NAME");
      await scene.succeeds("holdfast lease end quick --reason 'enough'");
      const standing = await scene.standing();
      const over = await pass(scene);
      assert.equal(over.exitCode, 3, JSON.stringify(over));
      assert.ok(over.events.some(({ kind }) => kind === "clock.struck"));
      assert.deepEqual(await scene.standing(), standing);
      assert.ok(kindsOf(scene).includes("receipt.signed"), "the complete cell is proven");
      assert.equal(kindsOf(scene).includes("grant.sealed"), false);
      await scene.succeeds("holdfast lease renew quick --for 6h");
      assert.equal((await pass(scene)).exitCode, 0);

      releaseCell(await scene.artifacts());
      await scene.rosterEnds();
      await scene.succeeds("holdfast lease end quick");
      const ended = await pass(scene);
      assert.deepEqual([ended.exitCode, ended.state], [0, "ended"], JSON.stringify(ended));
      assert.deepEqual(await scene.standing(), nothingStands);
    });
  } finally {
    await receiver.close();
  }
});
