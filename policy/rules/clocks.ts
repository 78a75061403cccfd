/** Timers that act without being asked must not reach the checkpoints, and must leave room for one. */
import type { JudgedPlan } from "../../profiles/judgedPlan";
import type { PlanClock } from "../../profiles/plan";
import { knownOf, type Clock, type Profile } from "../platforms";
import { resourceRule, type Finding } from "../rule";
import { planChecks } from "../subjects";

export const checkpointsSurviveClocks = resourceRule(
  {
    name: "checkpoints-survive-clocks",
    description: "No timer of the platform erases the storage that holds the checkpoints.",
    gotchas: ["AD-DANGER", "PS2", "PS3", "SLURM5", "NB4", "NB5"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  (resource) => planChecks(resource, (plan, profile) => [() => erasingClocks(plan, profile)]),
);

export const firstCheckpointBeforeClock = resourceRule(
  {
    name: "first-checkpoint-before-clock",
    description: "A timer that ends the work leaves time for a checkpoint before it does.",
    gotchas: ["PS2", "NB5", "SLURM2", "LAM9"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  (resource) => planChecks(resource, (plan, profile) => [() => noCheckpointInTime(plan, profile)]),
);

export const runFitsClock = resourceRule(
  {
    name: "run-fits-clock",
    description: "A run ends before the platform ends it, or is meant to continue in a further session.",
    gotchas: ["PS2", "NB5", "SLURM2"],
    level: "advisory",
    defaults: {},
    config: {},
  },
  (resource) => planChecks(resource, (plan, profile) => [() => cutByClock(plan, profile)]),
);

export const autoShutdownIsSet = resourceRule(
  {
    name: "auto-shutdown-is-set",
    description: "Where a platform can end the meter by itself, it is told when.",
    gotchas: ["PS1", "PS2", "GEN1"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  (resource) => planChecks(resource, (plan, profile) => [() => unsetShutdown(plan, profile)]),
);

const tierTitle = (profile: Profile, id: string): string => profile.tiers.find((tier) => tier.id === id)?.title ?? `tier ${id}`;

const fullStop = (sentence: string): string => sentence.replace(/\.$/, "");

function* erasingClocks(plan: JudgedPlan, profile: Profile): Iterable<Finding> {
  const { tier } = plan.durable;
  for (const clock of plan.clocks) {
    if (!clock.tiersLost.includes(tier)) continue;
    const after = clock.seconds === null ? "" : ` after ${hours(clock.seconds)}`;
    if (tier !== profile.durable.tier) {
      yield {
        where: `plan.durable.tier (clock ${clock.id})`,
        what: `checkpoints go to ${tierTitle(profile, tier)}, which a timer erases${after}`,
        why: fullStop(clock.statement),
        gotchas: clock.gotchas,
        instead: `checkpoints on tier ${profile.durable.tier}: leave the directory to Holdfast and write to $HOLDFAST_CHECKPOINT_DIR`,
      };
    } else if (clock.from === "launch" && clock.seconds !== null && (leaseSeconds(plan) ?? Infinity) >= clock.seconds) {
      yield {
        where: "budget.maxHours",
        what: `the run may go on until a timer erases its checkpoints${after}`,
        why: fullStop(clock.statement),
        gotchas: clock.gotchas,
        instead: `budget: {maxHours: ${Math.floor(clock.seconds / 3600 - 0.5)}}, so that this session ends by itself, and a further run that continues from its output`,
      };
    }
  }
}

const leaseSeconds = ({ budget }: JudgedPlan): number | null => (budget.maxHours == null ? null : budget.maxHours * 3600);

/** Timers that end the process: those of the plan with the profile's word on what they do. */
function endingClocks(plan: JudgedPlan, profile: Profile): { clock: PlanClock & { readonly seconds: number }; known: Clock }[] {
  return plan.clocks.flatMap((clock) => {
    const known = profile.clocks.find(({ id }) => id === clock.id);
    if (known === undefined || known.effect === "bills" || clock.from !== "launch" || clock.seconds === null) return [];
    return [{ clock: { ...clock, seconds: clock.seconds }, known }];
  });
}

function* noCheckpointInTime(plan: JudgedPlan, profile: Profile): Iterable<Finding> {
  const { everySeconds, costSeconds, meanSecondsBetweenInterruptions } = plan.checkpoint;
  const first = everySeconds + costSeconds;
  for (const { clock } of endingClocks(plan, profile)) {
    if (first < clock.seconds) continue;
    yield {
      where: "job.checkpoint.everySeconds",
      what: `the first checkpoint is complete after ${hours(first)}, and the session ends after ${hours(clock.seconds)}`,
      why: `${fullStop(clock.statement)}, so every session would start from nothing`,
      gotchas: clock.gotchas,
      instead: `checkpoint: {everySeconds: ${Math.max(1, Math.floor(clock.seconds / 10))}}, or leave everySeconds out`,
    };
  }
  if (everySeconds < meanSecondsBetweenInterruptions) return;
  yield {
    where: "job.checkpoint.everySeconds",
    what: `a checkpoint every ${hours(everySeconds)} with an interruption every ${hours(meanSecondsBetweenInterruptions)} on average`,
    why: "most attempts end before they have saved anything",
    gotchas: profile.interruption.gotchas,
    instead: "leave everySeconds out: the cadence is then derived from both",
  };
}

function* cutByClock(plan: JudgedPlan, profile: Profile): Iterable<Finding> {
  const expected = leaseSeconds(plan);
  if (expected === null) return;
  for (const { clock, known } of endingClocks(plan, profile)) {
    if (clock.seconds >= expected) continue;
    const longest = knownOf(known.range)?.maxSeconds ?? null;
    const settable = knownOf(known.settable);
    const longer = longest !== null && longest >= expected && settable !== null ? `${settable}: ${hours(expected)} or more; or ` : "";
    yield {
      where: "budget.maxHours",
      what: `the run may take ${hours(expected)}, and the session ends after ${hours(clock.seconds)}`,
      why: fullStop(clock.statement),
      gotchas: clock.gotchas,
      instead: `${longer}${Math.ceil(expected / clock.seconds)} sessions, each of which resumes: start the next one when this ends`,
    };
  }
}

/** A timer that stops the machine, can be set, and is off unless it is. A deadline of a Job is judged at the Job. */
function* unsetShutdown(plan: JudgedPlan, profile: Profile): Iterable<Finding> {
  for (const known of profile.clocks) {
    const settable = knownOf(known.settable);
    const range = knownOf(known.range);
    if (known.effect !== "stop" || known.from !== "launch" || settable === null || range === null || knownOf(known.defaultSeconds) !== null) continue;
    const clock = plan.clocks.find(({ id }) => id === known.id);
    if (clock?.seconds != null) continue;
    yield {
      where: `plan.clocks (${known.id})`,
      what: "it is not set",
      why: `a forgotten machine bills until somebody looks: ${known.statement.charAt(0).toLowerCase()}${fullStop(known.statement.slice(1))}`,
      gotchas: [...new Set([...known.gotchas, ...profile.clocks.filter(({ effect }) => effect === "bills").flatMap(({ gotchas }) => gotchas)])],
      instead: `${settable}: between ${hours(range.minSeconds)} and ${hours(range.maxSeconds)}`,
    };
  }
}

const hours = (seconds: number): string => (seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 360) / 10} h`);
