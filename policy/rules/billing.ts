/** Somebody must have said how long, or how much. */
import type { JudgedPlan } from "../../profiles/judgedPlan";
import { findProfile, type Profile } from "../platforms";
import { resourceRule, type Check, type Finding } from "../rule";
import { isInsideRun, LAMBDA_INSTANCE, planChecks, planSubject, REVEAL_PLAN } from "../subjects";

/** All amounts are upper limits of an organisation; null: none. */
interface BillingConfig {
  readonly disposableMaxHours: number;
  readonly maxHours: number | null;
  readonly maxUsd: number | null;
}

export const budgetOrLeaseSet = resourceRule<BillingConfig>(
  {
    name: "budget-or-lease-set",
    description: "A run says how long it may take or what it may cost.",
    gotchas: ["LAM3", "LAM6", "PS1", "GEN1"],
    level: "mandatory",
    defaults: { disposableMaxHours: 2, maxHours: null, maxUsd: null },
    config: {
      disposableMaxHours: { type: "number", exclusiveMinimum: 0, default: 2, description: "How old a disposable run may get, in hours." },
      maxHours: { type: ["number", "null"], exclusiveMinimum: 0, default: null, description: "The longest lease that may be asked for, in hours." },
      maxUsd: { type: ["number", "null"], exclusiveMinimum: 0, default: null, description: "The largest budget that may be asked for, in USD." },
    },
  },
  (resource, config) => {
    if (resource.type === LAMBDA_INSTANCE && !isInsideRun(resource.urn)) return [() => [loneInstance]];
    const subject = planSubject(resource);
    switch (subject.state) {
      case "plan":
        return boundChecks(subject.plan, config);
      case "hidden":
        return [() => [{ where: "plan", what: "the plan of this run cannot be seen", why: "nobody can tell what bounds its cost", gotchas: [], instead: REVEAL_PLAN }]];
      case "elsewhere":
        return [];
    }
  },
);

const loneInstance: Finding = {
  where: "LambdaInstance",
  what: "an instance outside of a TrainingRun has neither lease nor budget",
  why: "it bills by the minute until somebody terminates it",
  gotchas: ["LAM3"],
  instead: "new TrainingRun(NAME, {..., budget: {maxHours: 12}})",
};

function boundChecks(plan: JudgedPlan, config: BillingConfig): Check[] {
  return [() => unbounded(plan), () => tooLongDisposable(plan, config), () => overTheLimit(plan, config)];
}

function* unbounded(plan: JudgedPlan): Iterable<Finding> {
  if (plan.budget.maxHours != null || plan.budget.maxUsd != null || plan.disposable != null) return;
  const clocks = findProfile(plan.platform)?.clocks.filter((clock) => clock.effect === "bills") ?? [];
  yield {
    where: "budget",
    what: "nothing says how long this run may take or what it may cost",
    why: clocks[0]?.statement.replace(/\.$/, "") ?? "nobody notices when it goes on",
    gotchas: [...new Set(clocks.flatMap((clock) => clock.gotchas))],
    instead: "budget: {maxHours: 12} or budget: {maxUsd: 40}",
  };
}

function* tooLongDisposable(plan: JudgedPlan, config: BillingConfig): Iterable<Finding> {
  const hours = plan.disposable?.maxHours;
  if (hours == null || hours <= config.disposableMaxHours) return;
  yield {
    where: "disposable.maxHours",
    what: `${hours} h is more than ${config.disposableMaxHours} h`,
    why: "a disposable run is destroyed without a receipt, which is for trials and not for work",
    gotchas: [],
    instead: `disposable: {maxHours: ${config.disposableMaxHours}}, or leave disposable out`,
  };
}

function* overTheLimit(plan: JudgedPlan, config: BillingConfig): Iterable<Finding> {
  for (const key of ["maxHours", "maxUsd"] as const) {
    const [asked, limit] = [plan.budget[key], config[key]];
    if (asked == null || limit === null || asked <= limit) continue;
    yield { where: `budget.${key}`, what: `${asked} is more than the limit of ${limit}`, why: "the limit is set in this pack's config", gotchas: [], instead: `budget: {${key}: ${limit}}` };
  }
}

export const costWithinBudget = resourceRule(
  {
    name: "cost-within-budget",
    description: "What a run can cost at worst is bounded and within its budget.",
    gotchas: ["LAM3", "LAM5", "GEN1", "PS1"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  (resource) => planChecks(resource, (plan, profile) => [() => overBudget(plan, profile), () => unboundedPrice(plan, profile)]),
);

function* overBudget({ cost, budget }: JudgedPlan, profile: Profile): Iterable<Finding> {
  if (budget.maxUsd == null || cost.worstCaseUsd == null || cost.worstCaseUsd <= budget.maxUsd) return;
  const hourly = cost.hourlyUsdBound ?? 0;
  yield {
    where: "budget.maxUsd",
    what: `the run can cost ${usd(cost.worstCaseUsd)} at worst (${budget.maxHours} h at up to ${usd(hourly)}), more than its budget of ${usd(budget.maxUsd)}`,
    why: "a budget ends nothing by itself: the machine bills until its lease is over",
    gotchas: gotchasOfMeters(profile),
    instead: `budget: {maxHours: ${hourly > 0 ? Math.floor((budget.maxUsd / hourly) * 10) / 10 : budget.maxHours}}, cheaper capacity.candidates, or budget: {maxUsd: ${Math.ceil(cost.worstCaseUsd)}}`,
  };
}

/** A lease alone bounds hours, not dollars. */
function* unboundedPrice({ cost, capacity, budget }: JudgedPlan, profile: Profile): Iterable<Finding> {
  if (cost.hourlySource !== "unknown" || capacity.maxHourlyUsd != null || budget.maxUsd == null) return;
  yield {
    where: "capacity.maxHourlyUsd",
    what: "nothing bounds the price of an hour, so nobody can tell when the budget is used up",
    why: "the price of some candidate is in no table, and the dearest machine that has capacity may be taken",
    gotchas: gotchasOfMeters(profile),
    instead: "capacity: {maxHourlyUsd: 2.5}, or candidates with a known price",
  };
}

const gotchasOfMeters = (profile: Profile): string[] => [...new Set(profile.clocks.filter(({ effect }) => effect === "bills").flatMap(({ gotchas }) => gotchas))];

const usd = (amount: number): string => `$${amount.toFixed(2)}`;
