// Firewall rulesets. They are kept and checked as the vendor does, but no packet is filtered: everything here is loopback.
import type { SandboxCore } from "../core.js";
import { recordAudit } from "./audit.js";
import { findRegion } from "./catalog/regions.js";
import * as errors from "./errors.js";
import { instancesUsing } from "./render.js";
import type { FirewallRule } from "./requests.js";
import { newId, type LambdaState, type RulesetRecord } from "./state.js";

export class LambdaFirewall {
  constructor(
    private readonly core: SandboxCore,
    private readonly state: LambdaState,
  ) {}

  find(id: string): RulesetRecord {
    const ruleset = this.state.rulesets[id];
    if (!ruleset) throw errors.rulesetNotFound();
    return ruleset;
  }

  create(name: string, regionName: string, rules: FirewallRule[]): RulesetRecord {
    const { core, state } = this;
    if (!findRegion(regionName)) throw errors.invalidParameters(`Error in request body at 'region': Region '${regionName}' does not exist`);
    const { firewallRulesets } = core.knobs().quota;
    if (firewallRulesets !== null && Object.keys(state.rulesets).length >= firewallRulesets) throw errors.quotaExceeded();
    const ruleset: RulesetRecord = { id: newId(), name, regionName, created: core.clock.realIso(), rules };
    state.rulesets[ruleset.id] = ruleset;
    this.changed("create", ruleset.id);
    return ruleset;
  }

  update(id: string, change: { name?: string | undefined; rules?: FirewallRule[] | undefined }): RulesetRecord {
    const ruleset = this.find(id);
    if (change.name !== undefined) ruleset.name = change.name;
    if (change.rules !== undefined) ruleset.rules = change.rules;
    this.changed("update", id);
    return ruleset;
  }

  delete(id: string): void {
    this.find(id);
    if (instancesUsing(id, this.state).length > 0) throw errors.rulesetInUse();
    Reflect.deleteProperty(this.state.rulesets, id);
    this.changed("delete", id);
  }

  /** Replaces every rule of the account. */
  replaceGlobal(rules: FirewallRule[]): void {
    this.state.globalRules = rules;
    this.changed("update", "global");
  }

  private changed(action: string, id: string): void {
    recordAudit(this.core, this.state, "firewall_ruleset", action, id);
    this.core.store.save();
  }
}
