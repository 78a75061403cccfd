/** One writer per run: two would tear each other's checkpoints. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { inParallel, lives, startTicksOf, until, underEachShell, type Rig } from "./rig";

const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
const machineId = existsSync("/etc/machine-id") ? readFileSync("/etc/machine-id", "utf8").trim() : "";
const waits = (rig: Rig): string => `echo "$HOLDFAST_ATTEMPT" >>"${rig.root}/starts"; until [ -e "${rig.root}/go" ]; do sleep 0.05; done\n`;
const startCount = (rig: Rig): number => (existsSync(join(rig.root, "starts")) ? readFileSync(join(rig.root, "starts"), "utf8").trim().split("\n").length : 0);

/** The run moves on to another machine, while the old one knows nothing of it. */
function giveAway(rig: Rig): void {
  const epoch = rig.lock().epoch + 1;
  mkdirSync(rig.inRun("lock", "claims", String(epoch)));
  writeFileSync(rig.inRun("lock", "claims", String(epoch), "owner"), `${JSON.stringify({ epoch, host: "new-box" })}\n`);
}

/** A lock as an earlier queue left it. */
function plantLock(rig: Rig, owner: Readonly<Record<string, unknown>>): void {
  mkdirSync(rig.inRun("lock"), { recursive: true });
  const whole = { epoch: 7, host: hostname(), machineId, bootId, pid: 1, startTicks: 1, at: "2026-01-01T00:00:00Z", ...owner };
  writeFileSync(rig.inRun("lock", "writer"), `${JSON.stringify(whole)}\n`);
}

