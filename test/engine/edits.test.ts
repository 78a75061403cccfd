/** Edits of a sweep that runs, on the real engine: what waits follows, what has started stays, and nobody is asked for anything. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ScratchStack } from "./stack";
import { withScratch } from "./stack";
import { atVendor, refused, succeeds } from "./steps";
import { until } from "./until";

interface Status {
  readonly writer: string | null;
  readonly cells: readonly { readonly cell: string; readonly state: string; readonly attempt: number; readonly cause: string | null }[];
  readonly closed: { readonly complete: string[]; readonly failed: string[] } | null;
}

/** The run's directory as the sandbox keeps it. */
function runDirectory(scratch: ScratchStack): string {
  const base = join(scratch.sandboxDirectory, "filesystems");
  return join(base, readdirSync(base)[0] ?? "", "holdfast", "scratch", "test", "quick");
}

/** A cell that waits for the test, and says with which code it ran. */
function gatedJob(scratch: ScratchStack, version: string, roster: readonly string[]): void {
  const trainer = join(scratch.directory, "job", "train.py");
  const original = readFileSync(join(scratch.directory, "job", "original.py"), "utf8");
  writeFileSync(trainer, `import os, pathlib, time
here = pathlib.Path(os.environ["HOLDFAST_OUTPUT_DIR"])
with open(here / "ran.log", "a") as f: f.write("${version}\\n")
gate = here.parent.parent / "state" / ("go-" + os.environ["HOLDFAST_CELL"])
while not gate.exists(): time.sleep(0.05)
${original}`);
  scratch.writeJob((job) => `${job.slice(0, job.indexOf("roster:"))}roster:\n${roster.map((cell) => `  - ${cell}\n`).join("")}`);
}

const go = (scratch: ScratchStack, ...cells: string[]): void => {
  for (const cell of cells) writeFileSync(join(runDirectory(scratch), "state", `go-${cell}`), "");
};

async function status(scratch: ScratchStack): Promise<Status> {
  return JSON.parse(await succeeds(scratch.holdfast("status", "--json"))) as Status;
}
const stateOf = (seen: Status, name: string): string | undefined => seen.cells.find(({ cell }) => cell === name)?.state;
const runs = (scratch: ScratchStack, cell: string): Promise<unknown> => until(`cell ${cell} to run`, () => existsSync(join(runDirectory(scratch), "cells", cell, "ran.log")));

async function prepared(scratch: ScratchStack): Promise<void> {
  mkdirSync(join(scratch.directory, "job"), { recursive: true });
  writeFileSync(join(scratch.directory, "job", "original.py"), readFileSync(join(scratch.directory, "job", "train.py"), "utf8"));
}

test("cells of a live sweep are added, changed and taken out on the same instance; one that has started is neither changed nor given other code", async () => {
  await withScratch({}, async (scratch) => {
    await prepared(scratch);
    gatedJob(scratch, "one", ['{name: a, args: ["2"]}', '{name: b, args: ["2"]}', '{name: x, args: ["2"]}']);
    await succeeds(scratch.up());
    const made = await atVendor(scratch);
    await runs(scratch, "a");

    gatedJob(scratch, "two", ['{name: a, args: ["2"]}', '{name: b, args: ["3"]}', '{name: c, args: ["2"]}']);
    const edited = await succeeds(scratch.up());
    assert.match(edited, /cell c: added, appended to the queue/);
    assert.match(edited, /cell b: changed while pending/);
    assert.match(edited, /cell x: removed while pending/);
    assert.deepEqual(await atVendor(scratch), made);
    const seen = await status(scratch);
    assert.deepEqual(["a", "b", "c", "x"].map((name) => stateOf(seen, name)), ["running", "pending", "pending", "removed"]);
    const view = scratch.custody().view();
    assert.deepEqual([[...view.roster].sort(), [...view.removed.keys()]], [["a", "b", "c"], ["x"]]);
    assert.match(view.removed.get("x")?.by ?? "", /.@./);

    // One refused cell refuses the edit as a whole: the added one does not slip in.
    gatedJob(scratch, "two", ['{name: a, args: ["4"]}', '{name: b, args: ["3"]}', '{name: c, args: ["2"]}', '{name: d, args: ["2"]}']);
    await refused(scratch.up(), /cell a: changed after it had started[\s\S]*holdfast retry a --fresh/);
    assert.deepEqual(await atVendor(scratch), made);
    assert.equal(stateOf(await status(scratch), "d"), undefined);
    assert.deepEqual([...scratch.custody().view().roster].sort(), ["a", "b", "c"]);

    gatedJob(scratch, "two", ['{name: a, args: ["2"]}', '{name: b, args: ["3"]}', '{name: c, args: ["2"]}']);
    await succeeds(scratch.up());

    // An update killed while it hands an edit over: whatever had arrived, the next one mends it.
    const handed = (): boolean => {
      const state = join(runDirectory(scratch), "state");
      return ["next.json", "taken.json"].some((name) => existsSync(join(state, name))) || !readFileSync(join(state, "queue.json"), "utf8").includes(before);
    };
    const before = (JSON.parse(readFileSync(join(runDirectory(scratch), "state", "queue.json"), "utf8")) as { spec: string }).spec;
    const roster = ['{name: a, args: ["2"]}', '{name: b, args: ["3"]}', '{name: c, args: ["2"]}', '{name: e, args: ["2"]}'];
    gatedJob(scratch, "two", roster);
    assert.equal(await scratch.upKilledWhen(handed), true);
    assert.ok(scratch.custody().view().roster.has("e"), "the ledger knows of a cell before the queue does");
    await succeeds(scratch.up());
    assert.deepEqual(await atVendor(scratch), made);
    await until("cell e is in the queue", async () => stateOf(await status(scratch), "e") === "pending");

    go(scratch, "a", "b", "c", "e");
    await until("the roster is complete", async () => (await status(scratch)).closed?.complete.length === 4 && (await status(scratch)).writer === "none");
    const ran = (cell: string): string => readFileSync(join(runDirectory(scratch), "cells", cell, "ran.log"), "utf8");
    assert.deepEqual(["a", "b", "c"].map(ran), ["one\n", "two\n", "two\n"]);
    assert.equal((JSON.parse(readFileSync(join(runDirectory(scratch), "cells", "b", "metrics.json"), "utf8")) as { steps: number }).steps, 3);

    // What never ran is not asked for.
    await succeeds(scratch.holdfast("pull"));
    await succeeds(scratch.holdfast("approve", "--confirm", view.resources.get("instance")?.name ?? ""));
    await succeeds(scratch.destroy());
    assert.deepEqual(await atVendor(scratch), { instances: [], filesystems: [], keys: [] });
  });
});
