import assert from "node:assert/strict";
import { test } from "node:test";
import { explainProfile, isProvisioned, platforms, profileFor, PROVISIONED, tiersLostBy, valueOr, type Profile, type Verb } from "../../../profiles";

const verb = (profile: Profile, name: string, on = "instance"): Verb => {
  const found = profile.verbs.find((known) => known.verb === name && known.on === on);
  assert.ok(found, `${profile.id}: ${name} on ${on}`);
  return found;
};
const billing = (profile: Profile, name: string, meter: string): string => {
  const fact = verb(profile, name).meters[meter];
  return fact?.state === "known" ? fact.value.effect : String(fact?.state);
};
const ids = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
const gotchasOf = (...names: string[]): Set<string> => new Set(names.flatMap((name) => profileFor(name).gotchas.map((gotcha) => gotcha.id)));

test("every platform of the sources has a profile, and only those that are built claim to be provisioned", () => {
  for (const platform of ["lambda", "paperspaceCore", "paperspaceGradient", "autodl", "ssh", "slurm", "kubernetes", "colab", "kaggle"]) assert.ok(platforms.includes(platform), platform);
  assert.deepEqual(platforms.filter(isProvisioned), [...PROVISIONED]);
  assert.equal(explainProfile(profileFor("slurm")).provisioned, false);
});

test("no trap of the sources is missing", () => {
  assert.deepEqual([...gotchasOf("paperspaceCore", "paperspaceGradient")].sort(), ids("PS", 13).sort());
  assert.deepEqual([...gotchasOf("autodl")].sort(), [...ids("AD", 9), "AD-DANGER"].sort());
  assert.deepEqual([...gotchasOf("ssh")], ids("GEN", 8));
  assert.deepEqual([...gotchasOf("slurm")], ids("SLURM", 5));
});

test("the default end of a run never loses the tier that checkpoints go to, on any platform", () => {
  for (const platform of platforms) {
    const profile = profileFor(platform);
    const end = profile.roles.find((role) => role.role === "instance")?.end.verb ?? "";
    assert.ok(!tiersLostBy(profile, verb(profile, end)).includes(profile.durable.tier), `${platform}: ${end}`);
  }
});

test("Paperspace: a snapshot is never the only copy, and is never forgotten by the bill", () => {
  const core = profileFor("paperspaceCore");
  assert.ok(tiersLostBy(core, verb(core, "delete")).includes("snapshot"));
  assert.equal(billing(core, "delete", "snapshot"), "continues");
  const said = explainProfile(core).disagreements;
  assert.ok(said.some((line) => line.startsWith("paperspaceCore.verbs.delete(instance).tiers.snapshot:") && line.includes("survive the machine")));
  assert.ok(said.some((line) => line.startsWith("paperspaceCore.verbs.delete(instance).meters.snapshot:") && line.includes("go with the machine")));
});

test("Paperspace: a machine that is switched off counts as billing, compute included; only a delete ends that", () => {
  const core = profileFor("paperspaceCore");
  for (const meter of ["compute", "disk", "publicIp", "sharedDrive", "snapshot"]) assert.equal(billing(core, "stop", meter), "continues", meter);
  assert.equal(billing(core, "delete", "compute"), "stops");
  assert.equal(billing(core, "delete", "publicIp"), "continues");
  assert.deepEqual(tiersLostBy(core, verb(core, "stop")), []);
});

test("Paperspace: a notebook's stop wipes what pip installed, a delete its own files, and neither team storage", () => {
  const gradient = profileFor("paperspaceGradient");
  assert.deepEqual(tiersLostBy(gradient, verb(gradient, "stop")), ["workspace"]);
  assert.deepEqual(tiersLostBy(gradient, verb(gradient, "delete")), ["workspace", "notebooks"]);
});

test("AutoDL: switching off keeps every disk, the release clock does not, and an official API exists", () => {
  const autodl = profileFor("autodl");
  assert.deepEqual(tiersLostBy(autodl, verb(autodl, "powerOff")), []);
  assert.deepEqual(tiersLostBy(autodl, verb(autodl, "release")), ["system", "data"]);
  const release = autodl.clocks.find((clock) => clock.id === "autoRelease");
  assert.deepEqual([release?.effect, release && valueOr(release.defaultSeconds, null)], ["destroy", 15 * 86_400]);
  const shared = autodl.tiers.find((tier) => tier.id === "filesystem");
  assert.equal(shared && valueOr(shared.capInodes, null), 200_000);
  assert.ok(autodl.channels.some((channel) => channel.kind === "rest"));
  assert.ok(explainProfile(autodl).disagreements.some((line) => line.includes("no platform API exists")));
});

test("generic SSH: what only the provider knows counts as lost and as billing", () => {
  const ssh = profileFor("ssh");
  assert.deepEqual(tiersLostBy(ssh, verb(ssh, "stop")), ["home", "data"]);
  assert.deepEqual(tiersLostBy(ssh, verb(ssh, "destroy")), ["home", "data"]);
  assert.deepEqual(tiersLostBy(ssh, verb(ssh, "leave")), []);
  assert.equal(billing(ssh, "destroy", "compute"), "probe");
  assert.equal(billing(ssh, "leave", "compute"), "continues");
  for (const tier of ssh.tiers) assert.deepEqual([tier.capBytes.state, tier.capInodes.state], ["probe", "probe"]);
});

test("Slurm: node-local scratch is lost at every end of a job, and the purge can take the parallel file system", () => {
  const slurm = profileFor("slurm");
  assert.equal(billing(slurm, "scancel", "compute"), "stops");
  assert.equal(billing(slurm, "requeue", "compute"), "continues", "a requeued job spends its allocation again");
  for (const name of ["scancel", "requeue"]) assert.deepEqual(tiersLostBy(slurm, verb(slurm, name)), ["nodeLocal"]);
  assert.deepEqual(slurm.clocks.find((clock) => clock.id === "scratchPurge")?.alsoLoses, ["shared"]);
});

test("tables of every platform are complete", () => {
  for (const platform of platforms) {
    for (const { id, columns, rows } of explainProfile(profileFor(platform)).tables) {
      for (const row of rows) assert.equal(row.length, columns.length, `${platform}: ${id}`);
    }
  }
});
