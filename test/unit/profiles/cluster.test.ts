import assert from "node:assert/strict";
import { test } from "node:test";
import { explainProfile, parseStackConfig, profileFor, resolve, tiersLostBy, valueOr, type Plan } from "../../../profiles";
import { codeSha256, jobWith, run, thrownBy } from "./happy";

const kubernetes = profileFor("kubernetes");
const verb = (name: string, on = "instance") => {
  const found = kubernetes.verbs.find((known) => known.verb === name && known.on === on);
  assert.ok(found, `${name} on ${on}`);
  return found;
};
const planned = (config: Record<string, unknown> = {}, job: Record<string, unknown> = {}): Plan =>
  resolve(jobWith(job), kubernetes, { run, config: parseStackConfig({ platform: "kubernetes", job: "job.yaml", budget: { maxHours: 2 }, ...config }, "Pulumi.dev.yaml"), codeSha256 });

test("Kubernetes: every trap of the source is there, with somebody who deals with it", () => {
  assert.deepEqual(kubernetes.gotchas.map((gotcha) => gotcha.id), ["K8S1", "K8S2", "K8S3", "K8S4", "K8S5", "K8S6"]);
});

test("Kubernetes: only a claim outlives its pods", () => {
  for (const event of ["stop", "destroy"] as const) {
    const kept = kubernetes.tiers.filter((tier) => valueOr(tier.survives[event], false)).map((tier) => tier.id);
    assert.deepEqual(kept, ["claim"], event);
  }
  assert.equal(valueOr(kubernetes.tiers.find((tier) => tier.id === "container")?.survives.processExit ?? assert.fail(), true), false);
});

test("Kubernetes: deleting the Job stops no bill of a node, scaling the pool down does", () => {
  const effect = (name: string, on: string): string => {
    const fact = verb(name, on).meters["compute"];
    return fact?.state === "known" ? fact.value.effect : String(fact?.state);
  };
  assert.equal(effect("delete", "instance"), "continues");
  assert.equal(effect("scaleDown", "nodes"), "stops");
});

test("Kubernetes: a claim whose class nobody looked at counts as erased, with its namespace too", () => {
  assert.deepEqual(tiersLostBy(kubernetes, verb("delete", "claim")), ["claim"]);
  assert.ok(tiersLostBy(kubernetes, verb("deleteNamespace", "claim")).includes("claim"));
  assert.equal(verb("deleteNamespace", "claim").use, "trap");
});

test("Kubernetes: deleting a pod is no teardown", () => {
  assert.equal(verb("deletePod").use, "trap");
  assert.match(thrownBy(() => planned({ teardown: { verb: "deletePod" } })), /must be one of delete on kubernetes/);
});

test("Kubernetes: a plan writes to the claim, deletes the Job, and says that the nodes go on", () => {
  const plan = planned({ capacity: { maxHourlyUsd: 3 } });
  assert.deepEqual(plan.durable, { tier: "claim", mountFrom: "/checkpoints", runDirectoryTemplate: "{mount}/holdfast/demo/dev/digits" });
  const [instance, ...others] = plan.teardown.deletions;
  assert.deepEqual(others, []);
  assert.deepEqual([instance?.verb, instance?.tiersLost, instance?.tiersKept], ["delete", ["container", "emptyDir", "memory", "hostPath"], ["claim"]]);
  const compute = instance?.metersAfter.find((after) => after.meter === "compute");
  assert.deepEqual(compute, { meter: "compute", state: "continues", usdPerMonth: 3 * 730 });
  assert.equal(plan.host.detach, "k8sJob");
  assert.ok(plan.clocks.some((clock) => clock.id === "nodesWithoutEnd"));
  assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
});

test("Kubernetes: a claim that goes with the run is named among the losses", () => {
  const plan = planned({ teardown: { storage: "delete" } });
  const claim = plan.teardown.deletions.find((deletion) => deletion.role === "claim");
  assert.deepEqual([claim?.verb, claim?.tiersLost, claim?.irreversible], ["delete", ["claim"], true]);
  assert.deepEqual(planned({ storage: { existing: "team-data" } }).teardown.deletions.map((deletion) => deletion.role), ["instance"]);
  assert.match(thrownBy(() => planned({ storage: { create: { name: "Team_Data" } } })), /storage\.create\.name = "Team_Data": must be 1 to 63 lower-case letters/);
});

test("Kubernetes: a checkpoint path in the command is a guess at the mount and refused", () => {
  assert.match(thrownBy(() => planned({}, { command: "python3 train.py --out /checkpoints/x" })), /job\.command names \/checkpoints/);
});

test("Kubernetes: a grace shorter than one checkpoint is warned about", () => {
  const warnings = (graceSeconds: number): string => planned({ kubernetes: { graceSeconds } }, { checkpoint: { costSeconds: 45 } }).warnings.join("\n");
  assert.match(warnings(30), /kubernetes\.graceSeconds: 30 s is less than the 45 s of one checkpoint.*\(K8S5\)/);
  assert.doesNotMatch(warnings(45), /graceSeconds/);
});

test("Kubernetes: an image by tag, and a grace of nothing, are refused in the config", () => {
  const faults = thrownBy(() => planned({ kubernetes: { image: "registry.example.com/train:latest", graceSeconds: 0, accessMode: "RWO" } }));
  assert.match(faults, /kubernetes\.image = .*: must be an image with its digest/);
  assert.match(faults, /kubernetes\.graceSeconds = 0: must be whole seconds from 1/);
  assert.match(faults, /kubernetes\.accessMode = "RWO": must be one of ReadWriteOncePod/);
});

test("Kubernetes: the retries of a Job are the source code's, and the older figure is kept as a note", () => {
  const limit = kubernetes.limits.find((known) => known.id === "backoffLimit");
  assert.equal(limit === undefined ? null : valueOr(limit.value, null), 6);
  assert.ok(explainProfile(kubernetes).disagreements.some((line) => line.includes("backoffLimit") && line.endsWith("says: 4")));
});
