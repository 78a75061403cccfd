/** A secret's value never belongs into a job: it would be in state, in the ledger and on the instance's process list. */
import type { ResourceValidationArgs } from "@pulumi/policy";
import type { JudgedPlan } from "../../profiles/judgedPlan";
import { valuesInDocument } from "../checkpointNames";
import { isKubernetes, kindOf } from "../kubernetes/kinds";
import { attemptWords, workloadsOf, type Workload } from "../kubernetes/workload";
import { resourceRule, type Check, type Finding, type Peek } from "../rule";
import { knownKind, looksSecret, looksSecretAsProperty, secretOfCommand, splitWords, type Reason } from "../secretLooks";
import { LAMBDA_INSTANCE, planSubject } from "../subjects";

interface SecretConfig {
  /** Names of variables and flags that are no secrets, whatever they look like. */
  readonly allow: readonly string[];
  /** Bits of entropy per character from which a long word counts as a key. */
  readonly entropy: number;
}

export const noSecretLiterals = resourceRule<SecretConfig>(
  {
    name: "no-secret-literals",
    description: "No property of a job, an instance, a command or a Kubernetes object holds a value that looks like a secret.",
    gotchas: ["U34", "PS7"],
    level: "mandatory",
    defaults: { allow: [], entropy: 4 },
    config: {
      allow: { type: "array", items: { type: "string" }, default: [], description: "Variables, flags and programs whose values are no secrets, whatever they look like: DATASET_SHA, --run-id, mysql." },
      entropy: { type: "number", minimum: 3, maximum: 6, default: 4, description: "Bits per character from which a long word counts as a key." },
    },
  },
  (resource, config) => [
    ...jobChecks(resource, config),
    ...instanceChecks(resource, config),
    ...commandChecks(resource, config),
    ...workloadsOf(resource).map((workload): Check => (peek) => podFindings(workload, peek, config)),
    ...(isSearched(resource.type) ? [(peek: Peek) => anywhere(resource, peek, config)] : []),
  ],
);

function jobChecks(resource: ResourceValidationArgs, config: SecretConfig): Check[] {
  const subject = planSubject(resource);
  return subject.state === "plan" ? planChecks(subject.plan, config) : [];
}

function planChecks(plan: JudgedPlan, config: SecretConfig): Check[] {
  const line = (where: string, text: string | null | undefined): Check => () => wordFindings(where, text ?? "", config);
  return [
    ...Object.keys(plan.environment).map((name): Check => () => environmentFindings(name, plan.environment[name], config)),
    ...plan.cells.map((cell, index): Check => () => wordFindings(`job.command or job.roster[${index}].args`, cell.command, config)),
    line("job.setup", plan.setup),
    ...plan.inputs.map((input, index): Check => () => wordFindings(`job.inputs[${index}].source`, input.source, config)),
  ];
}

function instanceChecks({ type, props }: ResourceValidationArgs, config: SecretConfig): Check[] {
  if (type !== LAMBDA_INSTANCE) return [];
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  return [
    () => wordFindings("userData", text(props["userData"]), config),
    ...Object.keys((props["tags"] ?? {}) as object).map((tag): Check => () => wordFindings(`tags.${tag}`, text((props["tags"] as Record<string, unknown>)[tag]), config)),
  ];
}

/** Its `environment` and `stdin` are where secrets belong, and a policy cannot see whether a value is marked as one. */
const commandChecks = ({ type, props }: ResourceValidationArgs, config: SecretConfig): Check[] =>
  /^command:(local|remote):Command$/.test(type)
    ? ["create", "update", "delete"].map(
        (where): Check =>
          function* () {
            const text: unknown = props[where];
            const reason = typeof text === "string" ? firstReason(text, config) : null;
            if (reason !== null) yield finding(where, reason, "environment: {NAME: config.requireSecret(...)} or stdin; the command reads $NAME");
          },
      )
    : [];

function* environmentFindings(name: string, value: string | undefined, config: SecretConfig): Iterable<Finding> {
  if (config.allow.includes(name) || typeof value !== "string") return;
  const reason = looksSecret(name, value, config.entropy) ?? firstReason(value, config);
  if (reason !== null) yield finding(`job.env.${name}`, reason, `secrets: [${name}] in the job, and export ${name} where you run pulumi`);
}

function* wordFindings(where: string, text: string, config: SecretConfig): Iterable<Finding> {
  const reason = firstReason(text, config);
  if (reason !== null) yield finding(where, reason, "secrets: [NAME] in the job; the program reads $NAME");
}

function firstReason(text: string, config: SecretConfig): Reason | null {
  const command = secretOfCommand(text, config.allow);
  if (command !== null) return command;
  for (const { name, value } of splitWords(text)) {
    if (name !== null && config.allow.includes(name)) continue;
    const reason = looksSecret(name, value, config.entropy);
    if (reason !== null) return reason;
  }
  return null;
}

