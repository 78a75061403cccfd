/** What goes on billing after a run must have been chosen by somebody. */
import type { ResourceValidationArgs } from "@pulumi/policy";
import type { JudgedPlan } from "../../profiles/judgedPlan";
import type { PlanDeletion } from "../../profiles/plan";
import { knownOf, type Meter, type Profile } from "../platforms";
import { resourceRule, type Finding } from "../rule";
import { isInsideRun, LAMBDA_FILESYSTEM, planChecks } from "../subjects";

interface LeftoverConfig {
  readonly allow: readonly string[];
}

export const leftoversHaveAnOwner = resourceRule<LeftoverConfig>(
  {
    name: "leftovers-have-an-owner",
    description: "A static address, snapshot or volume that outlives the run is kept on purpose or deleted with it.",
    gotchas: ["LAM6", "PS1", "PS6", "PS9", "AD-DANGER"],
    level: "mandatory",
    defaults: { allow: [] },
    config: { allow: { type: "array", items: { type: "string" }, default: [], description: "Meters that may go on after a run, because somebody else pays for them: filesystem, publicIp." } },
  },
  (resource, { allow }) => [...planChecks(resource, (plan, profile) => [() => ownerless(plan, profile, allow)]), ...(resource.type === LAMBDA_FILESYSTEM && !isInsideRun(resource.urn) ? [() => keptByNobody(resource, allow)] : [])],
);

/** Outside of a run no plan says who keeps it, and no ledger remembers that it bills. One that was there before is somebody's already. */
function* keptByNobody({ props }: ResourceValidationArgs, allow: readonly string[]): Iterable<Finding> {
  if (allow.includes("filesystem") || (typeof props["mode"] === "string" && props["mode"] !== "create")) return;
  if (props["keep"] !== true && props["verb"] !== "keep") return;
  yield {
    where: "keep",
    what: "the file system stays when its stack is destroyed, and no run names who keeps it",
    why: "it bills per GiB and month until somebody deletes it, and nothing lists it any more",
    gotchas: ["LAM6"],
    instead: 'keep: false, so that it goes with its stack; or a TrainingRun with teardown: {storage: keep}, which records it with its price; or allow: ["filesystem"] in this policy\'s config once somebody owns it',
  };
}

/** The machine itself is the teardown verb's, and checkpoints-survive-teardown judges that. */
function* ownerless(plan: JudgedPlan, profile: Profile, allow: readonly string[]): Iterable<Finding> {
  for (const meter of profile.meters) {
    if (allow.includes(meter.id) || isKeptOnPurpose(plan, profile, meter.role) || !goesOn(plan.teardown.deletions, meter.id)) continue;
    if (meter.role === "instance" || !belongsToRun(plan, profile, meter)) continue;
    const price = plan.teardown.deletions.flatMap(({ metersAfter }) => metersAfter).find(({ meter: id, usdPerMonth }) => id === meter.id && usdPerMonth !== null)?.usdPerMonth;
    if (price === 0) continue;
    yield {
      where: `teardown.verb (meter ${meter.id})`,
      what: `${meter.title} goes on billing when everything else is gone${price == null ? "" : `, at $${price.toFixed(2)} a month`}`,
      why: `${plan.teardown.deletions.map(({ verb, role }) => `${verb} on ${role}`).join(" and ")} leave it running, and the plan names nobody who keeps it`,
      gotchas: meter.gotchas,
      instead: endingVerbs(profile, meter.id),
    };
  }
}

/** A cluster's nodes and somebody's bucket are not the run's. What a run may have counts once the plan gives it a price of its own. */
function belongsToRun({ teardown }: JudgedPlan, profile: Profile, { id, role, rate }: Meter): boolean {
  const priced = knownOf(rate)?.kind === "fixed" && teardown.deletions.some(({ metersAfter }) => metersAfter.some(({ meter, usdPerMonth }) => meter === id && (usdPerMonth ?? 0) > 0));
  return priced || teardown.deletions.some((deletion) => deletion.role === role) || profile.roles.some((known) => known.role === role && known.end.when !== "ifUsed");
}

/** Storage that the config keeps or that is somebody else's is recorded as an owned leftover with its price. */
function isKeptOnPurpose({ teardown, storage, durable }: JudgedPlan, profile: Profile, role: string): boolean {
  const durableRole = profile.tiers.find(({ id }) => id === durable.tier)?.role;
  return role === durableRole && (teardown.storage === "keep" || storage.mode === "existing");
}

/** Some deletion leaves it running and none ends it. */
function goesOn(deletions: readonly PlanDeletion[], meter: string): boolean {
  const states = deletions.flatMap(({ metersAfter }) => metersAfter.filter(({ meter: id }) => id === meter).map(({ state }) => state));
  return states.includes("continues") && !states.includes("stops");
}

function endingVerbs(profile: Profile, meter: string): string {
  const verbs = profile.verbs.filter(({ meters, use }) => use === "teardown" && meters[meter]?.state === "known" && meters[meter].value.effect === "stops");
  return verbs.length === 0 ? "no verb of this platform ends it: name it in this policy's allow list once somebody owns it" : `${verbs.map(({ verb, on }) => `${verb} on ${on}`).join(" or ")} at the end, or teardown: {storage: keep} where it is the storage`;
}
