/** Where batch scripts are found: in a plan for Slurm, and in commands that a program runs on a login node. */
import type { ResourceValidationArgs } from "@pulumi/policy";
import type { Plan } from "../../profiles/plan";
import { planSubject } from "../subjects";
import type { Peek } from "../rule";
import { parseBatchScript, type BatchScript } from "./script";

export interface Submitted {
  readonly where: string;
  readonly script: BatchScript;
}

const COMMANDS: readonly string[] = ["command:remote:Command", "command:local:Command", "command:remote:CopyToRemote", "command:local:run"];

/** Whether a resource can hold a batch script at all. */
export const maySubmit = (resource: ResourceValidationArgs): boolean => COMMANDS.includes(resource.type) || planSubject(resource).state === "plan";

export function submittedBy(resource: ResourceValidationArgs, peek: Peek): Submitted[] {
  const subject = planSubject(resource);
  const texts = subject.state === "plan" ? ofPlan(subject.plan) : ["create", "update"].map((where) => ({ where, text: peek(() => resource.props[where] as unknown) }));
  return texts.flatMap(({ where, text }) => {
    const script = typeof text === "string" ? parseBatchScript(text) : null;
    return script === null ? [] : [{ where, script }];
  });
}

/** Setup and commands are shell too; the options that Holdfast itself gives to sbatch are right by construction. */
function ofPlan(plan: Plan): { where: string; text: string }[] {
  return [{ where: "job.setup", text: plan.setup ?? "" }, ...plan.cells.map((cell, index) => ({ where: `job.command or job.roster[${index}].args`, text: cell.command }))];
}