function* podFindings(workload: Workload, peek: Peek, config: SecretConfig): Iterable<Finding> {
  for (const { where, container } of workload.everyContainer()) {
    for (const [index, variable] of (peek(() => container.env) ?? []).entries()) {
      const given: unknown = peek(() => variable.name);
      const name = typeof given === "string" ? given : "";
      const value = peek(() => variable.value);
      if (config.allow.includes(name) || typeof value !== "string") continue;
      const reason = looksSecret(name, value, config.entropy) ?? firstReason(value, config);
      if (reason !== null) yield inManifest(`${where}.env[${index}] (${name})`, reason, `valueFrom: {secretKeyRef: {name: SECRET, key: ${name}}}`);
    }
    for (const key of ["command", "args"] as const) {
      const words = peek(() => attemptWords({ [key]: container[key] }).join(" "));
      const reason = words === undefined ? null : firstReason(words, config);
      if (reason !== null) yield inManifest(`${where}.${key}`, reason, "env with valueFrom: {secretKeyRef: {name: SECRET, key: NAME}}; the program reads $NAME");
    }
  }
}

/** Where secrets belong, or are encrypted already, a search would only find what is right. */
const isSearched = (type: string): boolean => isKubernetes(type) && kindOf(type) !== "Secret" && !/:(Secret\w*|SealedSecret|.*Patch|.*List)$/.test(type);

/** Applied manifests are kept whole in an annotation, and managed fields repeat every name. */
const REPEATED: ReadonlySet<string> = new Set(["kubectl.kubernetes.io/last-applied-configuration", "managedFields", "status", "__provider"]);

/** Known kinds of keys, commands that are given one, and what a property or a line of configuration is called. */
function* anywhere(resource: ResourceValidationArgs, peek: Peek, config: SecretConfig): Iterable<Finding> {
  const containers = (peek(() => workloadsOf(resource)) ?? []).flatMap((workload) => workload.everyContainer().map(({ where }) => `${where}.`));
  const isJudged = (where: string): boolean => containers.some((container) => where.startsWith(container) && ENVIRONMENT.test(where.slice(container.length)));
  // What a ConfigMap holds becomes the environment of a container, or a file in it.
  const ofProperty = kindOf(resource.type) === "ConfigMap" ? secretOfConfig : secretOfProperty;
  const open: { readonly where: string; readonly name: string; readonly value: unknown }[] = [{ where: "", name: "", value: resource.props }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { where, name, value } = next;
    if (typeof value === "string") {
      const reason = isJudged(where) ? null : (knownKind(value) ?? secretOfCommand(value, config.allow) ?? ofProperty(name, value, config));
      if (reason !== null) yield inManifest(where, reason, "a Secret, and a reference to it");
    } else if (typeof value === "object" && value !== null) {
      for (const key of Object.keys(value)) {
        if (REPEATED.has(key)) continue;
        open.push({ name: Array.isArray(value) ? name : key, where: Array.isArray(value) ? `${where}[${key}]` : `${where}${where === "" ? "" : "."}${key}`, value: peek(() => (value as Record<string, unknown>)[key]) });
      }
    }
  }
}

const secretOfProperty = (name: string, value: string, { allow, entropy }: SecretConfig): Reason | null => (allow.includes(name) ? null : looksSecretAsProperty(name, value, entropy));

function secretOfConfig(name: string, value: string, config: SecretConfig): Reason | null {
  if (config.allow.includes(name)) return null;
  if (/^[A-Z][A-Z0-9_]*$/.test(name)) return looksSecret(name, value, config.entropy);
  const inside = valuesInDocument(value).filter(({ name: key, readings: [reading = ""] }) => !config.allow.includes(key) && !/(pass(word|wd|phrase)?|pwd|pw)$/i.test(key) && looksSecretAsProperty(key, reading, config.entropy) !== null);
  return secretOfProperty(name, value, config) ?? (inside.length > 0 ? "the name of a line in it says so" : null);
}

/** Judged with their names by podFindings. */
const ENVIRONMENT = /^(env\[\d+\]\.value|(command|args)\[\d+\])$/;

const inManifest = (where: string, reason: Reason, instead: string): Finding => ({
  where,
  what: `holds what looks like a secret (${reason})`,
  why: "plain values of a manifest are stored in state, shown by `kubectl get -o yaml` to everybody who may read the object, and kept in its history",
  gotchas: ["U34"],
  instead: `${instead}; if it is none, name it in this policy's allow list`,
});

/** Says why it looks like one, never what it is. */
const finding = (where: string, reason: Reason, instead: string): Finding => ({
  where,
  what: `holds what looks like a secret (${reason})`,
  why: "plain values are stored in state and in the ledger, and are shown by the process list of the instance",
  gotchas: ["U34"],
  instead: `${instead}; if it is none, name it in this policy's allow list`,
});
