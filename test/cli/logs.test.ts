/** Logs as they grow, over a real sshd whose connections are cut. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../engine/until";
import { withMachine } from "./machine";

test("a log that is followed over a lost connection shows every line once, and ends with its cell", async () => {
  await withMachine(async (project, machine) => {
    machine.cell("a", "running");
    machine.log("a", "old 1", "old 2", "old 3");
    const following = project.start({}, "logs", "a", "-f", "-n", "2");
    await until("the end of what was there", () => following.stdout().includes("old 3"), 30);
    machine.log("a", "new 1");
    await until("a line that was added", () => following.stdout().includes("new 1"), 30);
    await machine.silence();
    machine.log("a", "while nobody saw", "");
    await until("the loss to be told", () => following.stderr().includes("trying again"), 30);
    await machine.answer();
    await until("the lines that were missed", () => following.stdout().includes("while nobody saw"), 60);
    machine.log("a", "last");
    machine.cell("a", "complete");
    const { code, stdout, stderr } = await following.ended;
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "old 2\nold 3\nnew 1\nwhile nobody saw\n\nlast\n");
    assert.match(stderr, /^-- .* does not answer: .*; trying again\n-- connected again\n-- the cell has ended\n$/);
  });
});

test("the queue's log ends with its closing marker, as text and as JSON, and Ctrl-C ends it before", async () => {
  await withMachine(async (project, machine) => {
    machine.log("queue", "cell a attempt 1 starts");
    const interrupted = project.start({}, "logs", "-f");
    await until("the first line", () => interrupted.stdout().includes("starts"), 30);
    interrupted.signal("SIGINT");
    assert.equal((await interrupted.ended).code, 130);

    const following = project.start({}, "logs", "--follow", "--json");
    await until("the first line", () => following.stdout().includes("starts"), 30);
    machine.log("queue", 'closed; every cell is "complete"');
    machine.closeQueue(["a", "b"]);
    const { code, stdout, stderr } = await following.ended;
    assert.equal(code, 0, stderr);
    assert.deepEqual(stdout.trim().split("\n").map((line) => JSON.parse(line) as unknown), [{ line: "cell a attempt 1 starts" }, { line: 'closed; every cell is "complete"' }]);
    const end = await project.holdfast("logs", "-n", "1", "--json");
    const said = JSON.parse(end.stdout) as { run: string; cell: string | null; lines: string[] };
    assert.deepEqual([said.run, said.cell, said.lines], ["lab/dev/digits", null, ['closed; every cell is "complete"']]);
  });
});

test("a single word that is no run is looked for among the cells, and only where one run is meant", async () => {
  await withMachine(async (project, machine) => {
    machine.log("b", "of b");
    assert.equal((await project.holdfast("logs", "b")).stdout, "of b\n");
    machine.log("b.kept-1", "of b before its fresh start");
    assert.equal((await project.holdfast("logs", "b.kept-1")).stdout, "of b before its fresh start\n");
    const unknown = await project.holdfast("logs", "nope");
    assert.equal(unknown.code, 4);
    assert.match(unknown.stderr, /There is no run "nope"/);
    project.declareRun("other");
    const either = await project.holdfast("logs", "b");
    assert.equal(either.code, 4, "two live runs have a cell of this name");
  });
});
