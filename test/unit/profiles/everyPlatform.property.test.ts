import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ConfigError, countsAsLost, costAfter, platforms, profileFor } from "../../../profiles";
import { planOn } from "./everyPlatform";
import { tries } from "../../effort";

const platform = fc.constantFrom(...platforms);
const platformAndVerb = platform.chain((id) => fc.record({ id: fc.constant(id), verb: fc.constantFrom(null, ...profileFor(id).verbs.filter(({ on, use }) => on === "instance" && use === "teardown").map(({ verb }) => verb)) }));
const at = fc.date({ min: new Date("2026-06-01"), max: new Date("2032-01-01"), noInvalidDate: true });

test("on every platform, a checkpoint directory is never on a tier that the teardown verb destroys, however old the facts", () => {
  let planned = 0;
  fc.assert(
    fc.property(platformAndVerb, fc.option(at, { nil: undefined }), ({ id, verb }, now) => {
      const known = profileFor(id);
      const name = verb ?? known.roles.find((role) => role.role === "instance")?.end.verb;
      const fate = known.verbs.find((candidate) => candidate.on === "instance" && candidate.verb === name)?.tiers[known.durable.tier];
      const survives = fate !== undefined && !countsAsLost(fate);
      try {
        const plan = planOn(id, { config: { teardown: { verb } }, ...(now === undefined ? {} : { now }) });
        planned += 1;
        assert.ok(survives, "planned although the tier is lost or unknown");
        const [instance] = plan.teardown.deletions;
        assert.ok(instance !== undefined && !instance.tiersLost.includes(plan.durable.tier));
        assert.notEqual(instance.tiersKept.includes(plan.durable.tier), instance.tiersInDoubt.includes(plan.durable.tier), "either vouched for or in doubt");
        assert.ok(plan.durable.runDirectoryTemplate.startsWith("{mount}/"));
        assert.ok(!plan.durable.mountFrom.includes("{durablePath}"));
      } catch (thrown) {
        if (!(thrown instanceof ConfigError)) throw thrown;
        assert.ok(!survives, `refused although the tier is kept: ${thrown.message}`);
      }
    }),
    tries(300),
  );
  assert.ok(planned > 100);
});

test("on every platform, cost never falls with time", () => {
  const hours = fc.double({ min: 0.01, max: 5000, noNaN: true });
  fc.assert(
    fc.property(platform, hours, hours, fc.double({ min: 0.01, max: 60, noNaN: true }), (id, a, b, maxHourlyUsd) => {
      const [short, long] = a <= b ? [a, b] : [b, a];
      const bound = (maxHours: number) => planOn(id, { config: { capacity: { maxHourlyUsd }, budget: { maxHours } } }).cost;
      const [cheap, dear] = [bound(short), bound(long)];
      assert.ok(cheap.worstCaseUsd !== null && dear.worstCaseUsd !== null && cheap.forgottenDayUsd !== null && cheap.forgottenMonthUsd !== null);
      assert.ok(0 <= cheap.worstCaseUsd && cheap.worstCaseUsd <= dear.worstCaseUsd);
      assert.ok(cheap.forgottenDayUsd <= cheap.forgottenMonthUsd);
      assert.ok((costAfter(cheap, short) ?? 0) <= (costAfter(cheap, long) ?? 0));
    }),
    tries(200),
  );
});

test("on every platform, a plan never contains a secret's value", () => {
  const value = fc.stringMatching(/^[A-Za-z0-9+/]{24,40}$/);
  fc.assert(
    fc.property(platform, value, (id, secret) => {
      process.env["HIDDEN_TOKEN"] = secret;
      try {
        const plan = planOn(id, { job: { secrets: ["HIDDEN_TOKEN"] } });
        assert.deepEqual(plan.secretNames, ["HIDDEN_TOKEN"]);
        assert.ok(!JSON.stringify(plan).includes(secret));
        assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
      } finally {
        Reflect.deleteProperty(process.env, "HIDDEN_TOKEN");
      }
    }),
    tries(100),
  );
});
