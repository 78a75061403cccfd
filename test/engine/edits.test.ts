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

function prepared(scratch: ScratchStack): void {
  mkdirSync(join(scratch.directory, "job"), { recursive: true });
  writeFileSync(join(scratch.directory, "job", "original.py"), readFileSync(join(scratch.directory, "job", "train.py"), "utf8"));
}

test("cells of a live sweep are added, changed and taken out on the same instance; one that has started is neither changed nor given other code", async () => {
  await withScratch({}, async (scratch) => {
    prepared(scratch);
    gatedJob(scratch, "one", ['{name: a, args: ["2"]}', '{name: b, args: ["2"]}', '{name: x, args: ["2"]}']);
    await succeeds(scratch.up());
    const made = await atVendor(scratch);
    await runs(scratch, "a");

    gatedJob(scratch, "two", ['{name: a, args: ["2"]}', '{name: b, args: ["3"]}', '{name: c, args: ["2"]}']);
    const previewed = await succeeds(scratch.pulumi("preview", "--stack", scratch.stack));
    for (const said of [/cell c: added, appended/, /cell b: changed while pending \(configuration, code\)/, /cell x: removed while pending/, /unchanged: a\n/, /with the code that they started with: a/]) assert.match(previewed, said);
    assert.doesNotMatch(previewed, /replace/i);
    assert.deepEqual([...scratch.custody().view().roster].sort(), ["a", "b", "x"], "a preview changes nothing");
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
    assert.match(await succeeds(scratch.pulumi("preview", "--stack", scratch.stack)), /cell a: changed after it had started[\s\S]*An update refuses this edit as a whole/);
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

/** Counts its starts in a checkpoint that loads, saves on TERM, fails until it is mended, and ends when the test says so. */
const trainer = `import json, os, pathlib, signal, struct, sys, time
out, ckpt = pathlib.Path(os.environ["HOLDFAST_OUTPUT_DIR"]), pathlib.Path(os.environ["HOLDFAST_CHECKPOINT_DIR"])
state = out.parent.parent / "state"
def save(name, value):
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (ckpt / (name + ".tmp")).write_bytes(struct.pack("<Q", len(header)) + header + struct.pack("<f", value))
    (ckpt / (name + ".tmp")).rename(ckpt / (name + ".safetensors"))
def saved(name):
    path = ckpt / (name + ".safetensors")
    return struct.unpack("<f", path.read_bytes()[-4:])[0] if path.exists() else 0
def ended(*_):
    save("last", 7)
    sys.exit(143)
signal.signal(signal.SIGTERM, ended)
save("starts", saved("starts") + 1)
with open(out / "ran.log", "a") as f: f.write(sys.argv[1] + "\\n")
if not (state / ("mended-" + os.environ["HOLDFAST_CELL"])).exists(): sys.exit(3)
while not (state / ("go-" + os.environ["HOLDFAST_CELL"])).exists(): time.sleep(0.05)
(out / "metrics.json").write_text(json.dumps({"loss": 0.5}))
`;

test("a retry resumes, a fresh start keeps what there was, a cancel saves first; all of it without asking for anything", async () => {
  await withScratch({}, async (scratch) => {
    const writeRoster = (...roster: readonly string[]): void => {
      scratch.writeJob((job) => `${job.slice(0, job.indexOf("roster:"))}roster:\n${roster.map((cell) => `  - ${cell}\n`).join("")}`);
    };
    const inCell = (...path: string[]): string => join(runDirectory(scratch), "cells", ...path);
    const value = (...path: string[]): number => readFileSync(inCell(...path)).readFloatLE(readFileSync(inCell(...path)).length - 4);
    const mend = (cell: string): void => {
      writeFileSync(join(runDirectory(scratch), "state", `mended-${cell}`), "");
    };
    const attempts = (seen: Status, name: string): number | undefined => seen.cells.find(({ cell }) => cell === name)?.attempt;
    writeFileSync(join(scratch.directory, "job", "train.py"), trainer);
    writeRoster('{name: a, args: ["one"]}', '{name: b, args: ["two"]}');
    await succeeds(scratch.up());
    const made = await atVendor(scratch);
    await until("both fail", async () => (await status(scratch)).closed?.failed.length === 2);

    // The queue has ended: a retry starts it again, with this cell only.
    mend("b");
    const started = JSON.parse(await succeeds(scratch.holdfast("retry", "b", "--json"))) as { queue: string };
    assert.equal(started.queue, "started");
    await until("b runs", () => existsSync(inCell("b", "checkpoints", "starts.safetensors")) && value("b", "checkpoints", "starts.safetensors") === 2);
    // And while it runs, one is taken up.
    mend("a");
    go(scratch, "a");
    assert.match(await succeeds(scratch.holdfast("retry", "a")), /the queue runs/);
    await refused(scratch.holdfast("retry", "b"), /cell b is running[\s\S]*holdfast cancel b/);
    assert.match(await succeeds(scratch.holdfast("cancel", "b")), /b +cancelled/);
    assert.equal(value("b", "checkpoints", "last.safetensors"), 7);
    await until("a is complete", async () => stateOf(await status(scratch), "a") === "complete");
    assert.deepEqual([value("a", "checkpoints", "starts.safetensors"), attempts(await status(scratch), "a"), stateOf(await status(scratch), "b")], [2, 2, "cancelled"]);

    // What has started is changed by a fresh start only, and keeps what it has.
    writeRoster('{name: a, args: ["other"]}', '{name: b, args: ["two"]}');
    await refused(scratch.up(), /holdfast retry a --fresh/);
    // Also when the queue was started again meanwhile, for another cell's sake.
    await succeeds(scratch.holdfast("retry", "b"));
    await until("b runs", () => value("b", "checkpoints", "starts.safetensors") === 3);
    await succeeds(scratch.holdfast("cancel", "b"));
    assert.match(await succeeds(scratch.holdfast("retry", "a", "--fresh")), /kept as a\.kept-1[\s\S]*waits for that edit/);
    await succeeds(scratch.up());
    await until("a is complete again", async () => stateOf(await status(scratch), "a") === "complete");
    assert.deepEqual([readFileSync(inCell("a", "ran.log"), "utf8"), readFileSync(inCell("a.kept-1", "ran.log"), "utf8")], ["other\n", "one\none\n"]);
    assert.deepEqual([attempts(await status(scratch), "a"), stateOf(await status(scratch), "b")], [1, "cancelled"]);

    // The whole run: nothing goes on by itself, and everything goes on when it is retried.
    await succeeds(scratch.holdfast("retry", "b"));
    await until("b runs", () => value("b", "checkpoints", "starts.safetensors") === 4);
    assert.match(await succeeds(scratch.holdfast("cancel", "quick")), /nothing runs any more/);
    go(scratch, "b");
    await succeeds(scratch.holdfast("retry", "--failed"));
    await until("the roster is complete", async () => (await status(scratch)).closed?.complete.length === 2 && (await status(scratch)).writer === "none");
    assert.equal(value("b", "checkpoints", "starts.safetensors"), 5);
    assert.deepEqual(await atVendor(scratch), made);

    const orders = scratch.custody().entries().flatMap((entry) => (entry.kind === "cells.ordered" ? [entry.data as unknown as { order: string; cells: string[] }] : []));
    assert.deepEqual(orders.map(({ order, cells }) => `${order} ${cells.join(" ")}`), ["retry b", "retry a", "cancel b", "retry b", "cancel b", "fresh a", "retry b", "cancel b", "retry b"]);
    await succeeds(scratch.holdfast("pull"));
    assert.deepEqual(readdirSync(join(scratch.directory, ".holdfast", "pulled", "scratch", "test", "quick", "cells")).sort(), ["a", "a.kept-1", "b"]);
    await succeeds(scratch.holdfast("approve", "--confirm", scratch.custody().view().resources.get("instance")?.name ?? ""));
    await succeeds(scratch.destroy());
    assert.deepEqual(await atVendor(scratch), { instances: [], filesystems: [], keys: [] });
  });
});
