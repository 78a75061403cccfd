/** Stopping: the last checkpoint is written, nothing goes on writing or billing, and nothing claims to be complete. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inParallel, kill, lives, projectRoot, until, underEachShell, type Rig } from "./rig";

/** Writes a checkpoint on TERM, as a trainer does; starts/ready tell the test that the trap is set. */
const trainer = (rig: Rig): string => `trap 'echo last >"$HOLDFAST_CHECKPOINT_DIR/last"; exit 143' TERM
echo $$ >"${rig.root}/ready"
while :; do sleep 0.05; done
`;
const stubborn = (rig: Rig): string => `trap '' TERM
echo $$ >"${rig.root}/ready"
while :; do sleep 0.05; done
`;
const ready = (rig: Rig): Promise<number> =>
  until("the payload to run", () => existsSync(join(rig.root, "ready")) && Number(readFileSync(join(rig.root, "ready"), "utf8")) > 0 && rig.cell("a").pid !== null && Number(readFileSync(join(rig.root, "ready"), "utf8")));
const hasTmux = spawnSync("tmux", ["-V"]).status === 0;

inParallel("stop", () => {
  underEachShell("TERM to the queue lets the payload write its last checkpoint and leaves no closing marker", async (rig) => {
    rig.writeSpec({ a: { command: trainer(rig) }, b: { command: "exit 0\n" } });
    const queue = rig.queue();
    const payload = await ready(rig);
    kill(queue.pid, "SIGTERM");
    assert.equal((await queue.finished).code, 60);
    assert.equal(lives(payload), false);
    assert.equal(rig.read("cells", "a", "checkpoints", "last"), "last\n");
    assert.deepEqual([rig.cell("a").state, rig.cell("a").exit, rig.cell("a").cause], ["cancelled", 143, null]);
    assert.equal(rig.cell("b").state, "pending");
    assert.equal(rig.closed(), null);
    assert.equal(typeof rig.lock().releasedAt, "string");
  });

  underEachShell("a stopped run can be started again and resumes", async (rig) => {
    rig.writeSpec({ a: { command: `[ ! -e "$HOLDFAST_CHECKPOINT_DIR/last" ] || exit 0\n${trainer(rig)}` } });
    const queue = rig.queue();
    await ready(rig);
    kill(queue.pid, "SIGTERM");
    await queue.finished;
    assert.equal((await rig.queue().finished).code, 0);
    assert.deepEqual([rig.cell("a").state, rig.cell("a").attempt], ["complete", 2]);
  });

  underEachShell("stop ends a payload that ignores TERM, within its grace", async (rig) => {
    rig.writeSpec({ a: { command: stubborn(rig) } }, { limits: { stop_grace_seconds: 3600 } });
    const queue = rig.queue();
    const payload = await ready(rig);
    const { code, stdout } = await rig.run("stop.sh", [rig.runDirectory, "", "1"]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /no writer lives/);
    assert.deepEqual([lives(payload), lives(queue.pid)], [false, false]);
    assert.deepEqual([rig.cell("a").state, rig.cell("a").exit], ["cancelled", 137]);
    assert.equal(rig.closed(), null);
    assert.equal(existsSync(rig.inRun("state", "stop.json")), false);
  });

  underEachShell("stop gives a slow last checkpoint its time", async (rig) => {
    rig.writeSpec({ a: { command: `trap 'sleep 2; echo last >"$HOLDFAST_CHECKPOINT_DIR/last"; exit 0' TERM\necho $$ >"${rig.root}/ready"\nwhile :; do sleep 0.05; done\n` } }, { limits: { stop_grace_seconds: 0 } });
    rig.queue();
    await ready(rig);
    assert.equal((await rig.run("stop.sh", [rig.runDirectory, "", "30"])).code, 0);
    assert.equal(rig.read("cells", "a", "checkpoints", "last"), "last\n");
    assert.equal(rig.cell("a").state, "cancelled");
  });

  underEachShell("a trainer whose shell dies of the signal still gets the time for its checkpoint", async (rig) => {
    // Without exec the shell stays in front of the trainer, and TERM goes to both.
    const inner = join(rig.code, "trainer.sh");
    writeFileSync(inner, trainer(rig).replace("echo last", "sleep 1; echo last"));
    rig.writeSpec({ a: { command: `sh "${inner}"\n:\n` } });
    rig.queue();
    await ready(rig);
    assert.equal((await rig.run("stop.sh", [rig.runDirectory, "", "30"])).code, 0);
    assert.equal(rig.read("cells", "a", "checkpoints", "last"), "last\n");
    assert.equal(rig.cell("a").state, "cancelled");
  });

  underEachShell("one cell can be cancelled without losing the cells behind it", async (rig) => {
    rig.writeSpec({ a: { command: trainer(rig) }, b: { command: "exit 0\n" } });
    const queue = rig.queue();
    await ready(rig);
    kill(rig.cell("a").wrapperPid ?? 0, "SIGTERM");
    assert.equal((await queue.finished).code, 10);
    assert.equal(rig.read("cells", "a", "checkpoints", "last"), "last\n");
    assert.deepEqual([rig.cell("a").state, rig.cell("b").state], ["cancelled", "complete"]);
    assert.deepEqual(rig.closed()?.failed, ["a"]);
  });

  underEachShell("stop ends the payload of a queue that was killed", async (rig) => {
    rig.writeSpec({ a: { command: trainer(rig) } });
    const queue = rig.queue();
    const payload = await ready(rig);
    kill(queue.pid);
    await queue.finished;
    assert.equal((await rig.run("stop.sh", [rig.runDirectory, "", "20"])).code, 0);
    assert.equal(lives(payload), false);
    assert.equal(rig.read("cells", "a", "checkpoints", "last"), "last\n");
    assert.equal(rig.cell("a").state, "cancelled");
  });

  underEachShell("stop ends a payload whose queue and wrapper were both killed, and marks its cell", async (rig) => {
    rig.writeSpec({ a: { command: stubborn(rig) } });
    const queue = rig.queue();
    const payload = await ready(rig);
    kill(-queue.pid);
    await queue.finished;
    assert.equal(lives(payload), true);
    assert.equal((await rig.run("stop.sh", [rig.runDirectory, "", "0"])).code, 0);
    assert.equal(lives(payload), false);
    assert.equal(rig.cell("a").state, "cancelled");
    assert.notEqual(rig.cell("a").endedAt, null);
  });

  underEachShell("stop during setup and between attempts ends the queue too", async (rig) => {
    rig.writeSpec({ a: { command: "exit 0\n" } });
    writeFileSync(join(rig.spec, "setup"), `echo $$ >"${rig.root}/setup-runs"; while :; do sleep 0.05; done\n`);
    const inSetup = rig.queue();
    await until("setup to run", () => existsSync(join(rig.root, "setup-runs")));
    assert.equal((await rig.run("stop.sh", [rig.runDirectory, "", "20"])).code, 0);
    assert.equal((await inSetup.finished).code, 60);
    assert.equal(rig.cell("a").state, "pending");

    writeFileSync(join(rig.spec, "setup"), "exit 0\n");
    rig.breakGpu();
    rig.writeSpec({ a: { command: "kill -9 $$\n" } }, { limits: { retry_backoff_seconds: 300 } });
    const waiting = rig.queue();
    await until("the wait before the second attempt", () => rig.read("logs", "queue.log").includes("same configuration"));
    assert.equal((await rig.run("stop.sh", [rig.runDirectory, "", "20"])).code, 0);
    assert.equal((await waiting.finished).code, 60);
  });

  underEachShell("stop of a run that never ran or has ended says that no writer lives", async (rig) => {
    mkdirSync(rig.runDirectory, { recursive: true });
    assert.equal((await rig.run("stop.sh", [rig.runDirectory, ""])).code, 0);
    rig.writeSpec({ a: { command: "exit 0\n" } });
    await rig.queue().finished;
    const closed = rig.read("state", "closed.json");
    assert.equal((await rig.run("stop.sh", [rig.runDirectory, ""])).code, 0);
    assert.equal(rig.read("state", "closed.json"), closed);
    assert.equal(rig.cell("a").state, "complete");
  });

  underEachShell("stop does not claim to have ended a writer on another machine", async (rig) => {
    mkdirSync(rig.inRun("lock"), { recursive: true });
    mkdirSync(rig.inRun("state", "cells"), { recursive: true });
    writeFileSync(rig.inRun("lock", "writer"), '{"epoch":3,"host":"other-box","pid":1,"startTicks":1}\n');
    writeFileSync(rig.inRun("state", "cells", "a.json"), '{"cell":"a","state":"running","attempt":1}\n');
    assert.equal((await rig.run("stop.sh", [rig.runDirectory, ""])).code, 50);
    assert.equal(rig.cell("a").state, "running");
    assert.equal((await rig.run("stop.sh", [rig.runDirectory, "", "soon"])).code, 40);
  });

  underEachShell("a hang-up of the terminal does not end the training", async (rig) => {
    rig.writeSpec({ a: { command: trainer(rig).replace("while :", `until [ -e "${rig.root}/go" ]`) } });
    const queue = rig.queue();
    const payload = await ready(rig);
    kill(-queue.pid, "SIGHUP");
    writeFileSync(join(rig.root, "go"), "");
    assert.equal((await queue.finished).code, 0);
    assert.equal(lives(payload), false);
    assert.equal(rig.cell("a").attempt, 1);
  });

  underEachShell("stop closes the session and status knows it meanwhile", async (rig, t) => {
    if (!hasTmux) {
      t.skip("tmux is not installed");
      return;
    }
    const session = "holdfast-proj-dev-run1";
    rig.writeSpec({ a: { command: trainer(rig) } });
    // The session would stay open after the queue: the shell of a person who looked in.
    const script = [rig.shell, join(projectRoot, "remote", "run_queue.sh"), rig.runDirectory, rig.spec, rig.code].map((word) => `'${word}'`).join(" ");
    await rig.launch("tmux", ["-f", "/dev/null", "new-session", "-d", "-s", session, `${script}; exec sleep 1000`]).finished;
    try {
      await ready(rig);
      assert.equal((JSON.parse((await rig.run("status.sh", [rig.runDirectory])).stdout) as { session: string | null }).session, session);
      assert.equal((await rig.run("stop.sh", [rig.runDirectory, session, "20"])).code, 0);
      const { session: after, writer } = JSON.parse((await rig.run("status.sh", [rig.runDirectory])).stdout) as { session: string | null; writer: string };
      assert.deepEqual([after, writer], [null, "none"]);
    } finally {
      await rig.launch("tmux", ["kill-server"]).finished;
    }
  });
});
