/** Sentences about a plan that is allowed and still worth a second look. */
import { renderPath } from "../input/faults";
import type { JobRequest } from "../job";
import type { PlanCheckpoint, PlanCost, PlanDeletion, PlanDisk, PlanInput, PlanResources } from "../plan";
import { valueOr } from "../fact";
import type { Profile } from "../schema";
import type { StackConfig } from "../stackConfig";
import { reliedOn, staleWarnings } from "../staleness";
import { meetsLowerBounds, priceTableOf } from "./prices";
import type { PlatformSettings } from "./settings";
import { findVerb, tickingClocks } from "./teardown";
import { firedTriggers } from "./triggers";

export interface WarningFacts {
  readonly job: JobRequest;
  readonly profile: Profile;
  readonly config: StackConfig;
  readonly settings: PlatformSettings;
  readonly resources: PlanResources;
  readonly checkpoint: PlanCheckpoint;
  readonly disk: PlanDisk | null;
  readonly inputs: readonly PlanInput[];
  readonly cost: PlanCost;
  readonly disposable: { readonly maxHours: number } | null;
  readonly deletions: readonly PlanDeletion[];
  /** null: facts are not doubted for their age. */
  readonly now: Date | null;
}

/** Above this fraction of the paid time a plan is not worth running as it is. */
export const WASTE_LIMIT = 0.25;

export const warningsOf = (facts: WarningFacts): string[] => [
  ...wasteful(facts),
  ...unbounded(facts),
  ...overBudget(facts),
  ...tooSmall(facts),
  ...tooFull(facts),
  ...manyFiles(facts),
  ...cutShort(facts),
  ...volatileOutput(facts),
  ...platformWarnings(facts),
  ...known(facts),
  ...stale(facts),
];

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
  if (cost.storageUsdPerMonth === null || cost.extrasUsdPerMonth === null) warnings.push("storage: its price is not known in advance, so the cost bounds leave it out");
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

const gigabytes = (bytes: number): string => `${Number((bytes / 1e9).toPrecision(3))} GB`;

/** Bytes and files that the cells need, against what the job asks for and what the tier holds. */
function tooFull({ disk, resources, profile }: WarningFacts): string[] {
  if (disk === null) return [];
  const tier = profile.tiers.find((known) => known.id === profile.durable.tier);
  const about = tier === undefined || tier.gotchas.length === 0 ? "" : ` (${tier.gotchas.join(", ")})`;
  const warnings: string[] = [];
  if (resources.diskGiB !== null && disk.bytes > resources.diskGiB * 2 ** 30) {
    warnings.push(`resources.diskGiB: ${resources.diskGiB} GiB is less than the ${gigabytes(disk.bytes)} that checkpoints of all cells, the next one and caches need`);
  }
  if (disk.capBytes !== null && disk.bytes > disk.capBytes) warnings.push(`checkpoint.bytes: the cells need ${gigabytes(disk.bytes)}, and ${tier?.title ?? "the durable tier"} holds ${gigabytes(disk.capBytes)}${about}`);
  if (disk.capInodes !== null && disk.files > disk.capInodes) warnings.push(`roster: the cells make about ${disk.files} files, and ${tier?.title ?? "the durable tier"} holds ${disk.capInodes}${about}`);
  return warnings;
}

/** One by one they take longer to move, list and open than to read. */
const MANY_FILES = 100_000;

const manyFiles = ({ inputs }: WarningFacts): string[] =>
  inputs.flatMap(({ name, files }) => ((files ?? 0) > MANY_FILES ? [`inputs.${name}: ${files ?? 0} files are slow to move and to read; pack them into archives of a few hundred MB (U25)`] : []));

/** Timers that end the compute before the lease does. */
function cutShort({ profile, settings, config }: WarningFacts): string[] {
  const { maxHours } = config.budget;
  return tickingClocks(profile, settings).flatMap((clock) => {
    const seconds = settings.clockSeconds[clock.id] ?? valueOr(clock.defaultSeconds, null);
    if (maxHours === null || seconds === null || clock.from !== "launch" || clock.effect === "bills" || seconds >= maxHours * 3600) return [];
    const about = clock.gotchas.length === 0 ? "" : ` (${clock.gotchas.join(", ")})`;
    return [`clock ${clock.id}: ends the run after ${Number((seconds / 3600).toPrecision(3))} h, and budget.maxHours is ${maxHours}; what follows needs a new start that resumes${about}`];
  });
}

