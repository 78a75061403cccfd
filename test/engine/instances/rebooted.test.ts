/** A machine that was rebooted bills and trains nothing: a plain update starts its queue again, and never what a person cancelled. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withScene } from "../bypass/scene";
import { until } from "../until";
import { letCellWait, releaseCell } from "../waitingCell";
import { processesOf } from "./machine";

test("after a reboot a plain up starts the dead queue again from the newest checkpoints, and leaves a cancelled or finished one alone", async () => {
  await withScene({}, async (scene) => {
    letCellWait(scene.scratch);
    await scene.succeeds("pulumi up");
    await scene.cellsWrite("b");
    const artifacts = await scene.artifacts();
    const standing = await scene.standing();
    const cell = (): { state: string; attempt: number } => JSON.parse(readFileSync(join(artifacts, "state/cells/b.json"), "utf8")) as { state: string; attempt: number };
    const epoch = (): number => (JSON.parse(readFileSync(join(artifacts, "lock/writer"), "utf8")) as { epoch: number }).epoch;
    assert.match(await scene.succeeds("pulumi up"), /unchanged/);
    assert.deepEqual([cell().attempt, epoch()], [1, 1], "a queue that lives is left alone");

    const [id = ""] = standing.instances;
    await scene.scratch.sandbox(`/instances/${id}/reboot`, { method: "POST", body: {} });
    await until("the queue is dead, and the machine answers again", async () => {
      const { exitCode, output } = await scene.scratch.holdfast("status", "scratch/test/quick", "--json");
      return exitCode === 0 && (JSON.parse(output) as { writer?: string }).writer === "none";
    });
    const preview = await scene.succeeds("pulumi preview");
    assert.match(preview, /The queue on .* is dead: nothing runs, and b had not ended/);
    assert.match(preview, /RemoteJob +quick-job +update/);
    assert.doesNotMatch(preview, /replace|delete /);
    assert.equal(epoch(), 1, "a preview starts nothing");
    await scene.succeeds("pulumi up");
    await until("cell b runs again", () => cell().state === "running" && cell().attempt === 2);
    assert.deepEqual(await scene.standing(), standing, "nothing was replaced");
    assert.equal(epoch(), 2);

    // A person's wish is not undone by the next update.
    await scene.succeeds("holdfast cancel scratch/test/quick --grace 1");
    assert.match(await scene.succeeds("pulumi up"), /unchanged/);
    assert.deepEqual([cell().state, epoch()], ["cancelled", 2]);
    await scene.succeeds("holdfast retry b");
    releaseCell(artifacts);
    await scene.rosterEnds();
    assert.equal(cell().state, "complete");
    const ended = epoch();
    assert.match(await scene.succeeds("pulumi up"), /unchanged/);
    assert.equal(epoch(), ended, "what has closed is not started again");
    const machine = (await scene.scratch.sandbox<{ id: string; initPid: number }[]>("/instances")).find((instance) => instance.id === id);
    assert.deepEqual(processesOf(machine?.initPid ?? 0).filter(({ command }) => command.includes("run_queue.sh")), []);
  });
});
