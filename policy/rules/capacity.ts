/** What a run writes must fit where it is written. */
import type { Plan } from "../../profiles/plan";
import { knownOf, type Profile } from "../platforms";
import { resourceRule, type Finding } from "../rule";
import { planChecks } from "../subjects";

export const diskHoldsTheRun = resourceRule(
  {
    name: "disk-holds-the-run",
    description: "The storage for checkpoints is as large as what the run writes.",
    gotchas: ["AD4", "PS10", "NB1", "NB2", "U6", "U7"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  (resource) => planChecks(resource, (plan, profile) => [() => tooSmallATier(plan, profile)]),
);

function* tooSmallATier({ durable, resources }: Plan, profile: Profile): Iterable<Finding> {
  const tier = profile.tiers.find(({ id }) => id === durable.tier);
  const cap = tier === undefined ? null : knownOf(tier.capBytes);
  if (tier === undefined || cap === null || resources.diskGiB == null || resources.diskGiB * 2 ** 30 <= cap) return;
  const capGiB = Math.floor((cap / 2 ** 30) * 10) / 10;
  yield {
    where: "job.resources.diskGiB",
    what: `${resources.diskGiB} GiB, and the ${tier.title} holds ${capGiB} GiB`,
    why: "the write that does not fit leaves a torn checkpoint, and everything after it is not saved",
    gotchas: tier.gotchas,
    instead: `diskGiB: ${capGiB} or less: fewer cells at a time, fewer checkpoints kept (artifacts.scratch), or a tier that holds more`,
  };
}
