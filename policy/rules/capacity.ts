/** What a run writes must fit where it is written. */
import type { JudgedPlan } from "../../profiles/judgedPlan";
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

function* tooSmallATier({ durable, resources, disk }: JudgedPlan, profile: Profile): Iterable<Finding> {
  const tier = profile.tiers.find(({ id }) => id === durable.tier);
  if (tier === undefined) return;
  const cap = knownOf(tier.capBytes);
  const asked = Math.max((resources.diskGiB ?? 0) * GIB, disk?.bytes ?? 0);
  if (cap !== null && asked > cap) {
    const counted = disk != null && disk.bytes === asked;
    yield {
      where: counted ? "job.checkpoint.bytes" : "job.resources.diskGiB",
      what: `${gib(asked)}${counted ? " for the checkpoints of all cells, one being written, and caches" : ""}, and the ${tier.title} holds ${gib(cap)}`,
      why: "the write that does not fit leaves a torn checkpoint, and nothing after it is saved",
      gotchas: tier.gotchas,
      instead: "fewer cells in a run, smaller checkpoints, or a platform whose durable tier holds more",
    };
  }
  const files = knownOf(tier.capInodes);
  if (files !== null && disk != null && disk.files > files) {
    yield {
      where: "job.roster",
      what: `about ${disk.files} files, and the ${tier.title} holds ${files}, whatever their size`,
      why: "a file system without inodes refuses new files while bytes are free, and a sync that is not checked reports success",
      gotchas: tier.gotchas,
      instead: "fewer cells in a run, or checkpoints in one file each instead of many shards",
    };
  }
}

const GIB = 2 ** 30;
const gib = (bytes: number): string => `${Math.floor((bytes / GIB) * 10) / 10} GiB`;
