/** The durable tier must be there, in reach, and more than a snapshot. */
import type { PolicyResource, ResourceValidationArgs } from "@pulumi/policy";
import type { JudgedPlan } from "../../profiles/judgedPlan";
import { kindOf } from "../kubernetes/kinds";
import { knownOf, type Profile } from "../platforms";
import { resourceRule, stackRule, type Finding, type Peek } from "../rule";
import { isInsideRun, LAMBDA_FILESYSTEM, LAMBDA_INSTANCE, planChecks, REMOTE_JOB } from "../subjects";

export const snapshotIsNotTheOnlyCopy = resourceRule(
  {
    name: "snapshot-is-not-the-only-copy",
    description: "Checkpoints do not rely on a snapshot, whose fate at deletion differs by platform and by class.",
    gotchas: ["PS9"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  (resource) => [...planChecks(resource, (plan, profile) => [() => durableSnapshot(plan, profile)]), () => snapshotClass(resource)],
);

export const storageInReach = resourceRule(
  {
    name: "storage-in-reach",
    description: "Storage that is locked to a region is in the region of the machine that mounts it.",
    gotchas: ["LAM2", "PS5", "AD3"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  (resource) => [...planChecks(resource, (plan, profile) => [() => foreignCandidates(plan, profile)]), ...(resource.type === LAMBDA_INSTANCE && !isInsideRun(resource.urn) ? [(peek: Peek) => foreignFilesystem(resource, peek)] : [])],
);

export const storageAttachedAtLaunch = stackRule(
  {
    name: "storage-attached-at-launch",
    description: "The file system a job writes to is attached when its instance is launched.",
    gotchas: ["LAM2"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  (resources) => resources.filter(({ type }) => type === REMOTE_JOB).map((job) => ({ urn: job.urn, check: (peek) => attachedLater(job, peek) })),
);

const SNAPSHOT = /snapshot/i;

function* durableSnapshot({ durable }: JudgedPlan, profile: Profile): Iterable<Finding> {
  const tier = profile.tiers.find(({ id }) => id === durable.tier);
  if (tier === undefined || !(SNAPSHOT.test(tier.id) || SNAPSHOT.test(tier.role))) return;
  yield {
    where: "plan.durable.tier",
    what: `the only copy would be ${tier.title}`,
    why: "sources disagree on whether a snapshot outlives its machine, so it counts as lost with it",
    gotchas: tier.gotchas,
    instead: `checkpoints on tier ${profile.durable.tier}, and a pull before the machine goes`,
  };
}

function* snapshotClass({ type, props }: ResourceValidationArgs): Iterable<Finding> {
  if (kindOf(type) !== "VolumeSnapshotClass" || props["deletionPolicy"] !== "Delete") return;
  yield {
    where: "deletionPolicy",
    what: "Delete erases a snapshot together with the object that names it",
    why: "removing the namespace, the stack or the VolumeSnapshot removes the copy itself",
    gotchas: ["PS9"],
    instead: "deletionPolicy: Retain",
  };
}

const LOCKED: readonly string[] = ["region", "datacenter", "zone"];

function* foreignCandidates({ storage, capacity }: JudgedPlan, profile: Profile): Iterable<Finding> {
  const durable = profile.tiers.find(({ id }) => id === profile.durable.tier);
  const lock = durable === undefined ? null : knownOf(durable.lockedTo);
  if (durable === undefined || lock === null || !LOCKED.includes(lock) || storage.region == null) return;
  for (const [index, { type, region }] of capacity.candidates.entries()) {
    if (region == null || region === storage.region) continue;
    yield {
      where: `capacity.candidates[${index}]`,
      what: `${type} in ${region}, and the ${durable.title} is in ${storage.region}`,
      why: `the ${durable.title} is locked to its ${lock}: a machine elsewhere starts without it and writes to its own disk`,
      gotchas: durable.gotchas,
      instead: `${type}@${storage.region}, or storage in ${region}`,
    };
  }
}

function* foreignFilesystem({ props }: ResourceValidationArgs, peek: Peek): Iterable<Finding> {
  const candidates = peek(() => props["candidates"] as readonly { readonly region?: unknown }[] | undefined) ?? [];
  const regions = [...candidates.keys()].map((index) => peek(() => candidates[index]?.region));
  if (!regions.some((region) => typeof region === "string")) return;
  const region = peek(() => (props["filesystem"] as { region?: unknown } | null | undefined)?.region);
  for (const [index, other] of regions.entries()) {
    if (typeof region !== "string" || typeof other !== "string" || other === region) continue;
    yield {
      where: `candidates[${index}].region`,
      what: `${other}, and the file system is in ${region}`,
      why: "a Lambda file system cannot be attached from another region, so this candidate can never be launched",
      gotchas: ["LAM2"],
      instead: `region: ${region}, or leave it out`,
    };
  }
}

/** Told by dependencies, because ids are not known before the first update. */
function* attachedLater(job: PolicyResource, peek: Peek): Iterable<Finding> {
  const near = (resource: PolicyResource, property: string, type: string): PolicyResource[] => (resource.propertyDependencies[property] ?? []).filter((other) => other.type === type);
  const mounted = near(job, "tier", LAMBDA_FILESYSTEM);
  for (const instance of near(job, "machine", LAMBDA_INSTANCE)) {
    const attached = near(instance, "filesystem", LAMBDA_FILESYSTEM);
    const sameId = (filesystem: PolicyResource): boolean => {
      const id = peek(() => (instance.props["filesystem"] as { id?: unknown } | undefined)?.id);
      return typeof id === "string" && id === peek(() => filesystem.props["filesystemId"] as unknown);
    };
    for (const filesystem of mounted) {
      if (attached.includes(filesystem) || sameId(filesystem)) continue;
      yield {
        where: "tier",
        what: `the job writes to ${filesystem.name}, which ${instance.name} is launched without`,
        why: "a file system is attached at launch or never; the mount point would be a folder of the instance's own disk, and terminate erases it",
        gotchas: ["LAM2"],
        instead: `filesystem: {id, name, region, mountPoint} of ${filesystem.name} in the arguments of ${instance.name}`,
      };
    }
  }
}

