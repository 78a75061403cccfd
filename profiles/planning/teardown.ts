/** What ends with a run: deletions by role with the tiers they lose, clocks, and the gotchas a plan touches. */
import { extraUsd, monthlyUsd, storedGib } from "./cost";
import { countsAsLost, survivalCountsAsLost, valueOr, type Fact } from "../fact";
import type { JobRequest } from "../job";
import type { PlanClock, PlanCost, PlanDeletion, PlanDisk, PlanMeterAfter, PlanResources } from "../plan";
import type { Clock, Meter, MeterEffect, Profile, Role, Verb } from "../schema";
import type { StackConfig } from "../stackConfig";
import type { PlatformSettings } from "./settings";
import { firedTriggers } from "./triggers";

export interface DeletionFacts {
  readonly profile: Profile;
  /** The profile as it is believed at the time of the plan (staleness.ts). */
  readonly believed: Profile;
  readonly config: StackConfig;
  readonly settings: PlatformSettings;
  readonly resources: PlanResources;
  readonly disk: PlanDisk | null;
  readonly cost: PlanCost;
}

/**
 * What goes at the end. `tiersLost` is what the locks ask consent for, so it follows the profile alone; whatever is only
 * promised by facts that are too old is neither lost nor kept, but in doubt.
 */
export function deletionsOf(facts: DeletionFacts): PlanDeletion[] {
  const { profile, believed, config, settings } = facts;
  return profile.roles
    .filter((role) => endsWithRun(role, config, settings))
    .map((role) => {
      const name = role.role === "instance" ? (config.teardown.verb ?? role.end.verb) : role.end.verb;
      const verb = findVerb(profile, role.role, name);
      const now = findVerb(believed, role.role, name);
      const lost = tiersLostBy(profile, verb);
      const lostNow = tiersLostBy(believed, now);
      return {
        role: role.role,
        verb: verb.verb,
        irreversible: valueOr(now.irreversible, true),
        tiersLost: lost,
        tiersKept: profile.tiers.map((tier) => tier.id).filter((tier) => now.tiers[tier]?.state === "known" && !lostNow.includes(tier)),
        tiersInDoubt: lostNow.filter((tier) => !lost.includes(tier)),
        metersAfter: profile.meters.map((meter) => meterAfter(facts, now, meter)),
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

function endsWithRun(role: Role, config: StackConfig, settings: PlatformSettings): boolean {
  switch (role.end.when) {
    case "always":
      return true;
    case "storage":
      return config.teardown.storage === "delete" && config.storage.mode !== "existing";
    case "ifUsed":
      return settings.usedRoles.includes(role.role);
  }
}

function meterAfter({ settings, resources, disk, cost }: DeletionFacts, verb: Verb, meter: Meter): PlanMeterAfter {
  const effect: Fact<MeterEffect> | undefined = verb.meters[meter.id];
  if (effect === undefined || effect.state === "n/a") return { meter: meter.id, state: "n/a", usdPerMonth: null };
  if (effect.state === "known" && effect.value.effect === "stops") return { meter: meter.id, state: "stops", usdPerMonth: null };
  const used = settings.metered[meter.id];
  if (used?.count === 0) return { meter: meter.id, state: "n/a", usdPerMonth: null };
  if (used?.endsWithInstance === true) return { meter: meter.id, state: "stops", usdPerMonth: null };
  if (used !== undefined) return { meter: meter.id, state: "continues", usdPerMonth: extraUsd(meter, used) };
  const ownRate = effect.state === "known" && effect.value.effect === "continues" ? effect.value.rate : undefined;
  return { meter: meter.id, state: "continues", usdPerMonth: monthlyUsd(meter, ownRate ?? valueOr(meter.rate, null), cost.hourlyUsdBound, storedGib(resources, disk)) };
}

/** The platform's clocks, then the run's own: its lease and, when disposable, its age limit. */
export function clocksOf(profile: Profile, settings: PlatformSettings, maxHours: number | null, disposable: { readonly maxHours: number } | null): PlanClock[] {
  const clocks = tickingClocks(profile, settings).map((clock) => planClock(profile, clock, settings));
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

/** Those of the profile that config has not ruled out. */
export const tickingClocks = (profile: Profile, settings: PlatformSettings): Clock[] => profile.clocks.filter((clock) => settings.clockSeconds[clock.id] !== null);

function planClock(profile: Profile, clock: Clock, settings: PlatformSettings): PlanClock {
  const event = clock.effect;
  const lost = (tier: Profile["tiers"][number]): boolean => clock.alsoLoses.includes(tier.id) || (event !== "bills" && survivalCountsAsLost(tier.survives[event]));
  const tiersLost = profile.tiers.filter(lost).map((tier) => tier.id);
  const set = settings.clockSeconds[clock.id];
  const look = set === undefined && clock.defaultSeconds.state === "probe" ? { look: clock.defaultSeconds.how } : {};
  return { id: clock.id, statement: clock.statement, seconds: set ?? valueOr(clock.defaultSeconds, null), ...look, from: clock.from, tiersLost, gotchas: [...clock.gotchas] };
}

/** Ids of everything the plan relies on and that has a trap, sorted. */
export function gotchasOf(profile: Profile, job: JobRequest, config: StackConfig, deletions: readonly PlanDeletion[]): string[] {
  const tiers = profile.tiers.filter((tier) => tier.id === profile.durable.tier || tier.id === profile.ownDisk.tier);
  const verbs = deletions.map((deletion) => findVerb(profile, deletion.role, deletion.verb));
  const used = [...tiers, ...verbs, ...profile.meters, ...profile.clocks, ...profile.channels, profile.interruption, profile.detach].flatMap((part) => part.gotchas);
  const fired = firedTriggers(profile, job, config).map((trigger) => trigger.gotcha);
  return [...new Set([...used, ...fired])].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}
