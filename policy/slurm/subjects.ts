/** Where batch scripts are found: in a plan for Slurm, in commands that a program runs, and in files that it writes. */
import type { ResourceValidationArgs } from "@pulumi/policy";
import type { JudgedPlan } from "../../profiles/judgedPlan";
import type { Check, Finding, Peek } from "../rule";
import { planSubject } from "../subjects";
import { isUnknownValue } from "../unknown";
import { batchScriptsIn, type BatchScript } from "./script";

export interface Submitted {
  readonly where: string;
  readonly script: BatchScript;
  /** Part of a plan: Holdfast wraps it, with a place for its checkpoints. */
  readonly planned: boolean;
}

export const judgeScripts = (resource: ResourceValidationArgs, judge: (submitted: Submitted) => Iterable<Finding>): Check[] =>
  maySubmit(resource)
    ? [
        function* (peek) {
          for (const submitted of submittedBy(resource, peek)) yield* judge(submitted);
        },
      ]
    : [];

const COMMANDS: readonly string[] = ["command:remote:Command", "command:local:Command", "command:local:run"];
/** Properties by which resources of any provider are given the text of a file. */
const TEXTS = ["content", "contents", "text", "body", "script", "data"] as const;

/** Whether a resource can hold a batch script at all. */
const maySubmit = (resource: ResourceValidationArgs): boolean => COMMANDS.includes(resource.type) || planSubject(resource).state === "plan" || textsOf(resource).length > 0;

function submittedBy(resource: ResourceValidationArgs, peek: Peek): Submitted[] {
  const subject = planSubject(resource);
  if (subject.state === "plan") return ofPlan(subject.plan);
  if (!COMMANDS.includes(resource.type)) return textsOf(resource).flatMap(({ where, text }) => batchScriptsIn(text).map((script) => ({ where, script, planned: false })));
  const environment = peek(() => ({ ...(resource.props["environment"] as Record<string, unknown> | undefined) })) ?? {};
  const variables = Object.fromEntries(Object.entries(environment).flatMap(([name, value]) => (typeof value === "string" ? [[name, [value]]] : [])));
  return ["create", "update", "stdin"].flatMap((where) => {
    const text = peek(() => resource.props[where] as unknown);
    return typeof text === "string" ? batchScriptsIn(text, variables).map((script) => ({ where, script, planned: false })) : [];
  });
}

/** Setup and commands are shell too; the options that Holdfast itself gives to sbatch are right by construction. */
function ofPlan(plan: JudgedPlan): Submitted[] {
  const texts = [{ where: "job.setup", text: plan.setup ?? "" }, ...plan.cells.map((cell, index) => ({ where: `job.command or job.roster[${index}].args`, text: cell.command }))];
  return texts.flatMap(({ where, text }) => batchScriptsIn(text).map((script) => ({ where, script, planned: true })));
}

/** Texts with directives for Slurm, a level deep: a file's content, a ConfigMap's data. What is not known yet is passed over: few such texts are batch scripts. */
function textsOf({ props }: ResourceValidationArgs): { where: string; text: string }[] {
  return TEXTS.flatMap((where) => {
    const value = known(() => props[where] as unknown);
    if (typeof value === "string") return value.includes("#SBATCH") ? [{ where, text: value }] : [];
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
    return Object.keys(value).flatMap((key) => {
      const text = known(() => (value as Record<string, unknown>)[key]);
      return typeof text === "string" && text.includes("#SBATCH") ? [{ where: `${where}.${key}`, text }] : [];
    });
  });
}

function known(read: () => unknown): unknown {
  try {
    return read();
  } catch (thrown) {
    if (!isUnknownValue(thrown)) throw thrown;
    return undefined;
  }
}
