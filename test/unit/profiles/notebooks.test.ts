import assert from "node:assert/strict";
import { test } from "node:test";
import { explainProfile, parseStackConfig, profileFor, resolve, tiersLostBy, valueOr, type Plan } from "../../../profiles";
import type { Profile } from "../../../profiles";
import { codeSha256, jobWith, run, thrownBy } from "./happy";

const colab = profileFor("colab");
const kaggle = profileFor("kaggle");
const verbOf = (profile: Profile, name: string, on = "instance") => {
  const found = profile.verbs.find((known) => known.verb === name && known.on === on);
  assert.ok(found, `${name} on ${on} of ${profile.id}`);
  return found;
};
const effect = (profile: Profile, name: string, on: string, meter: string): string => {
  const fact = verbOf(profile, name, on).meters[meter];
  return fact?.state === "known" ? fact.value.effect : String(fact?.state);
};
const clock = (profile: Profile, id: string): number | null => {
  const found = profile.clocks.find((known) => known.id === id);
  assert.ok(found, id);
  return valueOr(found.defaultSeconds, null);
};
const planned = (profile: Profile, config: Record<string, unknown> = {}): Plan =>
  resolve(jobWith({ checkpoint: {} }), profile, { run, config: parseStackConfig({ platform: profile.id, job: "job.yaml", budget: { maxHours: 2 }, ...config }, "Pulumi.dev.yaml"), codeSha256 });

test("notebooks: the five traps are there, each on the platforms that have it", () => {
  const ids = (profile: Profile): string[] => profile.gotchas.map((gotcha) => gotcha.id);
  assert.deepEqual(ids(colab), ["NB1", "NB4", "NB5"]);
  assert.deepEqual(ids(kaggle), ["NB2", "NB3", "NB4", "NB5"]);
  const statements = new Map<string, string>();
  for (const gotcha of [...colab.gotchas, ...kaggle.gotchas]) {
    assert.equal(statements.get(gotcha.id) ?? gotcha.statement, gotcha.statement);
    statements.set(gotcha.id, gotcha.statement);
  }
});

test("Colab: the runtime's disk never holds the checkpoints, and there is no stop that would keep it", () => {
  const plan = planned(colab);
  assert.deepEqual([plan.durable.tier, plan.durable.mountFrom, plan.ownDisk.tier], ["drive", "/content/drive/MyDrive", "content"]);
  assert.deepEqual(tiersLostBy(colab, verbOf(colab, "stop")), ["content"]);
  assert.deepEqual(planned(colab).teardown.deletions.map((deletion) => [deletion.role, deletion.verb]), [["instance", "stop"]]);
});

test("Colab: a closed tab is no teardown: what it loses is lost, what it spends may go on", () => {
  assert.equal(verbOf(colab, "closeTab").use, "trap");
  assert.deepEqual(tiersLostBy(colab, verbOf(colab, "closeTab")), ["content"]);
  assert.equal(effect(colab, "closeTab", "instance", "compute"), "continues");
  assert.match(thrownBy(() => planned(colab, { teardown: { verb: "closeTab" } })), /must be one of stop on colab/);
});

test("Colab: the official command line is a channel, and the older claim that there is none is kept", () => {
  assert.ok(colab.channels.some((channel) => channel.id === "cli" && channel.kind === "cli"));
  assert.ok(explainProfile(colab).disagreements.some((line) => line.includes("no command line")));
});

test("Kaggle: the output is kept by a session that ends by itself, and by nothing else", () => {
  const plan = planned(kaggle);
  assert.deepEqual([plan.durable.tier, plan.durable.mountFrom], ["working", "/kaggle/working"]);
  assert.deepEqual(plan.teardown.deletions.map((deletion) => [deletion.role, deletion.verb, deletion.tiersLost]), [["instance", "finish", ["temp"]]]);
  assert.deepEqual(tiersLostBy(kaggle, verbOf(kaggle, "delete", "kernel")), ["temp", "working"]);
  assert.deepEqual(plan.clocks.find((known) => known.id === "sessionCap")?.tiersLost, ["temp", "working"]);
});

