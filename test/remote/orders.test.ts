/** Orders for single cells: a retry goes on where the cell was, a fresh start keeps what there was, a cancel saves first. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inParallel, kill, lives, until, underEachShell, type Rig } from "./rig";

/** Adds one to its checkpoint at each start, and fails until the test says otherwise. */
const resumes = (rig: Rig): string => `n=$(cat "$HOLDFAST_CHECKPOINT_DIR/step" 2>/dev/null || echo 0); echo $((n + 1)) >"$HOLDFAST_CHECKPOINT_DIR/step"
[ -e "${rig.root}/mended" ] || exit 3
`;
/** Saves on TERM, as a trainer does. */
const trainer = (rig: Rig): string => `trap 'echo saved >"$HOLDFAST_CHECKPOINT_DIR/last"; exit 143' TERM
echo $$ >"${rig.root}/ready-$HOLDFAST_CELL-$HOLDFAST_ATTEMPT"
until [ -e "${rig.root}/go-$HOLDFAST_CELL" ]; do sleep 0.05; done
`;
const go = (rig: Rig, ...cells: string[]): void => {
  for (const cell of cells) writeFileSync(join(rig.root, `go-${cell}`), "");
};
const ready = (rig: Rig, cell: string, attempt = 1): Promise<unknown> =>
  until(`cell ${cell} to run`, () => existsSync(join(rig.root, `ready-${cell}-${attempt}`)) && rig.cellIfThere(cell)?.pid !== null);

