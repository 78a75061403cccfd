/** The firewall ruleset: SSH never locked out, rules edited in place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FirewallRulesetInputs } from "../../../providers/lambda/kinds/firewallRuleset";
import { firewallRulesetKind } from "../../../providers/lambda/kinds/firewallRuleset";
import type { Bench } from "./doubles/bench";
import { bench } from "./doubles/bench";

const inputsOf = ({ instanceInputs: { binding, endpoint } }: Bench): FirewallRulesetInputs => ({ binding, endpoint, role: "firewall", namePrefix: "holdfast-digits", region: "us-east-1", rules: [{ protocol: "tcp", port: 6006, source: "192.0.2.0/24" }] });

test("SSH is open whatever the rules say: without it nothing could be pulled", async (t) => {
  const made = bench(t);
  await firewallRulesetKind(made.edges).create(inputsOf(made), made.context);
  assert.deepEqual(made.fake.rulesets[0]?.rules, [
    { protocol: "tcp", port_range: [22, 22], source_network: "0.0.0.0/0", description: "SSH (holdfast)" },
    { protocol: "tcp", port_range: [6006, 6006], source_network: "192.0.2.0/24", description: "" },
  ]);
});

test("changed rules are edited in place: a replaced ruleset would replace the instance", async (t) => {
  const made = bench(t);
  const kind = firewallRulesetKind(made.edges);
  const { id, outs } = await kind.create(inputsOf(made), made.context);
  const news: FirewallRulesetInputs = { ...inputsOf(made), rules: [{ protocol: "udp", port: "8000-8100", source: "192.0.2.7" }] };
  assert.deepEqual(kind.diff(outs, news), { changes: true, replaces: [] });
  await kind.update(id, outs, news, made.context);
  assert.equal(made.fake.rulesets.length, 1);
  assert.deepEqual(made.fake.rulesets[0]?.rules[1], { protocol: "udp", port_range: [8000, 8100], source_network: "192.0.2.7", description: "" });
  await kind.delete(id, outs, made.context);
  assert.deepEqual(made.fake.rulesets, []);
});

test("ports that make no sense, and an unknown region, are found before the launch fails on them", (t) => {
  const made = bench(t);
  const bad: FirewallRulesetInputs = { ...inputsOf(made), region: "", rules: [{ protocol: "icmp", port: 1, source: "192.0.2.7" }, { protocol: "tcp", source: "192.0.2.7" }, { protocol: "tcp", port: "9-8", source: "192.0.2.7" }] };
  assert.deepEqual(firewallRulesetKind(made.edges).check?.(bad).map(({ property }) => property), ["region", "rules[0].port", "rules[1].port", "rules[2].port"]);
});

test("a replacement of the ruleset, which deletes before it creates, does not take over the one it replaces", async (t) => {
  const made = bench(t);
  const kind = firewallRulesetKind(made.edges);
  const old = await kind.create(inputsOf(made), made.context);
  assert.equal((await kind.create(inputsOf(made), made.context)).id, old.id, "state lost it: it is taken over");
  await kind.delete(old.id, old.outs, made.context);
  const next = await kind.create(inputsOf(made), made.context);
  assert.notEqual(next.id, old.id);
  assert.deepEqual(made.fake.rulesets.map(({ id }) => id), [next.id]);
});