inParallel("lock", () => {
  underEachShell("of two queues started at once, one trains and the other is told why not", async (rig) => {
    rig.writeSpec({ a: { command: waits(rig) } });
    const queues = [rig.queue(), rig.queue(), rig.queue()];
    const first = await Promise.race(queues.map(async (queue) => (await queue.finished).code));
    assert.equal(first, 50);
    await until("one to train", () => startCount(rig) === 1);
    writeFileSync(join(rig.root, "go"), "");
    const codes = (await Promise.all(queues.map((queue) => queue.finished))).map(({ code }) => code).sort();
    assert.deepEqual(codes, [0, 50, 50]);
    assert.equal(startCount(rig), 1);
    assert.match(rig.read("logs", "queue.log"), /refused: (the queue with pid \d+ is writing|another queue took epoch)/);
  });

  underEachShell("a second queue is refused while the first trains, and does not touch its state", async (rig) => {
    rig.writeSpec({ a: { command: waits(rig) } });
    const first = rig.queue();
    await until("the first to train", () => startCount(rig) === 1 && rig.cell("a").pid !== null);
    const state = rig.read("state", "cells", "a.json");
    assert.equal((await rig.queue().finished).code, 50);
    assert.equal(rig.read("state", "cells", "a.json"), state);
    writeFileSync(join(rig.root, "go"), "");
    assert.equal((await first.finished).code, 0);
  });

  underEachShell("a pid that belongs to somebody else by now does not keep the run locked", async (rig) => {
    rig.writeSpec({ a: { command: "exit 0\n" } });
    plantLock(rig, { pid: process.pid, startTicks: startTicksOf(process.pid) - 1 });
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal(rig.lock().epoch, 8);
  });

  underEachShell("the same pid with its own start time is a live writer", async (rig) => {
    rig.writeSpec({ a: { command: "exit 0\n" } });
    plantLock(rig, { pid: process.pid, startTicks: startTicksOf(process.pid) });
    assert.equal((await rig.queue().finished).code, 50);
    assert.equal(rig.cellIfThere("a"), null);
  });

  underEachShell("a lock from before a reboot is taken over", async (rig) => {
    rig.writeSpec({ a: { command: "exit 0\n" } });
    plantLock(rig, { bootId: "0".repeat(36), pid: process.pid, startTicks: startTicksOf(process.pid) });
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal(rig.lock().epoch, 8);
  });

  underEachShell("a run that another machine is writing is not taken over", async (rig) => {
    rig.writeSpec({ a: { command: "exit 0\n" } });
    plantLock(rig, { host: "other-box" });
    mkdirSync(rig.inRun("state"));
    const beat = setInterval(() => { writeFileSync(rig.inRun("state", "heartbeat"), `{"at":"${process.hrtime.bigint()}"}\n`); }, 100);
    try {
      assert.equal((await rig.queue().finished).code, 50);
    } finally {
      clearInterval(beat);
    }
    assert.match(rig.read("logs", "queue.log"), /the queue on other-box is writing/);
  });

  underEachShell("a run whose machine fell silent is taken over with a higher epoch", async (rig) => {
    rig.writeSpec({ a: { command: "exit 0\n" } });
    plantLock(rig, { host: "lost-box" });
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal(rig.lock().epoch, 8);
  });

  underEachShell("a machine that comes back after its run was given away stops writing", async (rig) => {
    rig.writeSpec({ a: { command: `trap 'exit 0' TERM; ${waits(rig)}` } });
    const old = rig.queue();
    const payload = await until("the old queue to train", () => startCount(rig) === 1 && rig.cell("a").pid);
    giveAway(rig);
    // What the new machine writes about the cell from now on is its own.
    writeFileSync(rig.inRun("state", "cells", "a.json"), '{"cell":"a","state":"running","attempt":2}\n');
    assert.equal((await old.finished).code, 50);
    assert.equal(lives(payload), false);
    assert.deepEqual(rig.cell("a"), { cell: "a", state: "running", attempt: 2 });
    assert.equal(rig.closed(), null);
  });

  underEachShell("a machine that comes back gets no time to save: its checkpoint would land among those of the machine that trains now", async (rig) => {
    rig.writeSpec({ a: { command: `trap 'echo late >"$HOLDFAST_CHECKPOINT_DIR/step-late"; exit 0' TERM; ${waits(rig)}` } });
    const old = rig.queue();
    const payload = await until("the old queue to train", () => startCount(rig) === 1 && rig.cell("a").pid);
    giveAway(rig);
    writeFileSync(rig.inRun("state", "current"), "a\n");
    assert.equal((await old.finished).code, 50);
    assert.equal(lives(payload), false);
    assert.deepEqual(readdirSync(rig.inRun("cells", "a", "checkpoints")), []);
    assert.equal(rig.read("state", "current"), "a\n", "what says where the new machine is stays");
  });

  underEachShell("a machine that comes back in its setup ends that, and fails none of the cells that another trains", async (rig) => {
    rig.writeSpec({ a: { command: "exit 0\n" } });
    writeFileSync(join(rig.spec, "setup"), `touch "${rig.root}/starts"; sleep 1000; exit 3\n`);
    const old = rig.queue();
    await until("its setup to run", () => existsSync(join(rig.root, "starts")));
    giveAway(rig);
    const now = '{"cell":"a","state":"running","attempt":1}\n';
    writeFileSync(rig.inRun("state", "cells", "a.json"), now);
    assert.equal((await old.finished).code, 50);
    assert.equal(rig.read("state", "cells", "a.json"), now);
    assert.deepEqual(rig.jobProcesses(), []);
  });

  underEachShell("a machine that comes back between two attempts takes no order that another machine is given", async (rig) => {
    rig.breakGpu();
    rig.writeSpec({ a: { command: "kill -9 $$\n" } }, { limits: { retry_backoff_seconds: 3000 } });
    const old = rig.queue();
    await until("it to wait for its next attempt", () => rig.readIfThere("logs", "queue.log")?.includes("tried again in"));
    giveAway(rig);
    mkdirSync(rig.inRun("state", "orders"), { recursive: true });
    writeFileSync(rig.inRun("state", "orders", "a.json"), '{"order":"cancel","at":"2026-01-01T00:00:00Z","graceSeconds":60}\n');
    assert.equal((await old.finished).code, 50);
    assert.ok(existsSync(rig.inRun("state", "orders", "a.json")));
    assert.equal(rig.cell("a").state, "failed", "as its attempt ended");
  });

  underEachShell("a wrapper of an old epoch starts nothing", async (rig) => {
    rig.writeSpec({ a: { command: waits(rig) } });
    plantLock(rig, { epoch: 7 });
    const { code } = await rig.run("run_one.sh", [rig.runDirectory, rig.spec, rig.code, "a", "6", "1"]);
    assert.equal(code, 50);
    assert.equal(startCount(rig), 0);
    assert.equal(rig.cellIfThere("a"), null);
  });

  underEachShell("a lock that cannot be read is not a free lock", async (rig) => {
    rig.writeSpec({ a: { command: waits(rig) } });
    mkdirSync(rig.inRun("lock"), { recursive: true });
    writeFileSync(rig.inRun("lock", "writer"), "torn");
    assert.equal((await rig.queue().finished).code, 50);
    assert.equal(startCount(rig), 0);
  });

  underEachShell("epochs only grow, also after a queue ended by itself", async (rig) => {
    rig.writeSpec({ a: { command: "exit 0\n" } });
    for (const epoch of [1, 2, 3]) {
      assert.equal((await rig.queue().finished).code, 0);
      assert.equal(rig.lock().epoch, epoch);
      assert.equal(typeof rig.lock().releasedAt, "string");
    }
    assert.deepEqual(readdirSync(rig.inRun("lock", "claims")), ["3"]);
  });

  underEachShell("a claim whose owner died before publishing it does not block the run", async (rig) => {
    rig.writeSpec({ a: { command: "exit 0\n" } });
    plantLock(rig, { epoch: 1 });
    mkdirSync(rig.inRun("lock", "claims", "2"), { recursive: true });
    writeFileSync(rig.inRun("lock", "claims", "2", "owner"), `${JSON.stringify({ epoch: 2, host: hostname(), machineId, bootId, pid: 1, startTicks: 1 })}\n`);
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal(rig.lock().epoch, 3);
  });
});
