/** Which resources are Holdfast's, and how a rule gets at the plan of a run. */
import type { ResourceValidationArgs } from "@pulumi/policy";
import type { JudgedPlan } from "../profiles/judgedPlan";
import { findProfile, type Profile } from "./platforms";
import type { Check } from "./rule";

const own = (kind: string): string => `pulumi-nodejs:dynamic/holdfast:${kind}`;

export const TRAINING_RUN = "holdfast:index:TrainingRun";
export const LAMBDA_RUN = "holdfast:lambda:LambdaRun";
export const REMOTE_JOB = own("RemoteJob");
export const LAMBDA_INSTANCE = own("LambdaInstance");
export const LAMBDA_FILESYSTEM = own("LambdaFilesystem");
export const TEARDOWN_GATE = own("TeardownGate");
export const BILLING_AUDIT = own("BillingAudit");

/** Everything of a run that bills, holds data or works on it; the gate guards these, the audit accounts for them. */
export const LEAVES: ReadonlySet<string> = new Set([LAMBDA_INSTANCE, LAMBDA_FILESYSTEM, REMOTE_JOB, own("LambdaSshKey"), own("LambdaFirewallRuleset")]);

const RUNS: readonly string[] = [TRAINING_RUN, LAMBDA_RUN];

/** Whether a component of Holdfast is above a resource: its URN's type chain names every ancestor. */
export const isInsideRun = (urn: string): boolean => {
  const chain = urn.split("::")[2]?.split("$") ?? [];
  return chain.slice(0, -1).some((type) => RUNS.includes(type));
};

/**
 * The plan by which a resource is judged. Once per run: at the outermost component, before anything of it is created; or
 * at a job that stands alone. `hidden`: there should be one and it cannot be seen, which must not pass for "no fault".
 */
export type PlanSubject = { readonly state: "plan"; readonly plan: JudgedPlan } | { readonly state: "hidden" } | { readonly state: "elsewhere" };

export function planSubject({ type, urn, props }: Pick<ResourceValidationArgs, "type" | "urn" | "props">): PlanSubject {
  if (!(RUNS.includes(type) || type === REMOTE_JOB) || isInsideRun(urn)) return { state: "elsewhere" };
  const plan = props["plan"] as JudgedPlan | null | undefined;
  return plan?.v === 1 ? { state: "plan", plan } : { state: "hidden" };
}

/**
 * Checks of a plan with its platform's profile. A plan that cannot be seen, or of a platform that nobody knows, is a
 * finding of checkpoints-survive-teardown and is not repeated by every rule.
 */
export function planChecks(resource: ResourceValidationArgs, judge: (plan: JudgedPlan, profile: Profile) => readonly Check[]): readonly Check[] {
  const subject = planSubject(resource);
  if (subject.state !== "plan") return [];
  const profile = findProfile(subject.plan.platform);
  return profile === null ? [] : judge(subject.plan, profile);
}

/** What to do about a plan that cannot be seen. */
export const REVEAL_PLAN = "build the run with TrainingRun, and unset PULUMI_NODEJS_SKIP_COMPONENT_INPUTS if it is set";
