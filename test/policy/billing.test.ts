import assert from "node:assert/strict";
import { test } from "node:test";
import { budgetOrLeaseSet as rule } from "../../policy/rules";
import { happyInstance, happyRun, judge, nothing, runWithPlan } from "./judging";

const violations = async (resource: Parameters<typeof judge>[1]): Promise<string> => (await judge(rule, resource)).violations.join("\n");

test("a lease, a budget or a short disposable life is bound enough", async () => {
  assert.deepEqual(await judge(rule, happyRun()), nothing);
  assert.deepEqual(await judge(rule, happyRun({}, { budget: { maxHours: 2 } })), nothing);
  assert.deepEqual(await judge(rule, happyRun({}, { budget: { maxUsd: 5 } })), nothing);
  assert.deepEqual(await judge(rule, happyRun({}, { budget: {}, disposable: true })), nothing);
});

test("a run that nothing bounds fails with the platform's own reason", async () => {
  assert.match(
    await violations(happyRun({}, { budget: {} })),
    /^budget: nothing says how long this run may take.*\n {2}Why: Nothing ends an instance by itself.*\(LAM3, LAM6\)\.\n {2}Instead: budget: \{maxHours: 12\}/,
  );
});

test("disposable is for trials: a long life without a receipt fails", async () => {
  assert.match(await violations(happyRun({}, { disposable: { maxHours: 48 } })), /^disposable\.maxHours: 48 h is more than 2 h/);
  assert.equal(await violations({ ...happyRun({}, { disposable: { maxHours: 48 } }), config: { disposableMaxHours: 72 } }), "");
});

test("an organisation's limits are part of the pack's config", async () => {
  assert.match(await violations({ ...happyRun(), config: { maxHours: 1 } }), /^budget\.maxHours: 2 is more than the limit of 1/);
  assert.match(await violations({ ...happyRun(), config: { maxUsd: 1 } }), /^budget\.maxUsd: 10 is more than the limit of 1/);
});

test("nulls that the engine drops do not count as a budget", async () => {
  assert.match(await violations(runWithPlan((plan) => Object.assign(plan, { budget: {}, disposable: undefined }))), /nothing says how long/);
});

test("an instance outside of a run is bounded by nobody", async () => {
  assert.match(await violations({ ...happyInstance(), urn: "urn:pulumi:dev::demo::pulumi-nodejs:dynamic/holdfast:LambdaInstance::alone" }), /outside of a TrainingRun has neither lease nor budget.*LAM3/s);
  assert.equal(await violations(happyInstance()), "");
});
