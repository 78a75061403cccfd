/** First updates that failed at each resource, disposable runs, and ordinary days: each on a stack of its own. */
import assert from "node:assert/strict";
import type { Row } from "../row";
import type { Scene } from "../scene";
import { nothingStands, withScene } from "../scene";
import { inHours, rewriteLedger } from "../forge";

const capacity = { candidates: ["cpu_4x_general"], maxWaitMinutes: 1, maxAttempts: 2, maxHourlyUsd: 1 };

/** `up` fails under these knobs; then the faults are over and a destroy leaves nothing. */
async function failedFirstUp(scene: Scene, knobs: Readonly<Record<string, unknown>>, healthy: Readonly<Record<string, unknown>>): Promise<void> {
  await scene.scratch.sandbox("/knobs", { method: "PATCH", body: knobs });
  const up = await scene.type("pulumi up");
  assert.notEqual(up.exitCode, 0, up.output);
  await scene.scratch.sandbox("/knobs", { method: "PATCH", body: healthy });
  await scene.succeeds("pulumi destroy");
  assert.deepEqual(await scene.standing(), nothingStands, up.output);
  assert.deepEqual((await scene.scratch.resources()).filter(({ type }) => type.includes("holdfast:")), []);
}

export const beginnings: readonly Row[] = [
  {
    kind: "followed", id: "failed-at-each-resource", when: "the first `up` failed at the key, the file system, the launch, the boot or the preflight: there may be things that bill, and no gate", typed: ["pulumi destroy"],
    by: [], stands: "nothing: no job was ever started, so nothing is at risk and nothing is asked", ledger: "grant (nothing-at-risk) where a resource that holds data was made, the deletions, the closed audit",
    follow: () => withScene({ config: { capacity } }, async (scene) => {
      await failedFirstUp(scene, { fail5xx: [{ method: "POST", path: "/api/v1/ssh-keys", count: 1000, status: 500 }] }, { fail5xx: [] });
      await failedFirstUp(scene, { quota: { filesystems: 0 } }, { quota: { filesystems: 24 } });
      await failedFirstUp(scene, { listedButRefused: ["cpu_4x_general"] }, { listedButRefused: 0 });
      await failedFirstUp(scene, { unhealthyOnBoot: 1000 }, { unhealthyOnBoot: 0 });
      scene.editJob((job) => job.replace("resources: {gpu: none, cpus: 1, memoryGiB: 1}", "resources: {gpu: none, cpus: 1, memoryGiB: 1, diskGiB: 1000000}"));
      await failedFirstUp(scene, {}, {});
      assert.equal(scene.run.view().auditClosed?.billing, 0);
      assert.equal(scene.run.view().jobEverStarted, false);
    }),
  },
  {
    kind: "followed", id: "disposable", when: "the run was declared disposable when it was created", typed: ["pulumi destroy", "holdfast approve --confirm NAME", "pulumi destroy"],
    by: ["gate"], stands: "everything until its name was typed, then nothing; once older than its lifetime it is asked for like any other", ledger: "refused: no-receipt, no-approval; then approval, grant (disposable), deletions, audit",
    follow: () => withScene({ config: { disposable: { maxHours: 1 } } }, async (scene) => {
      await scene.succeeds("pulumi up");
      await scene.rosterEnds();
      await scene.refuses("pulumi destroy", ["no-approval", "no-receipt"]);
      // Two hours pass: everything that was written down is two hours older.
      const moved = (hours: number): void => { rewriteLedger(scene.run, (entry) => ({ ...entry, at: new Date(Date.parse(entry.at) + hours * 3_600_000).toISOString() })); };
      moved(-2);
      assert.ok(Date.parse(scene.entries()[0]?.at ?? "") < Date.parse(inHours(-1)));
      const approve = await scene.type("holdfast approve --confirm NAME");
      assert.equal(approve.exitCode, 3, approve.output);
      await scene.refuses("pulumi destroy", ["no-approval", "no-receipt"]);
      moved(2);
      await scene.succeeds("holdfast approve --confirm NAME");
      await scene.succeeds("pulumi destroy");
      assert.deepEqual(await scene.standing(), nothingStands);
      assertGrant(scene, "disposable");
    }),
  },
];

