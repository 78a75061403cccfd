/** Findings about a stack's files: faults of what was typed, what the policy pack's rules say to the plan, and what an edit replaces. */
import type { EnforcementLevel, ResourceValidationArgs } from "@pulumi/policy";
import { readFileSync } from "node:fs";
import { messageOf, UserError } from "../../custody/userError";
import type { Plan } from "../../profiles/plan";
import type { Rule } from "../../policy/rule";
import { rules } from "../../policy/rules";
import { TRAINING_RUN } from "../../policy/subjects";

export interface Finding {
  /** A policy rule's name, `config` for a fault of the files, or what an edit does: `edit-loses-data`, `edit-replaces-machine`. */
  readonly ruleId: string;
  readonly level: "error" | "warning" | "note";
  /** Relative to the project. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** Property path as it is typed. */
  readonly where: string;
  readonly what: string;
  readonly why: string | null;
  readonly instead: string | null;
}

/** What a rule said, before anybody has looked up its line. */
export type Judgement = Omit<Finding, "file" | "line">;

/** By rule or `all`, as in the file that `pulumi preview --policy-pack-config` reads. */
export type PolicyConfig = Readonly<Record<string, EnforcementLevel | ({ readonly enforcementLevel?: EnforcementLevel } & Readonly<Record<string, unknown>>)>>;

const levels: readonly string[] = ["advisory", "mandatory", "remediate", "disabled"] satisfies readonly EnforcementLevel[];

/** Throws UserError when it cannot be read, or names a rule or level that does not exist. */
export function readPolicyConfig(path: string): PolicyConfig {
  const config = parseObject(path);
  const known = new Set(["all", ...rules.map(({ name }) => name)]);
  const faults = Object.entries(config).flatMap(([name, entry]) => {
    const level = typeof entry === "object" && entry !== null ? ((entry as { enforcementLevel?: unknown }).enforcementLevel ?? "mandatory") : entry;
    return [...(known.has(name) ? [] : [`${name} is no rule of the pack`]), ...(levels.includes(String(level)) ? [] : [`${name}: the level must be one of ${levels.join(", ")}`])];
  });
  if (faults.length > 0) throw new UserError(`${path} is not a valid policy config:\n${faults.map((fault) => `  ${fault}`).join("\n")}`, { code: "config", next: ["docs/policies.md lists the rules and their config"] });
  return config as PolicyConfig;
}

function parseObject(path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new UserError(`The policy config ${path} cannot be read: ${messageOf(cause)}`, { code: "config", cause });
  }
  throw new UserError(`The policy config ${path} must be a JSON object of rules.`, { code: "config" });
}

/**
 * What the pack's rules say to a run with this plan. Rules that judge a whole stack need its resources, which only a preview
 * knows; they are left to it.
 */
export async function judgePlan(plan: Plan, config: PolicyConfig = {}): Promise<Judgement[]> {
  const found: Judgement[] = [];
  for (const rule of rules) {
    if (!("validateResource" in rule) || typeof rule.validateResource !== "function") continue;
    const level = levelOf(rule, config);
    if (level === "disabled") continue;
    const messages = new Set<string>();
    await rule.validateResource(resourceOf(plan, config[rule.name]), (message) => messages.add(message));
    for (const message of messages) found.push({ ruleId: rule.name, level: level === "advisory" ? "warning" : "error", ...partsOf(message) });
  }
  return found;
}

function levelOf({ name, enforcementLevel }: Rule, config: PolicyConfig): EnforcementLevel {
  const said = [config[name], config["all"]].map((entry) => (typeof entry === "object" ? entry.enforcementLevel : entry)).find((level) => level !== undefined);
  return said ?? enforcementLevel ?? "advisory";
}

function resourceOf(plan: Plan, config: PolicyConfig[string] | undefined): ResourceValidationArgs {
  const { enforcementLevel: _level, ...settings } = typeof config === "object" ? config : {};
  return {
    type: TRAINING_RUN,
    props: { platform: plan.platform, plan },
    urn: `urn:pulumi:${plan.run.stack}::${plan.run.project}::${TRAINING_RUN}::${plan.run.name}`,
    name: plan.run.name,
    opts: { protect: false, ignoreChanges: [], aliases: [], customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 }, additionalSecretOutputs: [] },
    stackTags: new Map(),
    isType: () => false,
    asType: () => undefined,
    getConfig: (() => settings) as ResourceValidationArgs["getConfig"],
    notApplicable: (reason?: string): never => {
      throw new Error(reason ?? "not applicable");
    },
  };
}

/** A rule's message has the form that policy/rule.ts renders. */
function partsOf(message: string): Pick<Finding, "where" | "what" | "why" | "instead"> {
  const parts = /^(?<where>.*?): (?<what>[\s\S]*?)\.\n {2}Why: (?<why>[\s\S]*?)\.\n {2}Instead: (?<instead>[\s\S]*)\.$/.exec(message)?.groups;
  return { where: parts?.["where"] ?? "platform", what: parts?.["what"] ?? message, why: parts?.["why"] ?? null, instead: parts?.["instead"] ?? null };
}

/** Data, money or a secret is at stake, or nothing can be judged. */
export const isMandatory = ({ level }: Pick<Finding, "level">): boolean => level === "error";
