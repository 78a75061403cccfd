/** Judges one resource or a stack by one rule, as the runner would: inputs behind the proxy that throws on unknowns. */
import assert from "node:assert/strict";
import * as sdk from "@pulumi/policy";
import type { PolicyResource, ResourceValidationArgs } from "@pulumi/policy";
import { rules, type ResourceRule, type StackRule } from "../../policy/rules";
import { LAMBDA_INSTANCE, TRAINING_RUN } from "../../policy/subjects";
import { isUnknownValue } from "../../policy/unknown";
import { planWith } from "../unit/profiles/happy";

/** The SDK exports it and leaves its type out of the declarations. */
const unknownCheckingProxy = sdk.unknownCheckingProxy as unknown as (props: Record<string, unknown>) => Record<string, unknown>;

/** The engine's stand-in for a string that is known only after the update. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const configured = (config: object) => (() => config) as ResourceValidationArgs["getConfig"];

export interface Judged {
  readonly violations: readonly string[];
  /** The property that was not known, when one was needed. */
  readonly unknown: string | null;
}

export interface Resource {
  readonly type: string;
  readonly props: Record<string, unknown>;
  readonly urn?: string;
  readonly config?: Record<string, unknown>;
  readonly options?: Partial<ResourceValidationArgs["opts"]>;
}

const defaultOptions = { protect: false, ignoreChanges: [], aliases: [], customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 }, additionalSecretOutputs: [] };

export async function judge(rule: ResourceRule, { type, props, urn = `urn:pulumi:dev::demo::${type}::digits`, config = {}, options = {} }: Resource): Promise<Judged> {
  assert.ok(typeof rule.validateResource === "function");
  const violations: string[] = [];
  const args = {
    type,
    props: unknownCheckingProxy(structuredClone(props)),
    urn,
    name: "digits",
    opts: { ...defaultOptions, ...options },
    stackTags: new Map<string, string>(),
    isType: () => false,
    asType: () => undefined,
    getConfig: configured(config),
    notApplicable: (): never => {
      throw new Error("not applicable");
    },
  };
  try {
    await rule.validateResource(args, (message) => violations.push(message));
    return { violations, unknown: null };
  } catch (thrown) {
    if (!isUnknownValue(thrown)) throw thrown;
    return { violations, unknown: thrown.message };
  }
}

export interface StackEntry {
  readonly type: string;
  readonly name: string;
  readonly dependsOn?: readonly string[];
  /** Names of entries by the property that depends on them. */
  readonly through?: Readonly<Record<string, readonly string[]>>;
  readonly props?: Record<string, unknown>;
  readonly options?: Partial<ResourceValidationArgs["opts"]>;
}

/** `dependsOn` names other entries. Returns `name: message` per violation. */
export async function judgeStack(rule: StackRule, entries: readonly StackEntry[], config: Record<string, unknown> = {}): Promise<Judged> {
  const violations: string[] = [];
  const resources = new Map<string, PolicyResource>();
  for (const { type, name, props = {}, options = {} } of entries) {
    const urn = `urn:pulumi:dev::demo::${type}::${name}`;
    resources.set(name, { type, name, urn, props: unknownCheckingProxy(structuredClone(props)), opts: { ...defaultOptions, ...options }, dependencies: [], propertyDependencies: {}, isType: () => false, asType: () => undefined });
  }
  const named = (name: string): PolicyResource => {
    const found = resources.get(name);
    assert.ok(found, name);
    return found;
  };
  for (const { name, dependsOn = [], through = {} } of entries) {
    named(name).dependencies = dependsOn.map(named);
    named(name).propertyDependencies = Object.fromEntries(Object.entries(through).map(([property, others]) => [property, others.map(named)]));
  }
  try {
    await rule.validateStack(
      { resources: [...resources.values()], stackTags: new Map(), getConfig: configured(config), notApplicable: (): never => { throw new Error("not applicable"); } },
      (message, urn) => violations.push(`${urn?.split("::").at(-1) ?? "stack"}: ${message}`),
    );
    return { violations, unknown: null };
  } catch (thrown) {
    if (!isUnknownValue(thrown)) throw thrown;
    return { violations, unknown: thrown.message };
  }
}

/** What every rule says to a resource or, over all of them, to a stack: `rule: message`. */
export async function judgeByAll(entries: readonly StackEntry[]): Promise<string[]> {
  const said: string[] = [];
  for (const rule of rules) {
    if ("validateStack" in rule) said.push(...(await judgeStack(rule, entries)).violations.map((message) => `${rule.name}: ${message}`));
    else for (const { type, props = {}, options } of entries) said.push(...(await judge(rule, { type, props, ...(options && { options }) })).violations.map((message) => `${rule.name}: ${message}`));
  }
  return said;
}

/** Names of the rules that say anything, sorted. */
export const tripped = async (entries: readonly StackEntry[]): Promise<string[]> => [...new Set((await judgeByAll(entries)).map((line) => line.split(":")[0] ?? ""))].sort();

/** A component's inputs that every rule accepts. */
export const happyRun = (job: Record<string, unknown> = {}, config: Record<string, unknown> = {}): Resource => ({ type: TRAINING_RUN, props: { platform: "lambda", plan: planWith(job, config) } });

/** A run whose plan was made or edited by hand. */
export const runWithPlan = (change: (plan: Record<string, unknown>) => void): Resource => {
  const plan = structuredClone(planWith()) as unknown as Record<string, unknown>;
  change(plan);
  return { type: TRAINING_RUN, props: { platform: "lambda", plan } };
};

export const happyInstance = (changes: Record<string, unknown> = {}): Resource => ({
  type: LAMBDA_INSTANCE,
  urn: "urn:pulumi:dev::demo::holdfast:index:TrainingRun$holdfast:lambda:LambdaRun$pulumi-nodejs:dynamic/holdfast:LambdaInstance::digits-instance",
  props: {
    binding: { custodyId: "cst_0", project: "demo", stack: "dev", run: "digits" },
    filesystem: { id: UNKNOWN, name: UNKNOWN, region: UNKNOWN, mountPoint: UNKNOWN },
    image: { family: "lambda-stack-24-04" },
    tags: { "holdfast-run": "demo.dev.digits" },
    userData: null,
    verb: "terminate",
    tier: "local",
    tiersLost: ["local"],
    ...changes,
  },
});

export const nothing: Judged = { violations: [], unknown: null };
