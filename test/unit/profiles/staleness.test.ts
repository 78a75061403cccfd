import assert from "node:assert/strict";
import { test } from "node:test";
import { believedAt, explainProfile, freshnessOf, monthsSince, profileFor, tiersLostBy } from "../../../profiles";
import { everyPlatform, planOn } from "./everyPlatform";

const on = (day: string): Date => new Date(`${day}T12:00:00Z`);

test("age is counted in calendar months, so nothing changes between the first and the last of one", () => {
  assert.equal(monthsSince("2026-06", on("2026-06-30")), 0);
  assert.equal(monthsSince("2026-06", on("2027-01-01")), 7);
  assert.equal(monthsSince("2026-06", on("2026-05-31")), -1);
  const fact = { verified: "2026-06" };
  assert.deepEqual(
    ["2026-12-31", "2027-01-01", "2027-06-30", "2027-07-01"].map((day) => freshnessOf(fact, on(day))),
    ["fresh", "doubted", "doubted", "disbelieved"],
  );
});

test("a plan is the same on every day of a month", () => {
  for (const { id } of everyPlatform) {
    for (const month of ["2026-11", "2027-03", "2028-02"]) assert.deepEqual(planOn(id, { now: on(`${month}-01`) }), planOn(id, { now: on(`${month}-28`) }), `${id} ${month}`);
  }
});

test("after six months a plan says what it relies on, and changes nothing else", () => {
  const [fresh, doubted] = [planOn("lambda"), planOn("lambda", { now: on("2027-02-10") })];
  assert.deepEqual({ ...doubted, warnings: [] }, { ...fresh, warnings: [] });
  const said = doubted.warnings.filter((line) => line.startsWith("profile: "));
  assert.ok(said.some((line) => line.includes("last verified in 2026-06, more than six months ago") && line.includes("terminate keeps regional file system")));
  assert.deepEqual(planOn("lambda", { now: on("2026-07-01") }).warnings, fresh.warnings);
});

test("after twelve months promises count for nothing: data is in doubt, meters run, deletions cannot be undone", () => {
  const plan = planOn("lambda", { now: on("2028-01-10") });
  const [instance] = plan.teardown.deletions;
  assert.deepEqual([instance?.tiersLost, instance?.tiersKept, instance?.tiersInDoubt], [["local"], [], ["filesystem"]]);
  assert.equal(instance?.metersAfter.find((after) => after.meter === "compute")?.state, "continues");
  assert.match(plan.warnings.join("\n"), /more than twelve months ago: .*data counts as lost and meters as running/);
  const lambda = believedAt(profileFor("lambda"), on("2028-01-10"));
  const terminate = lambda.verbs.find((verb) => verb.verb === "terminate");
  assert.ok(terminate);
  assert.deepEqual(tiersLostBy(lambda, terminate), ["local", "filesystem"]);
  const survival = explainProfile(profileFor("lambda"), { now: on("2028-01-10") });
  assert.equal(survival.tables.find((table) => table.id === "survival")?.rows[1]?.[5]?.text, "unknown, counts as lost");
  assert.ok(survival.stale.length > 0);
  assert.deepEqual(explainProfile(profileFor("lambda")).stale, []);
});

test("age alone never blocks a teardown: the locks are told the same losses, and every platform can still be planned", () => {
  for (const { id } of everyPlatform) {
    const [fresh, old] = [planOn(id), planOn(id, { now: on("2036-01-01") })];
    assert.deepEqual(old.teardown.deletions.map(({ role, verb, tiersLost }) => ({ role, verb, tiersLost })), fresh.teardown.deletions.map(({ role, verb, tiersLost }) => ({ role, verb, tiersLost })), id);
    assert.equal(old.teardown.require, fresh.teardown.require);
  }
});

test("bad news does not age", () => {
  const old = believedAt(profileFor("paperspaceCore"), on("2036-01-01"));
  const stop = old.verbs.find((verb) => verb.verb === "stop");
  assert.equal(stop?.meters["compute"]?.state, "known");
  assert.equal(old.verbs.find((verb) => verb.verb === "delete" && verb.on === "instance")?.tiers["disk"]?.state, "known");
});

test("verifying in place is warned about when nobody has verified for a year that the place stays", () => {
  const config = { teardown: { require: "verifiedInPlace" } };
  assert.match(planOn("lambda", { config, now: on("2028-01-10") }).warnings.join("\n"), /teardown\.require: verifiedInPlace trusts a tier .* write pulled/);
  assert.doesNotMatch(planOn("lambda", { config, now: on("2027-02-10") }).warnings.join("\n"), /verifiedInPlace/);
});
