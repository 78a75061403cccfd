/** What ends with a run: deletions by role with the tiers they lose, clocks, and the gotchas a plan touches. */
import { ASSUMED_DISK_GIB, monthlyUsd } from "./cost";
import { countsAsLost, survivalCountsAsLost, valueOr, type Fact } from "../fact";
import type { JobRequest } from "../job";
import type { PlanClock, PlanCost, PlanDeletion, PlanMeterAfter, PlanResources } from "../plan";
import type { Clock, MeterEffect, Profile, Role, Verb } from "../schema";
import type { StackConfig } from "../stackConfig";
import { firedTriggers } from "./triggers";

export function deletionsOf(profile: Profile, config: StackConfig, resources: PlanResources, cost: PlanCost): PlanDeletion[] {
  return profile.roles
    .filter((role) => endsWithRun(role, config))
    .map((role) => {
      const verb = findVerb(profile, role.role, role.role === "instance" ? (config.teardown.verb ?? role.end.verb) : role.end.verb);
      return {
        role: role.role,
        verb: verb.verb,
        irreversible: valueOr(verb.irreversible, true),
        tiersLost: tiersLostBy(profile, verb),
        tiersKept: profile.tiers.map((tier) => tier.id).filter((tier) => verb.tiers[tier]?.state === "known" && !tiersLostBy(profile, verb).includes(tier)),
        metersAfter: profile.meters.map((meter) => meterAfter(profile, verb, meter.id, resources, cost)),
      };
    });
}

/** What ends the instance: the config's verb or the platform's own. */
export const verbOf = (profile: Profile, config: StackConfig): string => config.teardown.verb ?? profile.roles.find((role) => role.role === "instance")?.end.verb ?? "";

/** Tiers that a verb must be taken to lose: known to, or unknown. */
export const tiersLostBy = (profile: Profile, verb: Verb): string[] => profile.tiers.map((tier) => tier.id).filter((tier) => losesTier(verb.tiers[tier]));

const losesTier = (fate: Fact<"kept" | "lost"> | undefined): boolean => fate === undefined || countsAsLost(fate);

/** A verb of the profile. Throws an Error for one that defineProfile or parseStackConfig should have refused. */
export function findVerb(profile: Profile, role: string, name: string): Verb {
  const verb = profile.verbs.find((known) => known.on === role && known.verb === name);
  if (verb === undefined) throw new Error(`profile ${profile.id} has no verb ${name} on ${role}`);
  return verb;
}

function endsWithRun(role: Role, config: StackConfig): boolean {
  switch (role.end.when) {
    case "always":
      return true;
    case "storage":
      return config.teardown.storage === "delete" && config.storage.mode !== "existing";
    case "ifUsed":
      return config.platform === "lambda" && role.role === "firewall" && config.lambda.firewall.length > 0;
  }
}

function meterAfter(profile: Profile, verb: Verb, id: string, resources: PlanResources, cost: PlanCost): PlanMeterAfter {
  const meter = profile.meters.find((known) => known.id === id);
  const effect: Fact<MeterEffect> | undefined = verb.meters[id];
  if (meter === undefined || effect === undefined || effect.state === "n/a") return { meter: id, state: "n/a", usdPerMonth: null };
  if (effect.state === "known" && effect.value.effect === "stops") return { meter: id, state: "stops", usdPerMonth: null };
  const ownRate = effect.state === "known" && effect.value.effect === "continues" ? effect.value.rate : undefined;
  const rate = ownRate ?? valueOr(meter.rate, null);
  return { meter: id, state: "continues", usdPerMonth: monthlyUsd(meter, rate, cost.hourlyUsdBound, resources.diskGiB ?? ASSUMED_DISK_GIB) };
}

/** The platform's clocks, then the run's own: its lease and, when disposable, its age limit. */
export function clocksOf(profile: Profile, maxHours: number | null, disposable: { readonly maxHours: number } | null): PlanClock[] {
  const clocks = profile.clocks.map((clock) => planClock(profile, clock));
  if (maxHours !== null) {
    clocks.push({
      id: "lease",
      statement: "The run's own lease ends. It destroys nothing by itself: from here on the run costs more than was planned.",
      seconds: maxHours * 3600,
      from: "launch",
      tiersLost: [],
      gotchas: [],
    });
  }
  if (disposable !== null) {
    clocks.push({
      id: "disposable",
      statement: "The run counts as disposable up to this age; later its teardown asks for a receipt like any other.",
      seconds: disposable.maxHours * 3600,
      from: "launch",
      tiersLost: [],
      gotchas: [],
    });
  }
  return clocks;
}

function planClock(profile: Profile, clock: Clock): PlanClock {
  const event = clock.effect;
  const tiersLost = event === "bills" ? [] : profile.tiers.filter((tier) => survivalCountsAsLost(tier.survives[event])).map((tier) => tier.id);
  return { id: clock.id, statement: clock.statement, seconds: valueOr(clock.defaultSeconds, null), from: clock.from, tiersLost, gotchas: [...clock.gotchas] };
}

/** Ids of everything the plan relies on and that has a trap, sorted. */
export function gotchasOf(profile: Profile, job: JobRequest, config: StackConfig, deletions: readonly PlanDeletion[]): string[] {
  const tiers = profile.tiers.filter((tier) => tier.id === profile.durable.tier || tier.id === profile.ownDisk.tier);
  const verbs = deletions.map((deletion) => findVerb(profile, deletion.role, deletion.verb));
  const used = [...tiers, ...verbs, ...profile.meters, ...profile.clocks, ...profile.channels, profile.interruption, profile.detach].flatMap((part) => part.gotchas);
  const fired = firedTriggers(profile, job, config).map((trigger) => trigger.gotcha);
  return [...new Set([...used, ...fired])].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}
