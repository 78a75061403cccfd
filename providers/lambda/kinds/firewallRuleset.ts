/**
 * Inbound rules of an instance at Lambda. A ruleset is attached at launch only, but its rules can be edited while it is
 * attached. Rules of the whole account do not apply everywhere; a ruleset does.
 */
import type { EndpointRef } from "../../../custody/formats";
import type { RunCustody } from "../../../custody/store";
import { UserError } from "../../../custody/userError";
import type { Binding, CheckFailure, Kind } from "../../kind";
import { NotYet } from "../../kind";
import { waitingForStorage } from "../capacityWait";
import type { Connection, LambdaEdges } from "../connection";
import { accountMark, accountOf, assertSameAccount, madeIn, whenAllowed } from "../connection";
import { isLambdaError } from "../api/errors";
import { isUnlisted } from "../gone";
import { abandonIntent, leftIntents, lookUntilSettled, lostReplySeconds, openIntent, uniqueName } from "../intents";
import type { FirewallRule, FirewallRuleset } from "../api/types";
import { haveInputsChanged, replacingInputs } from "./identity";

/** As in the stack's config. `port`: 8888 or "8000-8100"; none for icmp. `source`: IPv4 address or network. */
export interface RulesetRule {
  readonly protocol: "tcp" | "udp" | "icmp" | "all";
  readonly port?: number | string;
  readonly source: string;
  readonly description?: string;
}

export type FirewallRulesetInputs = {
  readonly binding: Binding;
  readonly endpoint: EndpointRef;
  readonly role: "firewall";
  readonly namePrefix: string;
  /** The instance's region, that is the file system's: a ruleset serves no other. null while that waits for capacity. */
  readonly region: string | null;
  readonly rules: readonly RulesetRule[];
};

export type FirewallRulesetOutputs = FirewallRulesetInputs & {
  readonly rulesetId: string;
  readonly rulesetName: string;
  readonly account: string;
  readonly missing: boolean;
};

export const firewallRulesetKind = (edges: Pick<LambdaEdges, "connect">): Kind<FirewallRulesetInputs, FirewallRulesetOutputs> => ({
  check: checkRuleset,

  diff(olds, news) {
    const replaces = replacingInputs(olds, news);
    if (olds.region !== news.region) replaces.push("region");
    if (olds.missing) replaces.push("missing");
    return { changes: replaces.length > 0 || haveInputsChanged(olds, news), replaces };
  },

  async create(inputs, context) {
    const connection = await edges.connect(inputs.endpoint, context);
    const run = context.run(inputs.binding);
    if (inputs.region === null) throw new NotYet(waitingForStorage(run), { rulesetId: null });
    const ruleset = (await adopt(connection, run, inputs)) ?? (await make(connection, run, inputs, inputs.region));
    return { id: ruleset.id, outs: { ...inputs, rulesetId: ruleset.id, rulesetName: ruleset.name, account: accountMark(connection.endpoint), missing: false } };
  },

  async read(id, olds, context) {
    const connection = await edges.connect(olds.endpoint, context);
    const missing = await isUnlisted(connection.time, () => connection.client.listFirewallRulesets(), (ruleset) => ruleset.id === id);
    if (missing) await assertSameAccount(connection, olds, `Firewall ruleset ${olds.rulesetName}`);
    return { ...olds, missing };
  },

  async update(id, olds, news, context) {
    const { client, time } = await edges.connect(news.endpoint, context);
    // Replaces all rules, so that asking for it twice is harmless.
    await whenAllowed(time, () => client.updateFirewallRuleset(id, { rules: rulesOf(news) }));
    return { ...olds, ...news };
  },

  async delete(id, olds, context) {
    const connection = await edges.connect(olds.endpoint, context);
    const confirmed = await remove(connection, id, olds);
    context.run(olds.binding).append("resource.deleted", { role: olds.role, kind: "LambdaFirewallRuleset", id, verb: "delete", grant: null, confirmed });
  },
});

function checkRuleset({ namePrefix, region, rules }: FirewallRulesetInputs): CheckFailure[] {
  const failures: CheckFailure[] = [];
  if (!/^.{1,55}$/.test(namePrefix)) failures.push({ property: "namePrefix", reason: `"${namePrefix}" has ${namePrefix.length} characters; 1 to 55 are allowed` });
  if (region === "") failures.push({ property: "region", reason: "the region of the instance is needed: a ruleset serves no other" });
  // docs.lambda.ai/public-cloud/firewalls: beyond 20 rules launches may fail.
  if (rules.length > 19) failures.push({ property: "rules", reason: `${rules.length} rules; at most 19 besides SSH are allowed` });
  rules.forEach((rule, index) => {
    const property = `rules[${index}].port`;
    const range = portRange(rule.port);
    if (rule.protocol === "icmp" && rule.port !== undefined) failures.push({ property, reason: "icmp has no ports" });
    if (rule.protocol !== "icmp" && (range === null || range[0] < 1 || range[1] > 65535 || range[0] > range[1])) failures.push({ property, reason: `${JSON.stringify(rule.port ?? null)}; a port or an ascending range such as "8000-8100" is needed, 1 to 65535` });
  });
  return failures;
}

