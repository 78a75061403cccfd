/** Sentences about a plan that is allowed and still worth a second look. */
import { renderPath } from "../input/faults";
import type { JobRequest } from "../job";
import type { PlanCheckpoint, PlanCost, PlanResources } from "../plan";
import { meetsLowerBounds, priceTableOf } from "./prices";
import type { Profile } from "../schema";
import type { StackConfig } from "../stackConfig";
import { firedTriggers } from "./triggers";

export interface WarningFacts {
  readonly job: JobRequest;
  readonly profile: Profile;
  readonly config: StackConfig;
  readonly resources: PlanResources;
  readonly checkpoint: PlanCheckpoint;
  readonly cost: PlanCost;
  readonly disposable: { readonly maxHours: number } | null;
}

/** Above this fraction of the paid time a plan is not worth running as it is. */
export const WASTE_LIMIT = 0.25;

export const warningsOf = (facts: WarningFacts): string[] => [...wasteful(facts), ...unbounded(facts), ...overBudget(facts), ...tooSmall(facts), ...volatileOutput(facts), ...known(facts)];

function wasteful({ checkpoint }: WarningFacts): string[] {
  if (checkpoint.expectedWaste <= WASTE_LIMIT) return [];
  const percent = Math.round(checkpoint.expectedWaste * 100);
  const hours = (checkpoint.meanSecondsBetweenInterruptions / 3600).toPrecision(3);
  const cadence = `a checkpoint of ${checkpoint.costSeconds} s every ${checkpoint.everySeconds} s, with an interruption every ${Number(hours)} h`;
  return [`checkpoint: ${cadence}, wastes about ${percent}% of the paid time; make checkpoints cheaper or interruptions rarer`];
}

function unbounded({ config, cost, disposable }: WarningFacts): string[] {
  const warnings: string[] = [];
  if (config.budget.maxHours === null && config.budget.maxUsd === null && disposable === null) warnings.push("budget: nothing bounds how long this run may bill; set budget.maxHours");
  if (cost.hourlyUsdBound === null) warnings.push("capacity: nothing bounds the hourly price; set capacity.maxHourlyUsd, or candidates with a known price");
  return warnings;
}

function overBudget({ config, cost }: WarningFacts): string[] {
  const { maxUsd, maxHours } = config.budget;
  if (maxUsd === null || cost.worstCaseUsd === null || cost.worstCaseUsd <= maxUsd) return [];
  return [`budget: ${maxHours ?? 0} h can cost $${cost.worstCaseUsd.toFixed(2)}, more than budget.maxUsd = ${maxUsd}`];
}

/** By the dated table only: the vendor may have changed the type since. */
function tooSmall({ profile, config, resources }: WarningFacts): string[] {
  const table = priceTableOf(profile.id);
  return config.capacity.candidates.flatMap(({ type }, index) => {
    const offer = table?.offers.find((listed) => listed.type === type);
    if (table === null || offer === undefined || meetsLowerBounds(offer, resources)) return [];
    return [`capacity.candidates[${index}]: ${type} had less than the job's resources ask for in ${table.month}`];
  });
}

const OUTPUT_FLAG = /(?:^|\s)(--?(?:output|out|save|logging|log|model)[-_]?(?:dir|directory|path|folder))(?:=|\s+)(\S+)/gi;

/** A trainer that writes beside its code writes to the disk that goes first. */
function volatileOutput({ job, profile }: WarningFacts): string[] {
  const own = profile.tiers.find((tier) => tier.id === profile.ownDisk.tier);
  const lines = [{ where: "command", text: job.command }, ...job.roster.map((cell, index) => ({ where: `roster[${index}].args`, text: cell.args.join(" ") }))];
  return lines.flatMap(({ where, text }) =>
    [...text.matchAll(OUTPUT_FLAG)]
      .filter(([, , value = ""]) => !value.includes("HOLDFAST_"))
      .map(([, flag = ""]) => `${where}: ${flag} is read in the code directory, on the ${own?.title ?? "own disk"}; write ${flag} "$HOLDFAST_OUTPUT_DIR" in command to keep what it holds`),
  );
}

const known = ({ job, profile, config }: WarningFacts): string[] =>
  firedTriggers(profile, job, config).map(({ path, warning, gotcha }) => `${renderPath(path)}: ${warning} (${gotcha})`);