export const ordinary: readonly Row[] = [
  {
    kind: "followed", id: "ordinary-days", when: "a wrong learning rate, a crashed cell, a change of type, a machine that went away: no break-glass", typed: ["pulumi up", "holdfast approve --replace instance --confirm NAME", "holdfast approve --partial c --reason 'it diverged' --confirm NAME", "pulumi destroy"],
    by: ["provider lock", "gate"], stands: "one instance and one file system throughout, nothing at the end", ledger: "refused: no-approval (replacement); refused: cells-unfinished; two approvals, two grants, deletions, audit; no break-glass",
    follow: () => withScene({}, ordinaryDays),
  },
  {
    kind: "followed", id: "retry-crashed-cell", when: "a cell crashed before it could save anything, and is tried again", typed: ["pulumi destroy", "holdfast retry b", "holdfast pull", "holdfast approve --confirm NAME", "pulumi destroy"],
    by: ["gate"], stands: "everything until the cell was tried again and its artifacts were pulled and approved; the same instance throughout", ledger: "refused: cells-unfinished, no-receipt, no-approval; the order, then receipt, approval, grant, deletions, audit; no break-glass",
    follow: () => withScene({}, crashedCellTriedAgain),
  },
  {
    kind: "followed", id: "two-runs", when: "two runs in one stack, one allowed and one not, destroyed by component", typed: ["pulumi destroy --target COMPONENT --target-dependents"],
    by: ["gate"], stands: "the run that was not allowed, whole; then nothing", ledger: "each run has its own: refused: no-receipt, no-approval in one; approval, grant, deletions, audit in the other",
    follow: () => withScene({ program: twoRuns }, twoRunsInOneStack),
  },
];

/** The basis of the last grant. */
export function assertGrant(scene: Scene, basis: string, name = "quick"): void {
  const sealed = scene.scratch.custody(name).entries().filter((entry) => entry.kind === "grant.sealed");
  const grant = (sealed.at(-1)?.data as { grant?: { basis: string } } | undefined)?.grant;
  assert.equal(grant?.basis, basis);
}

async function ordinaryDays(scene: Scene): Promise<void> {
  const crash = "test \"$HOLDFAST_CELL\" != c || exit 1; python3 train.py";
  scene.editJob((job) => job.replace("command: python3 train.py", `command: ${JSON.stringify(crash)}`));
  await scene.succeeds("pulumi up");
  await scene.rosterEnds();
  const first = await scene.standing();

  // The wrong learning rate: a cell that ran keeps its configuration, the right one gets a name of its own.
  const wrong = scene.editJob((job) => job.replace('{name: b, args: ["3"]}', '{name: b, args: ["4"]}'));
  const edited = await scene.type("pulumi up");
  assert.notEqual(edited.exitCode, 0);
  assert.match(edited.output, /cell b: changed after it had started/);
  await wrong();
  scene.editJob((job) => `${job}  - {name: b-4, args: ["4"]}\n  - {name: c, args: ["3"]}\n`);
  await scene.succeeds("pulumi up");
  await scene.rosterEnds(["a", "b", "b-4", "c"]);
  assert.deepEqual(await scene.standing(), first);

  // A change of type: a confirmation is enough, since the file system stays.
  scene.config({ capacity: { candidates: ["gpu_1x_a10"], maxWaitMinutes: 10, maxAttempts: 5, maxHourlyUsd: 5 } });
  await scene.refuses("pulumi up", ["no-approval"]);
  await scene.succeeds("holdfast approve --replace instance --confirm NAME");
  await scene.succeeds("pulumi up");
  await scene.rosterEnds(["a", "b", "b-4", "c"]);
  const second = await scene.standing();
  assert.equal(second.instances.length, 1);
  assert.notDeepEqual(second.instances, first.instances);
  assert.deepEqual(second.filesystems, first.filesystems);

  // The machine goes away: refresh sees it, the next update brings another, the artifacts are where they were.
  await scene.scratch.sandbox(`/instances/${second.instances[0]}/poweroff`, { method: "POST", body: {} });
  await scene.vendorTerminates(second.instances[0] ?? "");
  await scene.succeeds("pulumi refresh");
  await scene.succeeds("pulumi up");
  await scene.rosterEnds(["a", "b", "b-4", "c"]);
  const third = await scene.standing();
  assert.equal(third.instances.length, 1);
  assert.deepEqual(third.filesystems, first.filesystems);

  // The crashed cell is given up by name.
  await scene.succeeds("holdfast pull");
  const approve = await scene.type("holdfast approve --confirm NAME");
  assert.equal(approve.exitCode, 3, approve.output);
  assert.match(approve.output, /Cell c of scratch\/test\/quick failed/);
  assert.match(approve.output, /next: holdfast approve scratch\/test\/quick --partial c --reason/);
  await scene.succeeds("holdfast approve --partial c --reason 'it diverged' --confirm NAME");
  await scene.succeeds("pulumi destroy");
  assert.deepEqual(await scene.standing(), nothingStands);
  assert.equal(scene.entries().some((entry) => entry.kind === "breakglass.signed"), false);
  assertGrant(scene, "receipt-and-approval");
}