/** SSH is always among them: without it nobody could reach, pull or end the run in order. */
function rulesOf({ rules }: FirewallRulesetInputs): FirewallRule[] {
  const asked = rules.map((rule): FirewallRule => {
    const range = portRange(rule.port);
    return { protocol: rule.protocol, source_network: rule.source, description: rule.description ?? "", ...(range === null ? {} : { port_range: range }) };
  });
  return [{ protocol: "tcp", port_range: [22, 22], source_network: "0.0.0.0/0", description: "SSH (holdfast)" }, ...asked];
}

function portRange(port: number | string | undefined): [number, number] | null {
  const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(String(port ?? "")) ?? [];
  return first === undefined ? null : [Number(first), Number(last ?? first)];
}

const byName = (rulesets: readonly FirewallRuleset[], name: string): FirewallRuleset | null => rulesets.find((ruleset) => ruleset.name === name) ?? null;

/**
 * One that an interrupted create of this run made, or that state lost. Never one that is being replaced: a replacement
 * deletes before it creates (components/lambda/resources.ts), so the ledger no longer names that one.
 */
async function adopt(connection: Connection, run: RunCustody, inputs: FirewallRulesetInputs): Promise<FirewallRuleset | null> {
  const { client, time } = connection;
  let found: FirewallRuleset | null = null;
  for (const left of leftIntents(run, inputs.role, time)) {
    found = await lookUntilSettled(time, left.settlesInSeconds, async () => byName(await client.listFirewallRulesets(), left.name));
    if (found === null) await abandonIntent(connection, run, left, "no ruleset of that name at Lambda");
    else confirm(connection, run, left.intent, inputs, found);
  }
  const view = run.view();
  const known = view.resources.get(inputs.role);
  if (found === null && known !== undefined) {
    found = (await client.listFirewallRulesets()).find((ruleset) => ruleset.id === known.id) ?? null;
    if (found === null) {
      await assertSameAccount(connection, madeIn(view, known.details ?? {}), `Firewall ruleset ${known.name} (${known.id})`);
      run.append("resource.lost", { role: inputs.role, id: known.id, why: "no such ruleset at Lambda" });
    }
  }
  if (found === null || found.region.name !== inputs.region) return null;
  return whenAllowed(time, () => client.updateFirewallRuleset(found.id, { rules: rulesOf(inputs) }));
}

async function make(connection: Connection, run: RunCustody, inputs: FirewallRulesetInputs, region: string): Promise<FirewallRuleset> {
  const { client, time } = connection;
  const name = uniqueName(inputs.namePrefix);
  const intent = openIntent(run, { role: inputs.role, name, request: { name, region, ...accountOf(connection.endpoint, inputs.endpoint) } });
  let ruleset: FirewallRuleset | null;
  try {
    ruleset = await whenAllowed(time, () => client.createFirewallRuleset({ name, region, rules: rulesOf(inputs) }));
  } catch (error) {
    if (!isLambdaError(error, "ambiguous")) {
      run.append("intent.abandoned", { intent, why: error instanceof UserError ? error.message : "the request failed" });
      throw error;
    }
    ruleset = await lookUntilSettled(time, lostReplySeconds, async () => byName(await client.listFirewallRulesets(), name));
    // The intent stays open: the next create looks once more before it makes another.
    if (ruleset === null) throw error;
  }
  confirm(connection, run, intent, inputs, ruleset);
  return ruleset;
}

function confirm({ endpoint }: Connection, run: RunCustody, intent: string, inputs: FirewallRulesetInputs, ruleset: FirewallRuleset): void {
  run.append("intent.confirmed", { intent, role: inputs.role, id: ruleset.id, name: ruleset.name });
  run.append("resource.created", { role: inputs.role, kind: "LambdaFirewallRuleset", id: ruleset.id, name: ruleset.name, details: { region: ruleset.region.name, ...accountOf(endpoint, inputs.endpoint) } });
}

/** Waits while an instance that is going down still uses it. Returns how it is known to be gone. */
async function remove(connection: Connection, id: string, olds: FirewallRulesetOutputs): Promise<string> {
  const { client, time } = connection;
  const deadline = time.deadline(15 * 60, 30);
  let asked = false;
  for (;;) {
    if (await isUnlisted(time, () => client.listFirewallRulesets(), (ruleset) => ruleset.id === id)) {
      if (!asked) await assertSameAccount(connection, olds, `Firewall ruleset ${olds.rulesetName}`);
      return "not in the list, twice";
    }
    if (deadline.passed()) {
      throw new UserError(`Firewall ruleset ${olds.rulesetName} (${id}) could not be deleted within 15 minutes; an instance may still use it.`, { next: ["pulumi destroy (tries again; a ruleset costs nothing)"], code: "lambda-still-there" });
    }
    try {
      await client.deleteFirewallRuleset(id);
      asked = true;
    } catch (error) {
      if (!isLambdaError(error, "not-found", "conflict", "ambiguous", "transport", "rate-limit")) throw error;
      await time.sleep(10);
    }
  }
}
