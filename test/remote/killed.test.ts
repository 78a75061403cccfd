/** Killed payloads, wrappers and queues: training resumes, and never twice at once. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inParallel, kill, lives, until, underEachShell, type Rig } from "./rig";

/** A payload that says who it is and trains until told to go. */
const waits = (rig: Rig): string => `echo "$$" >>"${rig.root}/starts"; until [ -e "${rig.root}/go" ]; do sleep 0.05; done\n`;
const starts = (rig: Rig): number[] => (existsSync(join(rig.root, "starts")) ? readFileSync(join(rig.root, "starts"), "utf8").trim().split("\n").map(Number) : []);
const go = (rig: Rig): void => { writeFileSync(join(rig.root, "go"), ""); };
const runningPid = (rig: Rig, cell: string): number | null => {
  const state = rig.cellIfThere(cell);
  return state?.state === "running" ? state.pid : null;
};

inParallel("killed", () => {
  underEachShell("a payload that its hardware killed resumes with the same configuration", async (rig) => {
    rig.breakGpu();
    rig.writeSpec({ a: { command: waits(rig), sha256: "c".repeat(64) } });
    const queue = rig.queue();
    const first = await until("the first attempt", () => runningPid(rig, "a"));
    await until("the payload to run", () => starts(rig).length === 1);
    kill(-first);
    const second = await until("the second attempt", () => starts(rig)[1] ?? null);
    assert.notEqual(second, first);
    assert.equal(lives(first), false);
    go(rig);
    assert.equal((await queue.finished).code, 0);
    assert.deepEqual([rig.cell("a").state, rig.cell("a").attempt, rig.cell("a").exit, rig.cell("a").configSha256], ["complete", 2, 0, "c".repeat(64)]);
    assert.match(rig.read("logs", "queue.log"), /attempt 1: failed \(killed\), exit 137; hardware \(probable\)/);
  });

  underEachShell("a payload that is killed again and again does not bill for ever", async (rig) => {
    rig.breakGpu();
    rig.writeSpec({ a: { command: `echo x >>"${rig.root}/starts"; kill -9 $$\n` }, b: { command: "exit 0\n" } }, { limits: { max_retries: 1 } });
    assert.equal((await rig.queue().finished).code, 10);
    assert.equal(starts(rig).length, 2);
    assert.deepEqual([rig.cell("a").state, rig.cell("a").cause, rig.cell("a").exit, rig.cell("a").attempt, rig.cell("a").retries], ["failed", "killed", 137, 2, 1]);
    assert.deepEqual(rig.closed(), { ...rig.closed(), complete: ["b"], failed: ["a"] });
  });

  underEachShell("the wait between attempts grows and is written down", async (rig) => {
    rig.breakGpu();
    rig.writeSpec({ a: { command: "kill -9 $$\n" } }, { limits: { max_retries: 3, retry_backoff_seconds: 40 } });
    // The wait itself is stubbed; what is asked of it is what counts.
    rig.stub("sleep", `case $1 in 2) echo "$1" >>"${rig.root}/waits" ;; *) exec /bin/sleep "$1" ;; esac`);
    assert.equal((await rig.queue().finished).code, 10);
    assert.equal(readFileSync(join(rig.root, "waits"), "utf8"), "2\n".repeat((40 + 80 + 160) / 2));
    assert.deepEqual(rig.read("logs", "queue.log").match(/tried again in \d+ s, same configuration \(. of 3/g), [[40, 1], [80, 2], [160, 3]].map(([s, n]) => `tried again in ${s} s, same configuration (${n} of 3`));
  });

  underEachShell("workers that outlive their killed leader do not write beside the next attempt", async (rig) => {
    rig.breakGpu();
    // The second worker left the process group and the session.
    rig.writeSpec({
      a: {
        command: `if [ "$HOLDFAST_ATTEMPT" = 1 ]; then
  sleep 1000 & echo $! >"${rig.root}/in-group"
  setsid sleep 1000 & echo $! >"${rig.root}/escaped"
  kill -9 $$
fi
for worker in in-group escaped; do
  # A zombie that nobody has reaped yet writes nothing.
  ! grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$(cat "${rig.root}/$worker")/status" 2>/dev/null || echo "$worker" >>"${rig.root}/beside"
done
`,
      },
    });
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal(existsSync(join(rig.root, "beside")), false);
    assert.equal(rig.cell("a").attempt, 2);
  });

  underEachShell("a background process left by a finished cell does not keep writing", async (rig) => {
    rig.writeSpec({ a: { command: `sleep 1000 & echo $! >"${rig.root}/left"\n` } });
    assert.equal((await rig.queue().finished).code, 0);
    assert.equal(lives(Number(readFileSync(join(rig.root, "left"), "utf8"))), false);
    assert.equal(rig.cell("a").state, "complete");
  });

  underEachShell("a queue killed in mid-cell is resumed by the next one, after its payload has ended", async (rig) => {
    rig.writeSpec({ done: { command: "exit 0\n" }, a: { command: waits(rig) } });
    const first = rig.queue();
    const orphan = await until("the payload to run", () => starts(rig)[0] ?? null);
    kill(first.pid);
    await first.finished;
    assert.equal(rig.cell("a").state, "running");
    const second = rig.queue();
    await until("the second attempt", () => starts(rig).length === 2);
    assert.equal(lives(orphan), false);
    go(rig);
    assert.equal((await second.finished).code, 0);
    assert.deepEqual([rig.cell("a").state, rig.cell("a").attempt, rig.cell("done").attempt], ["complete", 2, 1]);
    assert.deepEqual([rig.lock().epoch, rig.closed()?.epoch], [2, 2]);
  });

  underEachShell("a wrapper killed under the queue costs an attempt, not the cell, and leaves no second payload", async (rig) => {
    rig.writeSpec({ a: { command: waits(rig) } });
    const queue = rig.queue();
    const orphan = await until("the payload to run", () => starts(rig)[0] ?? null);
    kill(await until("the wrapper's pid", () => rig.cell("a").pid !== null && rig.cell("a").wrapperPid));
    await until("the second attempt", () => starts(rig).length === 2);
    assert.equal(lives(orphan), false);
    go(rig);
    assert.equal((await queue.finished).code, 0);
    assert.equal(rig.cell("a").state, "complete");
  });

  underEachShell("the heartbeat does not outlive its queue", async (rig) => {
    rig.writeSpec({ a: { command: waits(rig) } });
    const queue = rig.queue();
    await until("a beat that names the cell", () => rig.readIfThere("state", "heartbeat")?.includes('"cell":"a"'));
    const beat = JSON.parse(rig.read("state", "heartbeat")) as Record<string, unknown>;
    assert.equal(beat["pid"], queue.pid);
    assert.equal(beat["epoch"], 1);
    for (const key of ["bytesFree", "memoryBytes", "memoryLimitBytes", "uptimeSeconds"]) assert.ok(Number(beat[key]) > 0, key);
    const heartbeats = childrenRunning(queue.pid, "heartbeat.sh");
    assert.equal(heartbeats.length, 1);
    kill(queue.pid);
    await until("the heartbeat to end", () => heartbeats.every((pid) => !lives(pid)));
  });

  underEachShell("a heartbeat that was killed is started again", async (rig) => {
    rig.writeSpec({ a: { command: waits(rig) } });
    const queue = rig.queue();
    const [first] = await until("the heartbeat", () => nonEmpty(childrenRunning(queue.pid, "heartbeat.sh")));
    kill(first ?? 0);
    await until("another heartbeat", () => childrenRunning(queue.pid, "heartbeat.sh").some((pid) => pid !== first && lives(pid)));
    go(rig);
    assert.equal((await queue.finished).code, 0);
  });
});

const nonEmpty = <T>(list: T[]): T[] | null => (list.length > 0 ? list : null);

function childrenRunning(parent: number, script: string): number[] {
  const children = (readIfThere(`/proc/${parent}/task/${parent}/children`) ?? "").trim().split(" ").filter((text) => text !== "").map(Number);
  return children.filter((pid) => (readIfThere(`/proc/${pid}/cmdline`) ?? "").includes(script));
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
