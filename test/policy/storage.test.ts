import assert from "node:assert/strict";
import { test } from "node:test";
import { leftoversHaveAnOwner, ownResourceHasItsLock, storageAttachedAtLaunch, storageInReach, workResumes } from "../../policy/rules";
import { LAMBDA_FILESYSTEM, LAMBDA_INSTANCE, REMOTE_JOB, TEARDOWN_GATE } from "../../policy/subjects";
import { happyInstance, happyRun, judge, judgeStack, nothing, UNKNOWN, type StackEntry } from "./judging";

const alone = (changes: Record<string, unknown>) => ({ type: LAMBDA_INSTANCE, props: happyInstance(changes).props });

test("a candidate in another region than the file system can never be launched", async () => {
  const apart = (region: unknown) => judge(storageInReach, alone({ filesystem: { region: "us-east-1" }, candidates: [{ type: "gpu_1x_a10", region }] }));
  assert.match((await apart("us-west-1")).violations.join(), /candidates\[0\]\.region: us-west-1, and the file system is in us-east-1.*LAM2/s);
  assert.deepEqual(await apart("us-east-1"), nothing);
  assert.deepEqual(await apart(null), nothing);
  assert.match((await judge(storageInReach, alone({ candidates: [{ type: "gpu_1x_a10", region: "us-west-1" }] }))).unknown ?? "", /filesystem\.region/);
});

const run = (attached: readonly string[]): StackEntry[] => [
  { type: LAMBDA_FILESYSTEM, name: "data" },
  { type: LAMBDA_FILESYSTEM, name: "other" },
  { type: LAMBDA_INSTANCE, name: "box", through: { filesystem: attached }, props: { filesystem: { id: UNKNOWN } } },
  { type: REMOTE_JOB, name: "job", through: { tier: ["data"], machine: ["box"] }, props: { tier: UNKNOWN } },
];

test("a file system that the instance is launched without is attached never", async () => {
  assert.deepEqual((await judgeStack(storageAttachedAtLaunch, run(["data"]))).violations, []);
  assert.match((await judgeStack(storageAttachedAtLaunch, run(["other"]))).violations.join(), /job: tier: the job writes to data, which box is launched without.*LAM2/s);
  assert.match((await judgeStack(storageAttachedAtLaunch, run([]))).violations.join(), /attached at launch or never/);
});

test("a second machine is not bought before the gate of the first was asked", async () => {
  const lock = async (type: string, deleteBeforeReplace?: boolean, props: Record<string, unknown> = { holds: { filesystem: "fs" } }) =>
    (await judge(ownResourceHasItsLock, { type, props, options: deleteBeforeReplace === undefined ? {} : { deleteBeforeReplace } })).violations.join("\n");
  for (const type of [LAMBDA_INSTANCE, LAMBDA_FILESYSTEM]) {
    assert.equal(await lock(type, true), "");
    assert.match(await lock(type), /options\.deleteBeforeReplace: it is not set/);
    assert.match(await lock(type, false), /it is false/);
  }
  assert.equal(await lock(LAMBDA_INSTANCE, undefined, { instanceId: "i-1" }), "", "a state does not tell");
  assert.match(await lock(TEARDOWN_GATE, false), /it is false/);
  assert.match(await lock(TEARDOWN_GATE, true, { holds: {} }), /the gate holds nothing/);
  assert.equal(await lock(REMOTE_JOB), "");
});

test("commands that erase or ignore checkpoints fail, their opposites pass, and an allow list names exceptions", async () => {
  const said = async (command: string, config = {}) => (await judge(workResumes, { ...happyRun({ command }), config })).violations.join("\n");
  for (const command of ["python3 t.py --overwrite_output_dir", "python3 t.py --no-resume", "python3 t.py --resume=false", "python3 t.py --from-scratch", 'rm -rf "$HOLDFAST_OUTPUT_DIR" && python3 t.py', "rm -r ${CKPT_DIR}/last; python3 t.py"]) assert.match(await said(command), /work-|starts over|deletes/, command);
  for (const command of ["python3 t.py --overwrite_output_dir=False", "python3 t.py --resume=auto", "python3 t.py --resume true", "rm -rf /tmp/cache && python3 t.py", "python3 t.py --no-resume-info"]) assert.equal(await said(command), "", command);
  assert.equal(await said("python3 t.py --from-scratch", { allow: ["--from-scratch"] }), "");
});

test("a file system outside of a run that stays when its stack goes is nobody's, unless it was there before", async () => {
  const judged = (props: Record<string, unknown>, config = {}) => judge(leftoversHaveAnOwner, { type: LAMBDA_FILESYSTEM, props: { mode: "create", ...props }, config });
  assert.match((await judged({ keep: true })).violations.join(), /^keep: the file system stays when its stack is destroyed.*LAM6.*teardown: \{storage: keep\}/s);
  assert.deepEqual(await judged({ keep: false }), nothing);
  assert.deepEqual(await judged({ keep: true, mode: "existing" }), nothing);
  assert.deepEqual(await judged({ keep: true }, { allow: ["filesystem"] }), nothing);
  assert.match((await judged({ keep: UNKNOWN })).unknown ?? "", /\.keep/);
  const inside = `urn:pulumi:dev::demo::holdfast:index:TrainingRun$${LAMBDA_FILESYSTEM}::x`;
  assert.deepEqual(await judge(leftoversHaveAnOwner, { type: LAMBDA_FILESYSTEM, props: { keep: true }, urn: inside }), nothing);
});
