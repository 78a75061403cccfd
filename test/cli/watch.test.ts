/** The full-screen view in a real terminal, on machines that are reached through a real sshd. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../engine/until";
import { TestMachine, withMachine } from "./machine";
import { program, type TestProject } from "./project";
import { TmuxScreen } from "./tmux";

const command = (...args: readonly string[]): string => [process.execPath, program, ...args].join(" ");

async function onScreen(project: TestProject, line: string, size: { columns: number; rows: number }, body: (screen: TmuxScreen) => Promise<void>, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const screen = await TmuxScreen.open(line, { ...size, cwd: project.root, env: project.environment({ TZ: "UTC", PS1: "$ ", ...env }) });
  try {
    await body(screen);
  } finally {
    await screen.close();
  }
}

function trains(machine: TestMachine): void {
  machine.heartbeat();
  machine.cell("a", "running");
  machine.cell("b", "pending");
  machine.checkpoint("a", 40);
  machine.metrics("a", { step: 38, train_loss: 0.6 }, { step: 41, train_loss: 0.51234 });
  machine.log("a", "epoch 1", "epoch 2");
}

test("in 80 columns a person sees cells, steps, ages, machine, cost and clocks, and leaves the terminal as it was", async () => {
  await withMachine(async (project, machine) => {
    trains(machine);
    await onScreen(project, `echo before; ${command("watch", "--every", "1")}; stty -a | grep -o '[-]*icanon'; echo after`, { columns: 80, rows: 24 }, async (screen) => {
      const first = await screen.shows("0.5123");
      assert.match(first, /^holdfast watch {2}1 run live, \$0\.50\/h, \$0\.\d+ so far +\d\d:\d\d:\d\d$/m);
      assert.match(first, /^ {2}lab\/dev\/digits +training +0\/2 +\d+ s +\$0\.50 +\$0\.\d+/m);
      assert.match(first, /^> a +running +41 +0\.5123 +\d+ s +1 min \d+ s/m);
      assert.match(first, /^ {2}b +pending/m);
      assert.match(first, /^clocks +\d\d:\d\d lease ends \(in 2 h\)|^clocks +tomorrow/m);
      assert.match(first, /^disk .* free, [\d,]+ inodes free$/m);
      assert.match(first, /^memory +1\.6 GB of 25\.3 GB \(6 %\) used$/m);
      assert.match(first, /^machine +lab-digits at .*@127\.0\.0\.1:\d+, heartbeat \d+ s old/m);
      assert.deepEqual(await screen.state(), { alternate: true, cursor: false });
      assert.doesNotMatch(first, /before/);

      machine.cell("a", "failed", { exit: 1, cause: "train", endedAt: new Date().toISOString() });
      machine.cell("b", "running", { attempt: 2 });
      await screen.shows(/^ {2}b +running \(attempt 2\)/m);
      assert.match(await screen.text(), /^> a +failed: train /m);

      // What it failed of, and what a person does about it.
      machine.cell("a", "failed", { exit: 137, class: "outOfHostMemory", certainty: "measured", evidence: ["the cgroup counted 1 kill for memory"], endedAt: new Date().toISOString() });
      const why = await screen.shows(/^a failed: outOfHostMemory, measured: main memory ran out$/m);
      assert.match(why, /^ {4}the cgroup counted 1 kill for memory$/m);
      assert.match(why, /^ {2}next: fewer data loader workers/m);
      assert.match(why, /^ {2}next: holdfast retry a \(goes on from its newest checkpoint\)$/m);
      await screen.press("j");
      assert.doesNotMatch(await screen.shows(/^> b/m), /next: /, "it is said of the chosen cell");

      await screen.press("q");
      const left = await screen.shows(/^after$/m);
      assert.match(left, /before/, "what stood on the screen is back");
      assert.match(left, /^icanon$/m, "the shell reads lines again");
      assert.deepEqual(await screen.state(), { alternate: false, cursor: true });
    });
  });
});

test("several runs, keys, a cell's log and other sizes of the terminal", async () => {
  await withMachine(async (project, machine) => {
    trains(machine);
    const other = await TestMachine.start(project, "other");
    try {
      other.cell("a", "complete");
      other.cell("b", "running");
      other.log("b", ...Array.from({ length: 60 }, (_, index) => `line ${index + 1} of b`), `${"long ".repeat(30)}end`);
      await onScreen(project, command("watch", "--every", "1"), { columns: 80, rows: 24 }, async (screen) => {
        await screen.shows(/^> lab\/dev\/digits +training[^]*^ {2}lab\/dev\/other +training/m);
        await screen.press("Right");
        await screen.shows(/^> lab\/dev\/other[^]*^> a +complete/m);
        await screen.press("j", "j", "j");
        await screen.shows(/^> b +running/m);
        await screen.press("l");
        const log = await screen.shows("log of b  following");
        assert.match(log, /^line 60 of b\nlong .*\n.*end$/m, "a long line is wrapped, not cut");
        await screen.press("g");
        await screen.shows(/lines above the end\nline 1 of b\n/);
        other.log("b", "newest");
        await screen.press("G");
        await screen.shows(/following[^]*\nnewest\n/);
        await screen.press("Escape");
        await screen.shows(/^> b +running/m);
        await screen.press("?");
        await screen.shows("choose a cell; scroll in a log");
        await screen.press("?");

        await screen.resize(120, 40);
        await screen.shows(/lease ends$/m);
        assert.equal((await screen.lines()).length, 40);
        await screen.resize(44, 10);
        // The chosen cell stays in sight however small it gets.
        await screen.shows(/^holdfast watch[^]*^> b +running[^]*^q quit/m);
        assert.equal((await screen.lines()).length, 10);
        await screen.press("C-c");
        await until("the shell to be back", async () => !(await screen.state()).alternate, 20);
      });
    } finally {
      await other.close();
    }
  });
});

test("a machine that falls silent keeps its picture, with since when, and comes back by itself", async () => {
  await withMachine(async (project, machine) => {
    trains(machine);
    await onScreen(project, command("watch", "--every", "1"), { columns: 100, rows: 30 }, async (screen) => {
      await screen.shows("0.5123");
      await machine.silence();
      const silent = await screen.shows(/^silent +no answer since \d\d:\d\d:\d\d \(\d+ s\); what is shown is from \d\d:\d\d:\d\d, \d+ s ago\./m);
      assert.match(silent, /^ {2}lab\/dev\/digits +silent/m);
      assert.match(silent, /^> a +running +41 +0\.5123/m, "what it said last is still there");
      machine.metrics("a", { step: 99, train_loss: 0.25 });
      await machine.answer();
      const back = await screen.shows(/^> a +running +99 +0\.25/m);
      assert.doesNotMatch(back, /no answer since/);
    });
  });
});

test("a picture that changes is not cleared first, and what has not changed is not sent again", async () => {
  await withMachine(async (project, machine) => {
    trains(machine);
    await onScreen(project, command("watch", "--every", "1"), { columns: 80, rows: 24 }, async (screen) => {
      await screen.shows("0.5123");
      // What tmux records comes a little after what it shows: once the second picture is recorded, all of the first one is.
      const records = async (text: string): Promise<void> => until(`${text} to be recorded`, () => screen.written().includes(text), 40).then(() => undefined);
      machine.metrics("a", { step: 42, train_loss: 0.4567 });
      await records("0.4567");
      const before = screen.written().length;
      machine.metrics("a", { step: 43, train_loss: 0.4321 });
      await records("0.4321");
      const since = screen.written().slice(before);
      assert.doesNotMatch(since, /\u001b\[[23]?J/, "no clearing of the screen");
      assert.doesNotMatch(since, /pending|q quit/, "lines that say the same are left alone");
      assert.match(since, /0\.4321/);
    });
  });
});

for (const [how, end] of [
  ["a signal", (pid: number) => { process.kill(pid, "SIGTERM"); }],
  ["a fault of its own", (pid: number) => { process.kill(pid, "SIGUSR2"); }],
] as const) {
  test(`after ${how} the terminal is as it was, and the reason is readable`, async () => {
    await withMachine(async (project, machine) => {
      trains(machine);
      const pidFile = join(project.root, "pid");
      const hook = project.write("hook.cjs", `require("node:fs").writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); process.on("SIGUSR2", () => { throw new Error("made to fail"); });`);
      await onScreen(project, `echo before; ${process.execPath} --require ${hook} ${program} watch; echo "ended with $?"; stty -a | grep -o '[-]*icanon'`, { columns: 80, rows: 24 }, async (screen) => {
        await screen.shows("0.5123");
        end(Number(readFileSync(pidFile, "utf8")));
        const left = await screen.shows(/^icanon$/m);
        assert.match(left, /before/);
        assert.match(left, how === "a signal" ? /ended with 143/ : /holdfast failed: made to fail[^]*ended with 1$/m);
        assert.deepEqual(await screen.state(), { alternate: false, cursor: true });
      });
    });
  });
}

test("in a pipe there is a line for each change, it ends when the queue has closed, and JSON is one object a line", async () => {
  await withMachine(async (project, machine) => {
    trains(machine);
    const text = project.start({ env: { TZ: "UTC" } }, "watch", "--every", "1");
    const json = project.start({}, "watch", "digits", "--every", "1", "--json");
    await until("the first lines", () => text.stdout().includes("\n") && json.stdout().includes("\n"), 30);
    assert.match(text.stdout(), /^\d\d:\d\d:\d\d lab\/dev\/digits training; 0\/2 cells complete; a running, step 41, train_loss 0\.5123, checkpoint \d+ s old; \$0\.\d+ so far$/m);
    machine.cell("a", "complete");
    machine.cell("b", "failed", { exit: 1, cause: "train" });
    machine.closeQueue(["a"], ["b"]);
    const [said, lines] = [await text.ended, await json.ended];
    assert.deepEqual([said.code, lines.code], [0, 0], said.stderr + lines.stderr);
    assert.match(said.stdout, /lab\/dev\/digits finished; 1\/2 cells complete; b failed: train/);
    const last = JSON.parse(lines.stdout.trim().split("\n").at(-1) ?? "") as { run: string; activity: string; cells: { cell: string; state: string; metrics: { step: number } | null }[] };
    assert.deepEqual([last.run, last.activity, last.cells.map(({ cell, state, metrics }) => [cell, state, metrics?.step])], ["lab/dev/digits", "finished", [["a", "complete", 41], ["b", "failed", undefined]]]);
  });
});

test("with nothing live there is nothing to watch, and other commands do not pay for the view", async () => {
  await withMachine(async (project, machine) => {
    const listed = await project.loadedModules("ls");
    assert.equal(listed.code, 0, listed.stderr);
    assert.deepEqual(listed.loaded.filter((path) => /node_modules\/(ink|react|yoga-layout)\//.test(path)), []);
    project.endRun(machine.run);
    const none = await project.holdfast("watch");
    assert.equal(none.code, 4);
    assert.match(none.stderr, /No run is live\.\n {2}next: holdfast ls/);
    assert.equal((await project.holdfast("watch", "--every", "0")).code, 2);
  });
});