async function crashedCellTriedAgain(scene: Scene): Promise<void> {
  const crash = 'if [ "$HOLDFAST_CELL" = b ] && ! [ -e "$HOLDFAST_OUTPUT_DIR/crashed-once.txt" ]; then touch "$HOLDFAST_OUTPUT_DIR/crashed-once.txt"; exit 1; fi; python3 train.py';
  scene.editJob((job) => job.replace("command: python3 train.py", `command: ${JSON.stringify(crash)}`));
  await scene.succeeds("pulumi up");
  await scene.rosterEnds();
  const first = await scene.standing();
  await scene.refuses("pulumi destroy", ["cells-unfinished", "no-approval", "no-receipt"]);
  await scene.succeeds("holdfast retry b");
  await scene.cellsWrite("b");
  await scene.rosterEnds();
  await scene.succeeds("holdfast pull");
  assert.match(await scene.succeeds("holdfast status"), /b +complete/);
  await scene.succeeds("holdfast approve --confirm NAME");
  assert.deepEqual(await scene.standing(), first);
  await scene.succeeds("pulumi destroy");
  assert.deepEqual(await scene.standing(), nothingStands);
  assert.equal(scene.entries().some((entry) => entry.kind === "breakglass.signed"), false);
  assertGrant(scene, "receipt-and-approval");
}

const twoRuns = `const { TrainingRun } = require("holdfast");
const args = { platform: "lambda", job: "job/job.yaml", storage: { create: {} }, teardown: { verb: "terminate", storage: "delete" }, capacity: { candidates: ["cpu_4x_general"], maxHourlyUsd: 1 }, budget: { maxHours: 2, maxUsd: 2 }, lambda: { endpoint: "sandbox", image: { family: "lambda-stack-24-04" } } };
new TrainingRun("quick", { ...args, otherRuns: ["second"] });
new TrainingRun("second", { ...args, otherRuns: ["quick"] });
`;

async function twoRunsInOneStack(scene: Scene): Promise<void> {
  await scene.succeeds("pulumi up");
  await scene.rosterEnds(["a", "b"], "quick");
  await scene.rosterEnds(["a", "b"], "second");
  const both = await scene.standing();
  assert.deepEqual([both.instances.length, both.filesystems.length, both.keys.length], [2, 2, 2]);
  const second = scene.scratch.custody("second");
  const idsOfSecond = second.view().live.map(({ id }) => id);
  await scene.succeeds("holdfast pull scratch/test/quick");
  await scene.succeeds("holdfast approve scratch/test/quick --confirm NAME");

  const component = async (name: string): Promise<string> => (await scene.scratch.resources()).find(({ urn }) => urn.endsWith(`holdfast:index:TrainingRun::${name}`))?.urn ?? "";
  const refused = await scene.type(`pulumi destroy --target ${await component("second")} --target-dependents`);
  assert.notEqual(refused.exitCode, 0, refused.output);
  assert.match(refused.output, /Refused: the end of run scratch\/test\/second/);
  assert.deepEqual(await scene.standing(), both);
  await scene.succeeds(`pulumi destroy --target ${await component("quick")} --target-dependents`);
  const left = await scene.standing();
  for (const list of [left.instances, left.filesystems, left.keys]) {
    assert.equal(list.length, 1);
    assert.ok(idsOfSecond.includes(list[0] ?? ""), "what is left is the second run's");
  }
  await scene.succeeds("holdfast pull scratch/test/second");
  const name = second.view().resources.get("instance")?.name ?? "";
  await scene.succeeds(`holdfast approve scratch/test/second --confirm ${name}`);
  await scene.succeeds("pulumi destroy");
  assert.deepEqual(await scene.standing(), nothingStands);
}
