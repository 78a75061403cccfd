/**
 * Every way that ends in a refusal, tried one after the other on one run: since a refusal changes nothing, the next row finds
 * the same instance, file system and key as the one before. At the end the ordinary way is shown to lead through.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Phase, Refused } from "./row";
import type { Undo } from "./scene";
import { assertClean, nothingStands, Scene } from "./scene";
import type { Standing } from "./scene";
import { letCellWait, releaseCell } from "../waitingCell";
import { refusedRows } from "./table";

let scene: Scene;
let standing: Standing;

before(async () => {
  scene = await Scene.create();
  letCellWait(scene.scratch);
  await scene.succeeds("pulumi up");
  standing = await scene.standing();
  assert.deepEqual([standing.instances.length, standing.filesystems.length, standing.keys.length], [1, 1, 1]);
});

after(async () => { await scene.close(); });

const phases: Readonly<Record<Phase, () => Promise<void>>> = {
  writing: () => scene.cellsWrite("b"),
  finished: async () => {
    releaseCell(await scene.artifacts());
    await scene.rosterEnds();
  },
  approved: async () => {
    await scene.succeeds("holdfast pull");
    await scene.succeeds("holdfast approve --confirm NAME");
  },
};

for (const phase of ["writing", "finished", "approved"] as const) {
  test(`the shared run: ${phase}`, () => phases[phase]());
  for (const row of refusedRows.filter((candidate) => candidate.phase === phase)) {
    test(`${row.id}: ${row.when}`, () => tryRow(row));
  }
}

test("two destroys at once: one tears down, the other is turned away, nothing is deleted twice", async () => {
  const mark = scene.entries().length;
  const both = await Promise.all([scene.type("pulumi destroy"), scene.type("pulumi destroy")]);
  const failed = both.filter(({ exitCode }) => exitCode !== 0);
  assert.ok(failed.length <= 1, failed.map(({ output }) => output).join("\n"));
  for (const { output } of failed) assert.match(output, /locked/);
  assert.deepEqual(await scene.standing(), nothingStands);
  const kinds = scene.kindsSince(mark);
  assert.equal(kinds.filter((kind) => kind === "resource.deleted").length, 4);
  assert.equal(kinds.filter((kind) => kind === "grant.sealed").length, 1);
  assert.equal(scene.run.view().auditClosed?.billing, 0);
});

async function tryRow(row: Refused): Promise<void> {
  const undoState = row.settle === "state" ? await scene.rememberState() : null;
  const undo: Undo | null = (await row.prepare?.(scene)) ?? null;
  // Prepared evidence is in the ledger too; only what the attempt itself records counts.
  const mark = row.codes.length > 0 ? scene.entries().length : null;
  try {
    for (const line of row.typed.slice(0, -1)) await scene.succeeds(line);
    const { exitCode, output } = await scene.type(row.typed.at(-1) ?? "");
    const said = `${row.typed.at(-1)}\n${output}`;
    if (row.mayPass === undefined || exitCode !== 0) {
      assert.equal(exitCode, row.exit, said);
      for (const pattern of row.says) assert.match(output, pattern, said);
      for (const next of row.next) assert.ok(output.includes(`next: ${next}`), `proposes: ${next}\n${said}`);
    }
    assertClean(output);
    if (row.noted !== undefined) assert.ok(scene.entries().some(({ kind, data }) => kind === "note" && row.noted?.test(JSON.stringify(data)) === true), `${String(row.noted)} stands in the ledger`);
    if (row.mayPass !== undefined && exitCode === 0) await row.foundThen?.(scene);
    if (mark !== null) assert.deepEqual(scene.refusedSince(mark), [...row.codes].sort(), said);
    assert.deepEqual(await scene.standing(), standing, "a refusal changes nothing");
  } finally {
    await undo?.();
    await undoState?.();
    if (row.settle === "up") await scene.succeeds("pulumi up");
  }
  // The chain is whole again, and what was bought still stands.
  scene.entries();
  assert.deepEqual(await scene.standing(), standing, "nor does going back");
}
