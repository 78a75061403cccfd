/** A run is followed while it goes on: what arrives is whole and loads, nothing half-written is taken, and nothing of it speaks for the whole run. */
import assert from "node:assert/strict";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { copyPlacesOf, coversRoster, decide, durableWrites, followOnce, pullVerifyAndSign, RemoteUnreachable, STAGING, takeManifest, type FollowPass, type RunCustody } from "../../custody";
import { recheckReceipt } from "../../custody/receipt";
import { durableTier, state, type DurableTier } from "./durableTier";
import { end } from "./happyFacts";
import { LocalRemote, SilentRemote } from "./localRemote";
import { clockAt, declaredRun, NOW, safetensors, temporaryFolder, writeFiles } from "./support";

const clock = clockAt(NOW);

interface Scene {
  readonly tier: DurableTier;
  readonly remote: LocalRemote;
  readonly run: RunCustody;
  readonly follow: (remote?: LocalRemote) => Promise<FollowPass>;
}

/** Cell a is complete, cell b trains. */
function going(context: TestContext): Scene {
  const tier = durableTier(temporaryFolder(context));
  writeFiles(tier.directory, { "state/cells/b.json": state("b", { state: "running", exit: null, endedAt: null }) });
  rmSync(join(tier.directory, "state/closed.json"));
  const remote = new LocalRemote();
  const { run } = declaredRun(context, clock);
  return { tier, remote, run, follow: (other = remote) => followOnce(run, other, tier.options, { clock, settleSeconds: 0, workers: 1 }) };
}
const pulled = (run: RunCustody, path: string): string => join(run.paths.pulled, path);
const transfers = (remote: LocalRemote): number => remote.calls.filter((call) => call.startsWith("pull ")).length;

test("a complete cell gets a receipt of its own, the others' closed files come without one", async (context) => {
  const { run, follow } = going(context);
  const pass = await follow();
  assert.deepEqual(pass.cells.map(({ cell, files }) => [cell, files]), [["a", 3]]);
  assert.deepEqual([pass.arrived.files, pass.waiting, pass.damaged, pass.closed], [2, 0, [], false]);
  const [receipt] = run.receipts();
  assert.ok(receipt?.trusted);
  assert.deepEqual(receipt.content.cells, [{ name: "a", state: "complete", exit: 0, cause: null }]);
  const manifest = run.manifest(receipt.content.manifestSha256);
  assert.deepEqual(manifest.files.map(({ path }) => path), ["cells/a/checkpoints/step-10.safetensors", "cells/a/metrics.json", "logs/a.log"]);
  assert.equal(await recheckReceipt(receipt.content, manifest, copyPlacesOf({}, hostname())), "matches");
  assert.ok(existsSync(pulled(run, "cells/b/checkpoints/step-10.safetensors")));
  assert.equal(existsSync(pulled(run, STAGING)), false);
});

test("a cell's receipt never ends a run, and is never taken for the newest manifest of all", async (context) => {
  const { run, follow, remote, tier } = going(context);
  await follow();
  const [receipt] = run.receipts();
  assert.ok(receipt);
  assert.equal(coversRoster(receipt.content, new Set(["a", "b"])), false);
  assert.equal(run.view().newestManifest, null, "nobody may believe that this is all there is");
  const whole = await takeManifest(remote, { ...tier.options, clock });
  const facts = { ...end, run: run.ref, remote: { ...end.remote, state: "reachable" as const, manifest: whole, writerAlive: false, cells: whole.cells, unclaimed: [] }, receipts: [{ signed: receipt, copy: "matches" as const }] };
  const decision = decide(facts);
  assert.ok(!decision.allow && decision.reasons.some(({ code }) => code === "receipt-stale"));
});