interface Answer {
  readonly how: string;
  readonly cells: { cell: string; outcome: string }[];
}
async function order(rig: Rig, what: string, ...cells: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await rig.run("order.sh", [rig.runDirectory, rig.spec, what, "20", ...cells]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Answer;
}
const outcomes = ({ cells }: Answer): string[] => cells.map(({ outcome }) => outcome);

inParallel("orders", () => {
  underEachShell("a retry while the queue runs goes on from the checkpoint, and runs nothing else again", async (rig) => {
    rig.writeSpec({ a: { command: resumes(rig) }, done: { command: 'echo x >>"$HOLDFAST_OUTPUT_DIR/runs"\n' }, b: { command: trainer(rig) } });
    const queue = rig.queue();
    await ready(rig, "b");
    assert.equal(rig.cell("a").state, "failed");
    writeFileSync(join(rig.root, "mended"), "");
    assert.deepEqual(await order(rig, "retry", "a"), { how: "handed", cells: [{ cell: "a", outcome: "handed to the queue" }] });
    await until("the order to be taken", () => readdirSync(rig.inRun("state", "orders")).length === 0);
    assert.equal(rig.cell("a").state, "pending");
    go(rig, "b");
    assert.equal((await queue.finished).code, 0);
    assert.deepEqual([rig.cell("a").attempt, rig.read("cells", "a", "checkpoints", "step"), rig.read("cells", "done", "runs")], [2, "2\n", "x\n"]);
  });

  underEachShell("a retry after the queue has closed opens the run again, and the next queue runs what was ordered", async (rig) => {
    rig.writeSpec({ a: { command: resumes(rig) }, done: { command: 'echo x >>"$HOLDFAST_OUTPUT_DIR/runs"\n' } });
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual(rig.closed()?.failed, ["a"]);
    writeFileSync(join(rig.root, "mended"), "");
    assert.deepEqual(outcomes(await order(rig, "retry", "a", "done")), ["is done", "not done: the cell is complete"]);
    assert.equal(rig.closed(), null, "an open cell under a closing marker would look like the end of the run");
    assert.equal(typeof rig.lock().releasedAt, "string");
    assert.equal((await rig.queue().finished).code, 0);
    assert.deepEqual([rig.cell("a").attempt, rig.read("cells", "a", "checkpoints", "step"), rig.read("cells", "done", "runs")], [2, "2\n", "x\n"]);
  });

  underEachShell("a fresh start keeps folder, log and state of what there was, and all of it stays in the manifest", async (rig) => {
    rig.writeSpec({ a: { command: `echo said\n${resumes(rig)}` } });
    mkdirSync(join(rig.ownDisk, "scratch", "run1", "a"), { recursive: true });
    for (const n of [1, 2]) {
      assert.equal((await rig.queue().finished).code, 10);
      writeFileSync(join(rig.ownDisk, "scratch", "run1", "a", "left"), "");
      assert.deepEqual(outcomes(await order(rig, "fresh", "a")), [`kept as a.kept-${n}`]);
      assert.deepEqual([rig.cell("a").state, rig.cell("a").attempt, existsSync(rig.inRun("cells", "a"))], ["pending", 0, false]);
      assert.equal(existsSync(join(rig.ownDisk, "scratch", "run1", "a")), false);
    }
    writeFileSync(join(rig.root, "mended"), "");
    assert.equal((await rig.queue().finished).code, 0);
    // Also what is complete can be started over.
    assert.deepEqual(outcomes(await order(rig, "fresh", "a")), ["kept as a.kept-3"]);
    assert.equal((await rig.queue().finished).code, 0);
    assert.deepEqual([rig.cell("a").attempt, rig.read("cells", "a", "checkpoints", "step")], [1, "1\n"]);
    const manifest = (await rig.run("manifest.sh", [rig.runDirectory])).stdout;
    for (const n of [1, 2, 3]) {
      assert.match(manifest, new RegExp(` cells/a\\.kept-${n}/checkpoints/step\n`));
      assert.match(manifest, new RegExp(` logs/a\\.kept-${n}\\.log\n`));
    }
    const { cells } = await rig.status();
    assert.deepEqual(cells.map(({ cell, state }) => [cell, state]), [["a", "complete"], ["a.kept-1", "kept"], ["a.kept-2", "kept"], ["a.kept-3", "kept"]]);
  });

  underEachShell("a cancelled cell saves first, costs none of the cells behind it, and stays cancelled until it is retried", async (rig) => {
    rig.writeSpec({ a: { command: trainer(rig) }, b: { command: "exit 0\n" } });
    const queue = rig.queue();
    await ready(rig, "a");
    assert.equal((await order(rig, "cancel", "a")).how, "handed");
    assert.equal((await queue.finished).code, 10);
    assert.equal(rig.read("cells", "a", "checkpoints", "last"), "saved\n");
    assert.deepEqual([rig.cell("a").state, rig.cell("a").cause, rig.cell("b").state], ["cancelled", "request", "complete"]);
    assert.deepEqual(readdirSync(rig.inRun("state", "orders")), []);
    assert.equal((await rig.queue().finished).code, 10);
    assert.equal(rig.cell("a").attempt, 1);
    go(rig, "a");
    await order(rig, "retry", "a");
    assert.equal((await rig.queue().finished).code, 0);
    assert.deepEqual([rig.cell("a").state, rig.cell("a").attempt], ["complete", 2]);
  });

  underEachShell("a cell that waits is cancelled before it starts, whether a queue lives or not", async (rig) => {
    rig.writeSpec({ a: { command: trainer(rig) }, b: { command: "exit 0\n" }, c: { command: "exit 0\n" } });
    const queue = rig.queue();
    await ready(rig, "a");
    await order(rig, "cancel", "b");
    await until("b is cancelled", () => rig.cell("b").state === "cancelled");
    kill(queue.pid, "SIGTERM");
    assert.equal((await queue.finished).code, 60);
    assert.deepEqual(outcomes(await order(rig, "cancel", "c", "b")), ["is done", "not done: the cell is cancelled"]);
    assert.deepEqual([rig.cell("c").state, rig.cell("c").cause, rig.cell("c").attempt], ["cancelled", "request", 0]);
    go(rig, "a");
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual(["a", "b", "c"].map((name) => rig.cell(name).state), ["complete", "cancelled", "cancelled"]);
  });

  underEachShell("a cell that waits for its next attempt can be cancelled", async (rig) => {
    rig.breakGpu();
    rig.writeSpec({ a: { command: "kill -9 $$\n" } }, { limits: { retry_backoff_seconds: 3000 } });
    const queue = rig.queue();
    await until("the wait before the second attempt", () => rig.readIfThere("logs", "queue.log")?.includes("same configuration"));
    await order(rig, "cancel", "a");
    assert.equal((await queue.finished).code, 10);
    assert.deepEqual([rig.cell("a").state, rig.cell("a").cause, rig.cell("a").attempt], ["cancelled", "request", 1]);
  });

  underEachShell("a cancelled run saves first, and no later queue goes on with it by itself", async (rig) => {
    rig.writeSpec({ done: { command: "exit 0\n" }, a: { command: trainer(rig) }, b: { command: "exit 0\n" } });
    const queue = rig.queue();
    await ready(rig, "a");
    assert.equal((await rig.run("stop.sh", [rig.runDirectory, "", "20", "cancel"])).code, 0);
    assert.equal((await queue.finished).code, 60);
    assert.equal(rig.read("cells", "a", "checkpoints", "last"), "saved\n");
    const states = ["done", "a", "b"].map((name) => `${rig.cell(name).state} ${rig.cell(name).cause ?? ""}`);
    assert.deepEqual(states, ["complete ", "cancelled request", "cancelled request"]);
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual([rig.cell("a").attempt, rig.cell("b").attempt], [1, 0]);
    go(rig, "a");
    await order(rig, "retry", "a", "b");
    assert.equal((await rig.queue().finished).code, 0);
  });

  underEachShell("a cell set aside for an edit does not start again as it was", async (rig) => {
    rig.writeSpec({ a: { command: "echo old >\"$HOLDFAST_OUTPUT_DIR/out\"; exit 1\n", sha256: "a".repeat(64) }, b: { command: trainer(rig) } });
    const queue = rig.queue();
    await ready(rig, "b");
    await order(rig, "aside", "a");
    await until("a is set aside", () => rig.cell("a").cause === "edit");
    const edited = join(rig.ownDisk, "spec-000000000002");
    rig.writeSpec({ a: { command: "echo new >\"$HOLDFAST_OUTPUT_DIR/out\"\n", sha256: "d".repeat(64) }, b: { command: trainer(rig) } }, { into: edited });
    rig.next(edited);
    await until("the edit to be taken up", () => rig.cell("a").cause === null);
    go(rig, "b");
    assert.equal((await queue.finished).code, 0);
    assert.deepEqual([rig.read("cells", "a", "out"), rig.read("cells", "a.kept-1", "out")], ["new\n", "old\n"]);
  });

  underEachShell("without the edit it waits, and the run is not closed over it", async (rig) => {
    rig.writeSpec({ a: { command: "echo old >\"$HOLDFAST_OUTPUT_DIR/out\"; exit 1\n" } });
    assert.equal((await rig.queue().finished).code, 10);
    await order(rig, "aside", "a");
    assert.equal((await rig.queue().finished).code, 10);
    assert.deepEqual([rig.closed(), rig.cell("a").state, rig.cell("a").attempt], [null, "pending", 0]);
    await order(rig, "retry", "a");
    assert.equal((await rig.queue().finished).code, 10);
    assert.equal(rig.cell("a").attempt, 1);
  });

  underEachShell("no order moves a folder under the payload of a queue that was killed", async (rig) => {
    rig.writeSpec({ a: { command: trainer(rig) } });
    const queue = rig.queue();
    await ready(rig, "a");
    const { pid } = rig.cell("a");
    kill(-queue.pid);
    await queue.finished;
    assert.equal(lives(pid ?? 0), true);
    const { code, stderr } = await rig.run("order.sh", [rig.runDirectory, rig.spec, "fresh", "20", "a"]);
    assert.equal(code, 50);
    assert.match(stderr, /of a queue that was killed still work/);
    for (const words of [["x", "20", "a"], ["retry", "soon", "a"], ["retry", "20", "../a"], ["retry", "20"]]) {
      assert.equal((await rig.run("order.sh", [rig.runDirectory, rig.spec, ...words])).code, 40, words.join(" "));
    }
  });
});
