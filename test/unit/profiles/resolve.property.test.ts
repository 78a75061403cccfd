import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ConfigError, costAfter, defineProfile, known, mustProbe, parseJob, profileFor, resolve, type Evidence, type Fact } from "../../../profiles";
import type { ProfileInput } from "../../../profiles/schema";
import { rental } from "./otherPlatforms";
import { codeSha256, configWith, happyJob, run } from "./happy";
import { tries } from "../../effort";

const docs: Evidence = { source: "docs", verified: "2026-06" };
const fate: fc.Arbitrary<Fact<"kept" | "lost">> = fc.constantFrom(known("kept", docs), known("lost", docs), mustProbe("look", docs));

/** Profiles whose verbs keep, lose or do not know about any of the tiers, with the durable tier anywhere. */
const anyProfile: fc.Arbitrary<ProfileInput> = fc.record({ fates: fc.array(fate, { minLength: 4, maxLength: 4 }), durable: fc.constantFrom("data", "shared"), end: fc.constantFrom("stop", "release") }).map(({ fates, durable, end }) => {
  const profile = rental();
  const [stop, release] = profile.verbs;
  const [a, b, c, d] = fates;
  assert.ok(stop && release && a && b && c && d);
  Object.assign(stop, { event: null, tiers: { data: a, shared: b } });
  Object.assign(release, { event: null, tiers: { data: c, shared: d } });
  profile.roles = profile.roles.map((role) => (role.role === "instance" ? { ...role, end: { when: "always", verb: end } } : role));
  return { ...profile, durable: { tier: durable, mountFrom: durable === "data" ? "/root/fast" : "/root/shared" }, host: { ...profile.host, caches: [] } };
});

test("a checkpoint directory is never on a tier that the teardown verb destroys", () => {
  let planned = 0;
  fc.assert(
    fc.property(anyProfile, fc.constantFrom("stop", "release", null), (input, verb) => {
      const profile = defineProfile(input);
      const config = { ...configWith(), platform: "rental", teardown: { verb, storage: "keep" as const, require: "pulled" as const } };
      const used = input.verbs.find((candidate) => candidate.verb === (verb ?? input.roles[0]?.end.verb));
      const fact = used?.tiers[profile.durable.tier];
      const survives = fact?.state === "known" && fact.value === "kept";
      try {
        const plan = resolve(parseJob(happyJob, "job.yaml"), profile, { run, config, codeSha256 });
        planned += 1;
        assert.ok(survives, "planned although the tier is lost or unknown");
        const [instance] = plan.teardown.deletions;
        assert.ok(instance?.tiersKept.includes(plan.durable.tier) && !instance.tiersLost.includes(plan.durable.tier));
        assert.ok(plan.durable.runDirectoryTemplate.startsWith("{mount}/"));
      } catch (thrown) {
        if (!(thrown instanceof ConfigError)) throw thrown;
        assert.ok(!survives, "refused although the tier is kept");
        assert.match(thrown.message, /loses tier (data|shared), where the checkpoints are/);
      }
    }),
    tries(200),
  );
  assert.ok(planned > 10, "some of the profiles must be usable");
});

test("cost never falls with time, nor with a dearer candidate", () => {
  const hours = fc.double({ min: 0.01, max: 10_000, noNaN: true });
  fc.assert(
    fc.property(hours, hours, fc.subarray(["gpu_1x_a10", "gpu_1x_a100", "gpu_8x_b200_sxm6"], { minLength: 1 }), fc.option(fc.double({ min: 0.5, max: 60, noNaN: true }), { nil: undefined }), (a, b, candidates, maxHourlyUsd) => {
      const [short, long] = a <= b ? [a, b] : [b, a];
      const bound = (maxHours: number) =>
        resolve(parseJob(happyJob, "job.yaml"), profileFor("lambda"), { run, config: configWith({ capacity: { candidates, ...(maxHourlyUsd === undefined ? {} : { maxHourlyUsd }) }, budget: { maxHours } }), codeSha256 }).cost;
      const [cheap, dear] = [bound(short), bound(long)];
      assert.ok(cheap.worstCaseUsd !== null && dear.worstCaseUsd !== null);
      assert.ok(cheap.worstCaseUsd <= dear.worstCaseUsd);
      assert.ok((costAfter(cheap, short) ?? 0) <= (costAfter(cheap, long) ?? 0));
      assert.ok(maxHourlyUsd === undefined || (cheap.hourlyUsdBound ?? Infinity) <= maxHourlyUsd + 1e-9);
    }),
    tries(100),
  );
});

test("a plan never contains a secret's value", () => {
  const value = fc.stringMatching(/^[A-Za-z0-9+/]{24,40}$/);
  const name = fc.stringMatching(/^[A-Z][A-Z_]{3,10}$/).filter((typed) => !typed.startsWith("HOLDFAST"));
  fc.assert(
    fc.property(name, value, fc.constantFrom("named", "assigned", "mapped"), (variable, secret, how) => {
      process.env[variable] = secret;
      const secrets = how === "named" ? [variable] : how === "assigned" ? [`${variable}=${secret}`] : { [variable]: secret };
      try {
        const plan = resolve(parseJob({ ...happyJob, env: {}, secrets }, "job.yaml"), profileFor("lambda"), { run, config: configWith(), codeSha256 });
        assert.equal(how, "named");
        assert.deepEqual(plan.secretNames, [variable]);
        assert.ok(!JSON.stringify(plan).includes(secret));
      } catch (thrown) {
        if (!(thrown instanceof ConfigError)) throw thrown;
        assert.notEqual(how, "named");
        assert.ok(!thrown.message.includes(secret));
      } finally {
        Reflect.deleteProperty(process.env, variable);
      }
    }),
    tries(100),
  );
});