test("what was taken once is not read again, what is new is", async (context) => {
  const { tier, remote, run, follow } = going(context);
  await follow();
  const before = transfers(remote);
  const again = await follow();
  assert.deepEqual([again.cells, again.arrived.files, transfers(remote) - before], [[], 0, 0]);
  assert.equal(remote.calls.filter((call) => call.includes("--hash")).length, 1);
  writeFiles(tier.directory, { "cells/b/checkpoints/step-20.safetensors": safetensors([7, 8]) });
  const news = await follow();
  assert.deepEqual([news.arrived.files, transfers(remote) - before], [1, 1]);
  rmSync(pulled(run, "cells/b/checkpoints/step-20.safetensors"));
  assert.equal((await follow()).arrived.files, 1, "a file that was lost here comes again");
  rmSync(join(run.dir, "follow.json"));
  const forgotten = await follow();
  assert.deepEqual([forgotten.cells.map(({ cell }) => cell), forgotten.arrived.files], [["a"], 3], "the memory protects nothing");
});

test("a file that is being written is left, and taken when it is closed", async (context) => {
  const { tier, run, follow } = going(context);
  const path = join(tier.directory, "cells/b/checkpoints/step-20.safetensors");
  const whole = safetensors([7, 8, 9]);
  const writer = openSync(path, "w");
  writeSync(writer, whole.subarray(0, 10));
  const open = await follow();
  assert.equal(open.waiting, 1);
  assert.equal(existsSync(pulled(run, "cells/b/checkpoints/step-20.safetensors")), false);
  writeSync(writer, whole.subarray(10));
  closeSync(writer);
  assert.equal((await follow()).arrived.files, 1);
  assert.deepEqual(readFileSync(pulled(run, "cells/b/checkpoints/step-20.safetensors")), whole);
});

test("a file that changes between hash and transfer takes nobody's place", async (context) => {
  const { tier, remote, run, follow } = going(context);
  await follow();
  const path = join(tier.directory, "cells/b/metrics.json");
  writeFileSync(path, '{"loss": 0.2}\n');
  remote.beforePull = () => { writeFileSync(path, '{"loss": 0.1}\n'); };
  const torn = await follow();
  assert.deepEqual([torn.arrived.files, torn.waiting], [0, 1]);
  assert.equal(readFileSync(pulled(run, "cells/b/metrics.json"), "utf8"), '{"loss": 0.25}\n');
  remote.beforePull = () => undefined;
  assert.equal((await follow()).arrived.files, 1);
  assert.equal(readFileSync(pulled(run, "cells/b/metrics.json"), "utf8"), '{"loss": 0.1}\n');
});

test("a checkpoint that does not load is told once and never takes the place of a good one", async (context) => {
  const { tier, run, follow } = going(context);
  await follow();
  const path = "cells/b/checkpoints/step-10.safetensors";
  const good = readFileSync(pulled(run, path));
  writeFileSync(join(tier.directory, path), good.subarray(0, good.length - 4));
  const damaged = await follow();
  assert.deepEqual(damaged.damaged.map(({ path: found, cell }) => [found, cell]), [[path, "b"]]);
  assert.deepEqual(readFileSync(pulled(run, path)), good);
  assert.deepEqual((await follow()).damaged, []);
});

test("a complete cell that does not load gets no receipt, and says so in the ledger", async (context) => {
  const { tier, run, follow } = going(context);
  writeFiles(tier.directory, { "cells/a/checkpoints/step-10.safetensors": safetensors([1]).subarray(0, 12) });
  const pass = await follow();
  assert.deepEqual([pass.cells, pass.damaged.map(({ path }) => path)], [[], ["cells/a/checkpoints/step-10.safetensors"]]);
  assert.equal(run.receipts().length, 0);
  assert.equal(run.view().lastVerifyFailure?.problems[0]?.path, "cells/a/checkpoints/step-10.safetensors");
  const entries = run.entries().length;
  await follow();
  assert.equal(run.entries().length, entries, "once");
});