test("Kaggle: a user cannot cancel, and a second push stops nothing; only deleting the notebook does", () => {
  for (const trap of ["cancel", "pushAgain"]) {
    assert.equal(verbOf(kaggle, trap).use, "trap");
    assert.equal(effect(kaggle, trap, "instance", "compute"), "continues");
    assert.match(thrownBy(() => planned(kaggle, { teardown: { verb: trap } })), /must be one of finish on kaggle/);
  }
  assert.equal(effect(kaggle, "delete", "kernel", "compute"), "stops");
  const plan = planned(kaggle, { teardown: { storage: "delete" } });
  assert.deepEqual(plan.teardown.deletions.map((deletion) => [deletion.role, deletion.tiersLost.includes("working")]), [["instance", false], ["kernel", true]]);
});

test("Kaggle: the safe session is nine hours, and the longer reading is kept as a note", () => {
  assert.equal(clock(kaggle, "sessionCap"), 9 * 3600);
  const said = explainProfile(kaggle).disagreements.filter((line) => line.includes("sessionCap"));
  assert.equal(said.length, 2);
  assert.ok(said.some((line) => line.includes("12 hours on CPU and GPU")));
  const [hours, source] = ["sessionHours", "source"].map((id) => kaggle.limits.find((limit) => limit.id === id));
  assert.deepEqual([hours && valueOr(hours.value, null), source && valueOr(source.value, null)], [9, 1_000_000]);
});

test("notebooks: no grace before an end, so the cadence counts on none", () => {
  for (const profile of [colab, kaggle]) {
    assert.equal(valueOr(profile.interruption.graceSeconds, null), 0);
    const plan = planned(profile);
    const hours = plan.checkpoint.meanSecondsBetweenInterruptions / 3600;
    assert.ok(hours < 12, `${profile.id}: ${hours} h`);
    assert.equal(plan.cost.hourlySource, "free");
    assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
  }
});

test("notebooks: a session's cap is a clock of the plan, as config says it, and a longer lease is warned about", () => {
  const capOf = (plan: Plan): number | null | undefined => plan.clocks.find((known) => known.id === "sessionCap")?.seconds;
  assert.equal(capOf(planned(kaggle)), 9 * 3600);
  assert.equal(capOf(planned(kaggle, { kaggle: { sessionHours: 11.5 } })), 11.5 * 3600);
  assert.equal(capOf(planned(colab, { colab: { sessionHours: 24 } })), 24 * 3600);
  assert.match(planned(kaggle, { budget: { maxHours: 20 } }).warnings.join("\n"), /clock sessionCap: ends the run after 9 h, and budget\.maxHours is 20; what follows needs a new start that resumes \(NB5\)/);
});

test("Kaggle: a setup that downloads without internet is warned about", () => {
  const warnings = (kaggleConfig: Record<string, unknown>, setup: string): string =>
    resolve(jobWith({ setup }), kaggle, { run, config: parseStackConfig({ platform: "kaggle", job: "job.yaml", budget: { maxHours: 2 }, kaggle: kaggleConfig }, "Pulumi.dev.yaml"), codeSha256 }).warnings.join("\n");
  assert.match(warnings({ internet: false }, "pip install einops"), /kaggle\.internet: false, .*\(NB3\)/);
  assert.equal(warnings({}, "pip install einops"), "");
  assert.equal(warnings({ internet: false }, "python3 -m compileall ."), "");
});

test("notebooks: what is impossible is refused in the config", () => {
  assert.match(thrownBy(() => planned(kaggle, { kaggle: { sessionHours: 13 } })), /kaggle\.sessionHours = 13: must be hours above 0, at most 12/);
  assert.match(thrownBy(() => planned(kaggle, { storage: { create: { name: "Digits_1" } } })), /must be 5 to 50 lower-case letters, digits and single dashes on kaggle/);
  assert.match(thrownBy(() => planned(colab, { colab: { gpu: "V100" } })), /colab\.gpu = "V100": must be one of T4, L4, G4, A100, H100/);
});
