import assert from "node:assert/strict";
import { test } from "node:test";
import { countsAsLost, defineProfile, known, mustProbe, profiles, survivalCountsAsLost, tiersLostBy, type Evidence } from "../../../profiles";
import type { ProfileInput } from "../../../profiles/schema";
import { thrownBy } from "./happy";
import { rental, scheduler } from "./otherPlatforms";

const docs: Evidence = { source: "docs", verified: "2026-06" };
const broken = (change: (profile: ProfileInput) => void): string => {
  const profile = structuredClone(rental());
  change(profile);
  return thrownBy(() => defineProfile(profile));
};
const first = <T>(items: readonly T[]): T => {
  const [item] = items;
  assert.ok(item !== undefined);
  return item;
};

test("a tier whose fate nobody knows counts as lost", () => {
  assert.equal(countsAsLost(mustProbe("look", docs)), true);
  assert.equal(survivalCountsAsLost(mustProbe("look", docs)), true);
  assert.equal(countsAsLost(known("kept", docs)), false);
  const profile = rental();
  first(profile.verbs).tiers = { data: mustProbe("look", docs), shared: known("kept", docs) };
  first(profile.verbs).event = null;
  assert.deepEqual(tiersLostBy(defineProfile(profile), first(defineProfile(profile).verbs)), ["data"]);
});

test("a verb that says nothing about a tier or a meter never reaches a decision", () => {
  assert.match(broken((profile) => (first(profile.verbs).tiers = { data: known("kept", docs) })), /verb stop on instance: tiers: shared is missing/);
  assert.match(broken((profile) => (first(profile.verbs).meters = { compute: known({ effect: "stops" }, docs) })), /verb stop on instance: meters: disk is missing/);
  assert.match(broken((profile) => (first(profile.verbs).tiers = { ...first(profile.verbs).tiers, tape: known("kept", docs) })), /tiers: tape is not known/);
});

test("a verb cannot keep what the survival matrix loses", () => {
  assert.match(broken((profile) => (first(profile.verbs).tiers = { data: known("lost", docs), shared: known("kept", docs) })), /says otherwise about tier data than its survival of stop/);
});

test("a claim without a listed source is refused", () => {
  assert.match(broken((profile) => (first(profile.tiers).capBytes = known(1, { source: "hearsay", verified: "2026-06" }))), /sources: hearsay is missing/);
  assert.match(broken((profile) => (first(profile.tiers).capBytes = known(1, { source: "docs", verified: "last year" }))), /a month as YYYY-MM/);
  assert.match(broken((profile) => (first(profile.clocks).gotchas = ["AD77"])), /unknown gotcha AD77/);
});

test("the format carries a rental with a safe stop, another currency and a release clock", () => {
  const profile = defineProfile(rental());
  assert.deepEqual(tiersLostBy(profile, first(profile.verbs)), []);
  assert.equal(first(profile.clocks).effect, "destroy");
});

test("the format carries a scheduler with a quota, a walltime and unknown caps", () => {
  const profile = defineProfile(scheduler());
  assert.equal(first(profile.clocks).defaultSeconds.state, "probe");
  assert.deepEqual(tiersLostBy(profile, first(profile.verbs)), ["nodeLocal"]);
});

test("Lambda: every trap of the source is there, with somebody who deals with it", () => {
  const lambda = profiles["lambda"];
  assert.ok(lambda);
  assert.deepEqual(lambda.gotchas.map((gotcha) => gotcha.id), Array.from({ length: 13 }, (_, index) => `LAM${index + 1}`));
  assert.ok(lambda.gotchas.every((gotcha) => gotcha.handled.length > 0));
});

test("Lambda: terminate loses the own disk and leaves the file system billing; a shutdown ends nothing", () => {
  const lambda = profiles["lambda"];
  assert.ok(lambda);
  const verb = (name: string) => first(lambda.verbs.filter((known) => known.verb === name && known.on === "instance"));
  const effect = (name: string, meter: string): string => {
    const fact = verb(name).meters[meter];
    return fact?.state === "known" ? fact.value.effect : String(fact?.state);
  };
  assert.deepEqual(tiersLostBy(lambda, verb("terminate")), ["local"]);
  assert.equal(effect("terminate", "compute"), "stops");
  assert.equal(effect("terminate", "filesystem"), "continues");
  assert.equal(verb("shutdown").use, "trap");
  assert.equal(effect("shutdown", "compute"), "continues");
  assert.deepEqual(tiersLostBy(lambda, verb("shutdown")), ["local"]);
});

test("a profile cannot be changed by who reads it", () => {
  const lambda = profiles["lambda"];
  assert.ok(lambda);
  assert.throws(() => {
    (first(lambda.tiers) as { id: string }).id = "other";
  }, TypeError);
});