test("a cell whose files cannot be copied faithfully holds nothing else back", async (context) => {
  const { tier, follow } = going(context);
  writeFiles(tier.directory, { "cells/a/new\nline": "x" });
  const pass = await follow();
  assert.deepEqual(pass.damaged.map(({ path, code }) => [path, code]), [["cells/a", "manifest-refused"]]);
  assert.equal(pass.arrived.files, 2);
});

test("scratch is not copied, nor are files that the trainer has not renamed yet", async (context) => {
  const { tier, run, follow } = going(context);
  writeFiles(tier.directory, { "cells/b/checkpoints/step-30.safetensors.tmp": "half" });
  const options = { ...tier.options, cells: [{ name: "a", scratch: [] }, { name: "b", scratch: ["metrics.json"] }] };
  await followOnce(run, new LocalRemote(), options, { clock, settleSeconds: 0 });
  assert.deepEqual(readdirSync(pulled(run, "cells/b"), { recursive: true }).map(String).sort(), ["checkpoints", "checkpoints/step-10.safetensors"]);
  await follow();
});

test("shards of a checkpoint come one by one, their index is not held against them", async (context) => {
  const { tier, follow } = going(context);
  writeFiles(tier.directory, {
    "cells/b/checkpoints/model-00001-of-00002.safetensors": safetensors([1]),
    "cells/b/checkpoints/model.safetensors.index.json": JSON.stringify({ metadata: {}, weight_map: { weight: "model-00001-of-00002.safetensors", bias: "model-00002-of-00002.safetensors" } }),
  });
  const pass = await follow();
  assert.deepEqual([pass.damaged, pass.arrived.files], [[], 4]);
});

test("killed at any write, the next look takes what is missing and nothing is half there", async (context) => {
  let steps = 0;
  const first = going(context);
  durableWrites.beforeStep = () => { steps += 1; };
  context.after(() => { durableWrites.beforeStep = () => undefined; });
  await first.follow();
  durableWrites.beforeStep = () => undefined;
  // Every so many of the writes: each costs two looks.
  for (let kill = 0; kill < steps; kill += Math.ceil(steps / 10)) {
    const scene = going(context);
    let step = 0;
    durableWrites.beforeStep = () => { if (step++ === kill) throw new Error("killed"); };
    await assert.rejects(scene.follow(), /killed/, `step ${kill} of ${steps}`);
    durableWrites.beforeStep = () => undefined;
    await scene.follow();
    assert.ok(scene.run.receipts().filter(({ content }) => content.cells.length === 1).length >= 1, `step ${kill}`);
    for (const path of ["cells/a/checkpoints/step-10.safetensors", "cells/b/checkpoints/step-10.safetensors", "cells/b/metrics.json"]) {
      assert.deepEqual(readFileSync(pulled(scene.run, path)), readFileSync(join(scene.tier.directory, path)), `step ${kill}`);
    }
    scene.run.entries();
  }
});

test("a machine that is silent proves nothing and changes nothing", async (context) => {
  const { run, follow } = going(context);
  const entries = run.entries().length;
  await assert.rejects(follow(new SilentRemote()), RemoteUnreachable);
  assert.equal(run.entries().length, entries);
});

test("the pull of the closed run takes over what was followed, without reading the files again", async (context) => {
  const { tier, remote, run, follow } = going(context);
  await follow();
  writeFiles(tier.directory, { "state/cells/b.json": state("b"), "state/closed.json": `${JSON.stringify({ at: NOW, epoch: 1, complete: ["a", "b"], failed: [] })}\n` });
  const last = await follow();
  assert.deepEqual([last.closed, last.cells.map(({ cell }) => cell)], [true, ["b"]]);
  const manifest = await takeManifest(remote, { ...tier.options, clock });
  const { receipt, result } = await pullVerifyAndSign(run, remote, manifest, { clock });
  assert.equal(receipt.trusted, true);
  assert.ok(coversRoster(receipt.content, run.view().roster));
  assert.deepEqual(result.movedAside, []);
});
