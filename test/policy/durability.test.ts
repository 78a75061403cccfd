import assert from "node:assert/strict";
import { test } from "node:test";
import { checkpointsSurviveTeardown as rule } from "../../policy/rules";
import { LAMBDA_FILESYSTEM, LAMBDA_RUN, REMOTE_JOB, TRAINING_RUN } from "../../policy/subjects";
import { happyInstance, happyRun, judge, nothing, runWithPlan, UNKNOWN } from "./judging";

const only = async (resource: Parameters<typeof judge>[1]): Promise<string> => {
  const { violations } = await judge(rule, resource);
  assert.equal(violations.length, 1, violations.join("\n"));
  return violations[0] ?? "";
};

test("a run whose checkpoints are on the file system passes, with storage kept or deleted after a pull", async () => {
  assert.deepEqual(await judge(rule, happyRun()), nothing);
  assert.deepEqual(await judge(rule, happyRun({}, { teardown: { storage: "delete" } })), nothing);
  assert.deepEqual(await judge(rule, happyInstance()), nothing);
});

test("checkpoints on the disk that terminate erases fail, with the tier, the gotcha and the remedy", async () => {
  const message = await only(runWithPlan((plan) => Object.assign(plan, { durable: { tier: "local", mountFrom: "/home/ubuntu", runDirectoryTemplate: "{mount}/holdfast/demo/dev/digits" } })));
  assert.equal(
    message,
    `teardown.verb: checkpoints go to instance's own NVMe disk (tier local), and terminate loses it.
  Why: terminate the instance on Lambda Cloud (on-demand) loses instance's own NVMe disk (LAM1).
  Instead: checkpoints on tier filesystem: leave the directory to Holdfast and write to $HOLDFAST_CHECKPOINT_DIR.`,
  );
});

test("a directory that somebody typed fails even when it names the durable tier", async () => {
  assert.match(await only(runWithPlan((plan) => Object.assign(plan["durable"] as object, { runDirectoryTemplate: "/home/ubuntu/runs" }))), /typed, not derived/);
});

test("a shutdown is no teardown", async () => {
  assert.match(await only(runWithPlan((plan) => Object.assign(plan["teardown"] as object, { verb: "shutdown" }))), /^teardown\.verb: "shutdown" .* ends nothing .*\(LAM3\)\.\n {2}Instead: terminate\./s);
});

test("a gate that would be told less than a verb loses fails", async () => {
  const silent = runWithPlan((plan) => {
    for (const deletion of (plan["teardown"] as { deletions: { tiersLost: string[] }[] }).deletions) deletion.tiersLost = [];
  });
  assert.match(await only(silent), /plan\.teardown\.deletions \(instance\): does not name local, which terminate loses/);
  assert.match(await only(happyInstance({ tiersLost: [] })), /^tiersLost: does not name local/);
});

test("the only copy is never verified on storage that goes", async () => {
  const both = runWithPlan((plan) => Object.assign(plan["teardown"] as object, { storage: "delete", require: "verifiedInPlace" }));
  assert.match(await only(both), /^teardown\.require: verifiedInPlace while teardown\.storage is delete/);
});

test("somebody else's file system is never deleted", async () => {
  const taken = { ...happyRun({}, { teardown: { storage: "delete" } }) };
  Object.assign(taken.props, { plan: { ...(taken.props["plan"] as object), storage: { mode: "existing", name: "team", region: null } } });
  assert.match(await only(taken), /storage team is somebody else's/);
});

test("an instance without a file system fails, because none can be attached later", async () => {
  const { filesystem: _, ...props } = happyInstance().props;
  assert.match(await only({ ...happyInstance(), props }), /the instance has no file system.*\(LAM1, LAM2\)/s);
});

test("a plan that cannot be seen is a finding, not a pass", async () => {
  assert.match(await only({ type: TRAINING_RUN, props: { platform: "lambda" } }), /the plan of this run cannot be seen/);
  assert.match(await only({ type: TRAINING_RUN, props: { plan: { v: 2 } } }), /the plan of this run cannot be seen/);
  assert.match(await only({ type: LAMBDA_RUN, props: {} }), /cannot be seen/);
  assert.match(await only(runWithPlan((plan) => Object.assign(plan, { platform: "elsewhere" }))), /there is no profile of "elsewhere"/);
});

test("a run is judged once, at its outermost component", async () => {
  assert.deepEqual(await judge(rule, { type: LAMBDA_RUN, urn: `urn:pulumi:dev::demo::${TRAINING_RUN}$${LAMBDA_RUN}::digits`, props: { platform: "lambda" } }), nothing);
  assert.deepEqual(await judge(rule, { type: REMOTE_JOB, urn: `urn:pulumi:dev::demo::${TRAINING_RUN}$${LAMBDA_RUN}$${REMOTE_JOB}::digits-job`, props: { tier: { mountPoint: UNKNOWN } } }), nothing);
});

test("a lone job that writes to the own disk fails; where that is not known yet, the value is named", async () => {
  const job = (props: Record<string, unknown>) => judge(rule, { type: REMOTE_JOB, props });
  assert.match((await job({ tier: { mountPoint: "/home/ubuntu" } })).violations.join(), /\/home\/ubuntu is not known to be a file system.*LAM1/s);
  assert.match((await job({})).violations.join(), /does not say where its checkpoints go/);
  assert.deepEqual((await job({ tier: { mountPoint: "/lambda/nfs/team" } })).violations, []);
  assert.deepEqual(await job({ tier: { mountPoint: UNKNOWN } }), { violations: [], unknown: "string value at .tier.mountPoint can't be known during preview" });
});

test("an unknown value skips its own check and no other", async () => {
  const half = await judge(rule, happyInstance({ filesystem: undefined, verb: UNKNOWN }));
  assert.match(half.violations.join(), /the instance has no file system/);
  assert.match(half.unknown ?? "", /\.verb/);
});

test("storage that is kept needs no list of losses; storage that goes needs the true one", async () => {
  const filesystem = (props: Record<string, unknown>) => judge(rule, { type: LAMBDA_FILESYSTEM, props });
  assert.deepEqual(await filesystem({ keep: true, verb: "keep", tiersLost: [] }), nothing);
  assert.deepEqual(await filesystem({ keep: false, verb: "delete", tiersLost: ["filesystem"] }), nothing);
  assert.match((await filesystem({ keep: false, verb: "delete", tiersLost: [] })).violations.join(), /does not name filesystem, which delete loses/);
});

test("other people's resources are left alone", async () => {
  assert.deepEqual(await judge(rule, { type: "aws:s3/bucket:Bucket", props: { plan: 3 } }), nothing);
});
