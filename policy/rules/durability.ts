/** Checkpoints must outlive what the teardown does. */
import type { ResourceValidationArgs } from "@pulumi/policy";
import type { JudgedPlan } from "../../profiles/judgedPlan";
import { findProfile, tiersLostBy, type Profile, type Verb } from "../platforms";
import { resourceRule, type Check, type Finding } from "../rule";
import { LAMBDA_FILESYSTEM, LAMBDA_INSTANCE, planChecks as judgePlan, planSubject, REMOTE_JOB, REVEAL_PLAN } from "../subjects";

export const checkpointsSurviveTeardown = resourceRule(
  {
    name: "checkpoints-survive-teardown",
    description: "Checkpoints are written to storage that the teardown of the instance keeps.",
    gotchas: ["LAM1", "LAM2", "LAM3", "LAM6", "PS1", "PS3", "AD-DANGER", "SLURM5", "K8S5", "NB4"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  (resource) => {
    if (resource.type === LAMBDA_INSTANCE) return instanceChecks(resource);
    if (resource.type === LAMBDA_FILESYSTEM) return filesystemChecks(resource);
    const subject = planSubject(resource);
    switch (subject.state) {
      case "plan":
        return planChecks(subject.plan);
      case "hidden":
        return resource.type === REMOTE_JOB ? [() => mountOfLoneJob(resource)] : [() => [hiddenPlan]];
      case "elsewhere":
        return [];
    }
  },
);

/**
 * A rule of its own, so that it can be set apart: nothing in the project changed, and what was known has only become old.
 * The pack has no clock, the plan says how old its facts were when it was made.
 */
export const promisesAreVerified = resourceRule(
  {
    name: "promises-are-verified",
    description: "Somebody has verified within a year that the storage which holds the checkpoints outlives the run.",
    gotchas: ["LAM1", "PS1", "PS3", "AD-DANGER", "SLURM5", "K8S5", "NB4"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  (resource) => judgePlan(resource, (plan, profile) => [() => outdatedPromises(plan, profile)]),
);

const hiddenPlan: Finding = { where: "plan", what: "the plan of this run cannot be seen", why: "nobody can tell whether its checkpoints survive", gotchas: [], instead: REVEAL_PLAN };

const unknownPlatform = (platform: string): Finding => ({
  where: "platform",
  what: `there is no profile of ${JSON.stringify(platform)}`,
  why: "what its verbs keep and lose is not known, so everything counts as lost",
  gotchas: [],
  instead: "a platform that `holdfast explain` knows",
});

function planChecks(plan: JudgedPlan): Check[] {
  const profile = findProfile(plan.platform);
  if (profile === null) {
    return [() => [unknownPlatform(plan.platform)]];
  }
  return [() => verbFindings(plan, profile), () => deletionFindings(plan, profile), () => storageFindings(plan, profile), () => directoryFindings(plan, profile)];
}

function* verbFindings(plan: JudgedPlan, profile: Profile): Iterable<Finding> {
  const verb = verbOn(profile, "instance", plan.teardown.verb);
  if (verb === null || verb.use !== "teardown") {
    yield notATeardown("teardown.verb", plan.teardown.verb, verb, profile);
  } else if (tiersLostBy(profile, verb).includes(plan.durable.tier)) {
    const tier = profile.tiers.find((known) => known.id === plan.durable.tier);
    yield {
      where: "teardown.verb",
      what: `checkpoints go to ${tier?.title ?? plan.durable.tier} (tier ${plan.durable.tier}), and ${verb.verb} loses it`,
      why: `${verb.title} on ${profile.title} loses ${lostTitles(profile, verb)}`,
      gotchas: tier?.gotchas ?? [],
      instead: `checkpoints on tier ${profile.durable.tier}: leave the directory to Holdfast and write to $HOLDFAST_CHECKPOINT_DIR`,
    };
  }
}

function* outdatedPromises({ teardown, durable, platform }: JudgedPlan, profile: Profile): Iterable<Finding> {
  for (const { role, verb, tiersInDoubt } of teardown.deletions) {
    if (!tiersInDoubt.includes(durable.tier)) continue;
    const tier = profile.tiers.find(({ id }) => id === durable.tier);
    yield {
      where: `plan.teardown.deletions (${verb} on ${role})`,
      what: `that ${verb} keeps ${tier?.title ?? durable.tier} was last verified in ${verbOn(profile, role, verb)?.tiers[durable.tier]?.verified ?? "an unknown month"}, more than twelve months before this plan`,
      why: "vendors change what a verb keeps without telling anybody, so an old promise counts as none: the checkpoints are taken for lost",
      gotchas: tier?.gotchas ?? [],
      instead: `a version of Holdfast whose facts are newer; or look it up (holdfast explain ${platform} --verb ${verb}) and set "promises-are-verified": "advisory" in the policy config until there is one`,
    };
  }
}

/** A gate that is told less than a verb loses would ask for too little. */
function* deletionFindings(plan: JudgedPlan, profile: Profile): Iterable<Finding> {
  for (const deletion of plan.teardown.deletions) {
    const verb = verbOn(profile, deletion.role, deletion.verb);
    if (verb === null) yield unknownVerb(`plan.teardown.deletions (${deletion.role})`, deletion.role, deletion.verb, profile);
    else yield* understated(`plan.teardown.deletions (${deletion.role})`, profile, verb, deletion.tiersLost);
  }
}

function* storageFindings({ teardown, storage }: JudgedPlan, profile: Profile): Iterable<Finding> {
  const durable = profile.tiers.find((tier) => tier.id === profile.durable.tier);
  const gotchas = durable?.gotchas ?? [];
  if (teardown.storage === "delete" && teardown.require === "verifiedInPlace") {
    yield {
      where: "teardown.require",
      what: "verifiedInPlace while teardown.storage is delete",
      why: "the copy that was verified goes with the storage, and no other exists",
      gotchas,
      instead: "teardown: {require: pulled}, or teardown: {storage: keep}",
    };
  }
  if (storage.mode === "existing" && teardown.deletions.some((deletion) => deletion.role === durable?.role)) {
    yield {
      where: "teardown.storage",
      what: `storage ${storage.name} is somebody else's and would be deleted`,
      why: "an existing file system holds data of other runs",
      gotchas,
      instead: "teardown: {storage: keep}",
    };
  }
}

function* directoryFindings({ durable }: JudgedPlan, profile: Profile): Iterable<Finding> {
  if (durable.runDirectoryTemplate.startsWith("{mount}/")) return;
  yield {
    where: "plan.durable.runDirectoryTemplate",
    what: "the run's directory was typed, not derived",
    why: `only the mount point that ${profile.title} reports is known to be the durable tier`,
    gotchas: profile.tiers.find((tier) => tier.id === durable.tier)?.gotchas ?? [],
    instead: "{mount}/holdfast/<project>/<stack>/<name>",
  };
}

function instanceChecks({ props }: ResourceValidationArgs): Check[] {
  const profile = lambdaProfile();
  return [
    function* () {
      if (props["filesystem"] == null) {
        yield {
          where: "filesystem",
          what: "the instance has no file system",
          why: "one can be attached at launch only, and the instance's own disk is erased by terminate",
          gotchas: ["LAM1", "LAM2"],
          instead: "filesystem: {id, name, region, mountPoint} of a LambdaFilesystem in the same region",
        };
      }
    },
    () => deletionClaim(profile, "instance", props["verb"], () => props["tiersLost"]),
  ];
}

function filesystemChecks({ props }: ResourceValidationArgs): Check[] {
  if (props["keep"] === true || props["verb"] === "keep") return [];
  return [() => deletionClaim(lambdaProfile(), "filesystem", props["verb"], () => props["tiersLost"])];
}

/** A lone job says by its mount point where it writes. */
function* mountOfLoneJob({ props }: ResourceValidationArgs): Iterable<Finding> {
  const mount: unknown = (props["tier"] as { mountPoint?: unknown } | undefined)?.mountPoint;
  const own = lambdaProfile().tiers.find((tier) => tier.id === lambdaProfile().ownDisk.tier);
  if (typeof mount !== "string") {
    yield {
      where: "tier.mountPoint",
      what: "the job does not say where its checkpoints go",
      why: "without a durable mount they land on the instance's own disk",
      gotchas: ["LAM1", "LAM2"],
      instead: "tier: {mountPoint: filesystem.mountPoint, filesystemId: filesystem.filesystemId}",
    };
  } else if (own !== undefined && !mount.startsWith("/lambda/nfs/")) {
    yield {
      where: "tier.mountPoint",
      what: `${mount} is not known to be a file system`,
      why: `${own.title} is erased by terminate`,
      gotchas: ["LAM1"],
      instead: "the mountPoint output of a LambdaFilesystem",
    };
  }
}

function* deletionClaim(profile: Profile, role: string, name: unknown, tiersLost: () => unknown): Iterable<Finding> {
  if (typeof name !== "string") {
    yield unknownVerb("verb", role, String(name), profile);
    return;
  }
  const verb = verbOn(profile, role, name);
  if (verb === null || verb.use !== "teardown") {
    yield notATeardown("verb", name, verb, profile);
    return;
  }
  const claimed = tiersLost();
  yield* understated("tiersLost", profile, verb, Array.isArray(claimed) ? (claimed as unknown[]).map(String) : []);
}

function* understated(where: string, profile: Profile, verb: Verb, claimed: readonly string[]): Iterable<Finding> {
  const unsaid = tiersLostBy(profile, verb).filter((tier) => !claimed.includes(tier));
  if (unsaid.length === 0) return;
  yield {
    where,
    what: `does not name ${unsaid.join(", ")}, which ${verb.verb} loses`,
    why: "the gate asks for consent to what is named here, so the rest would go without anybody having agreed",
    gotchas: verb.gotchas,
    instead: `tiersLost: ${JSON.stringify(tiersLostBy(profile, verb))}`,
  };
}

const notATeardown = (where: string, name: string, verb: Verb | null, profile: Profile): Finding => ({
  where,
  what: verb === null ? `${JSON.stringify(name)} is no verb of ${profile.title}` : `${JSON.stringify(name)} (${verb.title}) ends nothing on ${profile.title}`,
  why: "the meter would go on, and what the verb keeps and loses is not known",
  gotchas: verb?.gotchas ?? [],
  instead: profile.verbs.filter((known) => known.on === "instance" && known.use === "teardown").map((known) => known.verb).join(" or "),
});

const unknownVerb = (where: string, role: string, name: string, profile: Profile): Finding => ({
  where,
  what: `${JSON.stringify(name)} is no verb on ${role} of ${profile.title}`,
  why: "what it keeps and loses is not known, so everything counts as lost",
  gotchas: [],
  instead: profile.verbs.filter((known) => known.on === role).map((known) => known.verb).join(" or ") || "leave deletions to the plan",
});

const lostTitles = (profile: Profile, verb: Verb): string => profile.tiers.filter((tier) => tiersLostBy(profile, verb).includes(tier.id)).map((tier) => tier.title).join(" and ");

const verbOn = (profile: Profile, role: string, name: string): Verb | null => profile.verbs.find((verb) => verb.on === role && verb.verb === name) ?? null;

function lambdaProfile(): Profile {
  const profile = findProfile("lambda");
  if (profile === null) throw new Error("the profile lambda is missing");
  return profile;
}
