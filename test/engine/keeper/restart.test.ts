/** What ends a training at night, a reboot, a lost machine, a drought, does not leave it standing still until morning; clocks are told before they strike. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withScene } from "../bypass/scene";
import { until } from "../until";
import { letCellWait, releaseCell } from "../waitingCell";
import { keeperConfig, pass, passAfter, type Passed } from "./passes";
import { Receiver } from "./receiver";

const capacity = { candidates: ["cpu_4x_general"], maxWaitMinutes: 6000, maxLockMinutes: 1, maxAttempts: 20, maxHourlyUsd: 5 };
const kinds = ({ events }: Passed): string[] => events.map(({ kind }) => kind);
/** Hours: what is seen now has been so for longer than an update takes. */
const aWhile = 0.05;

test("the keeper starts a dead queue again, brings back a lost machine and goes on after a drought, and warns of each clock before it strikes", async () => {
  const receiver = await Receiver.start();
  try {
    await withScene({}, async (scene) => {
      letCellWait(scene.scratch);
      keeperConfig(scene, receiver, { restart: true }, { capacity, budget: { maxHours: 4, maxUsd: 100 } });
      await scene.succeeds("pulumi up");
      await scene.cellsWrite("b");
      const artifacts = await scene.artifacts();
      const { filesystems, instances: [first = ""] } = await scene.standing();
      const cell = (): { state: string; attempt: number } => JSON.parse(readFileSync(join(artifacts, "state/cells/b.json"), "utf8")) as { state: string; attempt: number };
      const instance = async (): Promise<string | undefined> => (await scene.standing()).instances[0];

      // The lease of four hours: at three left nothing new, then two hours before, then half an hour before.
      const leases = (passed: Passed): string[] => passed.events.flatMap(({ kind, data }) => (data["clock"] === "lease" ? [kind] : []));
      assert.deepEqual(leases(await pass(scene)), ["clock.warning"], "a day ahead");
      assert.deepEqual(leases(await passAfter(scene, 1)), []);
      assert.deepEqual(leases(await passAfter(scene, 2.5)), ["clock.warning"]);
      const last = await passAfter(scene, 3.75);
      assert.deepEqual(leases(last), ["clock.warning"]);
      assert.match(last.events.find(({ data }) => data["clock"] === "lease")?.title ?? "", /in 1[0-9] min/);
      assert.equal(receiver.kinds().includes("clock.struck"), false);

      await scene.scratch.sandbox(`/instances/${first}/reboot`, { method: "POST", body: {} });
      await until("the queue is dead, and the machine answers again", async () => {
        const { exitCode, output } = await scene.scratch.holdfast("status", "scratch/test/quick", "--json");
        return exitCode === 0 && (JSON.parse(output) as { writer?: string }).writer === "none";
      });
      const rebooted = await passAfter(scene, aWhile);
      assert.deepEqual([rebooted.did, kinds(rebooted)], ["pulumi up", ["queue.dead", "queue.restarted"]], JSON.stringify(rebooted));
      await until("cell b runs again", () => cell().state === "running" && cell().attempt === 2);
      assert.equal(await instance(), first);

      await scene.vendorTerminates(first);
      assert.deepEqual((await pass(scene)).did, "", "an update that replaces it takes a moment");
      const lost = await passAfter(scene, aWhile);
      assert.deepEqual([lost.did, kinds(lost)], ["pulumi up", ["machine.lost", "machine.restarted"]], JSON.stringify(lost));
      const second = await instance();
      assert.ok(second !== undefined && second !== first);
      assert.equal(scene.run.view().lastJobStart?.instance, second);
      assert.equal((await pass(scene)).activity, "training");

      await scene.scratch.sandbox("/knobs", { method: "PATCH", body: { capacity: { cpu_4x_general: [] } } });
      await scene.vendorTerminates(second);
      await pass(scene);
      const dry = await passAfter(scene, aWhile);
      assert.deepEqual([dry.did, kinds(dry)], ["pulumi up; it waits for capacity", ["machine.lost"]], JSON.stringify(dry));
      const waiting = await pass(scene);
      assert.deepEqual([waiting.exitCode, waiting.did, kinds(waiting)], [0, "", ["clock.warning", "capacity.waiting"]], JSON.stringify(waiting));
      await scene.scratch.sandbox("/knobs", { method: "PATCH", body: { capacity: null } });
      const there = await pass(scene);
      assert.deepEqual([there.did, kinds(there)], ["pulumi up", ["capacity.there", "machine.restarted"]], JSON.stringify(there));

      // Somebody added a cell from another checkout; this one does not know of it.
      const job = join(scene.scratch.directory, "job", "job.yaml");
      const here = readFileSync(job, "utf8");
      writeFileSync(job, `${here}  - {name: later, args: ["3"]}\n`);
      await scene.succeeds("pulumi up");
      writeFileSync(job, here);
      assert.equal((await pass(scene)).activity, "training");
      const [third = ""] = (await scene.standing()).instances;
      await scene.vendorTerminates(third);
      await pass(scene);
      const stale = await passAfter(scene, aWhile);
      assert.deepEqual([stale.did, kinds(stale)], ["pulumi up failed", ["machine.lost", "restart.failed"]], JSON.stringify(stale));
      assert.match(stale.events.at(-1)?.message ?? "", /would take out later/);
      assert.deepEqual((await scene.standing()).instances, [], "nothing was launched for an older job");
      assert.ok(scene.run.view().roster.has("later"), "and nobody's cell was taken out");
      writeFileSync(job, `${here}  - {name: later, args: ["3"]}\n`);
      const known = await passAfter(scene, 2 * aWhile);
      assert.deepEqual([known.did, kinds(known)], ["pulumi up", ["machine.restarted"]], JSON.stringify(known));

      releaseCell(artifacts);
      await scene.rosterEnds();
      assert.equal(cell().state, "complete");
      assert.deepEqual((await scene.standing()).filesystems, filesystems, "the storage was nobody's to replace");
      assert.equal(scene.entries().some(({ kind }) => kind === "grant.sealed" || kind === "approval.signed"), false, "nothing was approved, and nothing had to be");
      assert.equal(new Set(receiver.events.map(({ id }) => id)).size, receiver.events.length, "nobody hears of anything twice");
    });
  } finally {
    await receiver.close();
  }
});