/** SLURM2: the signal comes up to a minute early or late, and KillWait is half a minute. */
const SIGNAL_SLACK_SECONDS = 90;

function platformWarnings({ config, checkpoint, job }: WarningFacts): string[] {
  switch (config.platform) {
    case "paperspaceCore":
      return config.paperspaceCore.autoShutdownHours === null ? ["paperspaceCore.autoShutdownHours: not set, so nothing ends a forgotten machine; later it can be set for certain in the console only (PS1, PS2)"] : [];
    case "paperspaceGradient":
      if (config.paperspaceGradient.plan !== "free") return [];
      return [`paperspaceGradient.plan: notebooks of the free plan are public${job.secrets.length === 0 ? "" : `, and the job needs ${job.secrets.join(", ")}`}; set plan: paid for anything that is not (PS7)`];
    case "slurm": {
      const needed = checkpoint.costSeconds + SIGNAL_SLACK_SECONDS;
      const { signalLeadSeconds, time } = config.slurm;
      const unlimited = time === null ? ["slurm.time: not set, so the partition's own walltime ends the job, which may be minutes; set slurm.time (SLURM2)"] : [];
      return signalLeadSeconds >= needed ? unlimited : [...unlimited, `slurm.signalLeadSeconds: ${signalLeadSeconds} s is less than the ${needed} s that one checkpoint and the signal's slack need (SLURM2)`];
    }
    case "kubernetes": {
      const { graceSeconds } = config.kubernetes;
      return graceSeconds >= checkpoint.costSeconds ? [] : [`kubernetes.graceSeconds: ${graceSeconds} s is less than the ${checkpoint.costSeconds} s of one checkpoint, so what a drained or evicted pod saves last is cut off (K8S5)`];
    }
    case "kaggle":
      if (config.kaggle.internet || !NEEDS_INTERNET.test(job.setup.script ?? "")) return [];
      return ["kaggle.internet: false, and the job's setup downloads something; set internet: true, or bring it in a data set (NB3)"];
    default:
      return [];
  }
}

const NEEDS_INTERNET = /\b(pip3?\s+install|conda\s+install|apt(-get)?\s+(-\S+\s+)*install|hf\s+download|huggingface-cli\s+download|git\s+clone|curl|wget)\b/;

/** Facts that this plan relies on and that nobody has looked at for long. */
function stale({ profile, settings, config, deletions, now }: WarningFacts): string[] {
  if (now === null) return [];
  const verbs = deletions.map((deletion) => findVerb(profile, deletion.role, deletion.verb));
  const warnings = staleWarnings(reliedOn(profile, verbs, tickingClocks(profile, settings)), profile.id, now);
  const inPlace = config.teardown.require === "verifiedInPlace" && deletions.some((deletion) => deletion.tiersInDoubt.includes(profile.durable.tier));
  return inPlace ? [...warnings, "teardown.require: verifiedInPlace trusts a tier whose survival was last verified more than twelve months ago; write pulled"] : warnings;
}

const OUTPUT_FLAG = /(?:^|\s)(--?(?:output|out|save|logging|log|model)[-_]?(?:dir|directory|path|folder))(?:=|\s+)(\S+)/gi;

/** A trainer that writes beside its code writes to the disk that goes first. */
function volatileOutput({ job, profile }: WarningFacts): string[] {
  const own = profile.tiers.find((tier) => tier.id === profile.ownDisk.tier);
  const lines = [{ where: "command", text: job.command }, ...job.roster.map((cell, index) => ({ where: `roster[${index}].args`, text: cell.args.join(" ") }))];
  return lines.flatMap(({ where, text }) =>
    [...text.matchAll(OUTPUT_FLAG)]
      .filter(([, , value = ""]) => !value.includes("HOLDFAST_") && !/^["']?[a-z][\w+.-]*:\/\//i.test(value))
      .map(([, flag = "", value = ""]) => `${where}: ${flag} ${/^["']?[/~]/.test(value) ? "names a folder outside of the run's, taken to be" : "is read in the code directory,"} on the ${own?.title ?? "own disk"}; write ${flag} "$HOLDFAST_OUTPUT_DIR" in command to keep what it holds`),
  );
}

const known = ({ job, profile, config }: WarningFacts): string[] =>
  firedTriggers(profile, job, config).map(({ path, warning, gotcha }) => `${renderPath(path)}: ${warning} (${gotcha})`);
