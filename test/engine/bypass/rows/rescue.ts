/** Storage that no machine can read any more still gives up its artifacts, for a bounded price, and leaves nothing that bills. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Row } from "../row";
import type { Scene } from "../scene";
import { nothingStands, withScene } from "../scene";

export const rescued: readonly Row[] = [
  {
    kind: "followed", id: "rescue-after-last-instance", when: "a file system that no machine can read, with no grant that covers it; the run's own type is sold out", typed: ["pulumi destroy", "holdfast rescue --confirm quick", "holdfast approve --confirm quick", "pulumi destroy"],
    by: ["gate", "command"], stands: "the file system and the key, until they were read, proven and approved; the machine that read them is gone at once, also when reading fails", ledger: "refused: no-approval, no-manifest, not-reachable; an intent before each launch, the listing, its deletion; receipt, approval, grant, deletions, audit; no break-glass",
    follow: () => withScene({}, readThroughAnother),
  },
];

const drought = { capacity: { cpu_4x_general: [] } };
const knobs = (scene: Scene, body: Readonly<Record<string, unknown>>): Promise<unknown> => scene.scratch.sandbox("/knobs", { method: "PATCH", body });
const billing = async (scene: Scene): Promise<string[]> => (await scene.scratch.sandbox<{ billing: { kind: string }[] }>("/meter")).billing.map(({ kind }) => kind);

async function readThroughAnother(scene: Scene): Promise<void> {
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
}
