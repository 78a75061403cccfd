import assert from "node:assert/strict";
import { test } from "node:test";
import { runHasGateAndAudit as rule } from "../../policy/rules";
import { BILLING_AUDIT, LAMBDA_FILESYSTEM, LAMBDA_INSTANCE, REMOTE_JOB, TEARDOWN_GATE } from "../../policy/subjects";
import { judgeStack, nothing, UNKNOWN, type StackEntry } from "./judging";

const binding = { custodyId: "cst_0", project: "demo", stack: "dev", run: "digits" };
const props = { binding };

/** As TrainingRun builds it: everything depends on the audit, the gate on everything. */
const happy = (): StackEntry[] => [
  { type: BILLING_AUDIT, name: "audit", props },
  { type: LAMBDA_FILESYSTEM, name: "filesystem", dependsOn: ["audit"], props },
  { type: LAMBDA_INSTANCE, name: "instance", dependsOn: ["audit", "filesystem"], props: { ...props, ip: UNKNOWN } },
  { type: REMOTE_JOB, name: "job", dependsOn: ["instance", "filesystem"], props },
  { type: TEARDOWN_GATE, name: "gate", dependsOn: ["audit", "filesystem", "instance", "job"], props: { ...props, holds: UNKNOWN } },
];
const changed = (name: string, change: Partial<StackEntry>): StackEntry[] => happy().map((entry) => (entry.name === name ? { ...entry, ...change } : entry));

test("a run as TrainingRun builds it passes, also while its addresses are unknown", async () => {
  assert.deepEqual(await judgeStack(rule, happy()), nothing);
  assert.deepEqual(await judgeStack(rule, [{ type: "aws:s3/bucket:Bucket", name: "other" }]), nothing);
});

test("a gate that depends on the job alone still guards what the job depends on", async () => {
  assert.deepEqual(await judgeStack(rule, changed("gate", { dependsOn: ["job"] })), nothing);
});

test("a resource that no gate depends on could go before anybody is asked", async () => {
  const { violations } = await judgeStack(rule, changed("gate", { dependsOn: ["audit", "filesystem"] }));
  assert.deepEqual(violations.map((line) => line.split("\n")[0]), ["instance: LambdaInstance instance: no teardown gate depends on it.", "job: RemoteJob job: no teardown gate depends on it."]);
});

test("a stack without a gate fails for every resource of the run", async () => {
  const { violations } = await judgeStack(rule, happy().filter((entry) => entry.type !== TEARDOWN_GATE));
  assert.equal(violations.length, 3);
  assert.ok(violations.every((line) => line.includes("its stack has no teardown gate") && line.includes("(LAM1)") && line.includes("TrainingRun")));
});

test("a gate of another run does not count", async () => {
  const { violations } = await judgeStack(rule, changed("gate", { props: { binding: { ...binding, run: "other" } } }));
  assert.equal(violations.length, 3);
  assert.match(violations[0] ?? "", /belongs to another run/);
});

test("a resource that no audit accounts for fails", async () => {
  const { violations } = await judgeStack(rule, happy().filter((entry) => entry.type !== BILLING_AUDIT).map((entry) => ({ ...entry, dependsOn: (entry.dependsOn ?? []).filter((other) => other !== "audit") })));
  assert.equal(violations.length, 3);
  assert.match(violations[0] ?? "", /depends on no billing audit.*\(LAM6\)/s);
});

test("a binding that is not known yet is named, and the rest is judged", async () => {
  const entries = changed("instance", { props: { binding: UNKNOWN } }).filter((entry) => entry.type !== BILLING_AUDIT).map((entry) => ({ ...entry, dependsOn: (entry.dependsOn ?? []).filter((other) => other !== "audit") }));
  const { violations, unknown } = await judgeStack(rule, entries);
  assert.equal(violations.length, 3);
  assert.match(unknown ?? "", /\.binding/);
});
