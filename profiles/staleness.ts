/**
 * How old a fact may get before it is doubted. Ages are whole calendar months in UTC, so that what follows from them changes
 * on the first of a month and never in between. Pure: the present is an argument.
 */
import { countsAsLost, survivalCountsAsLost, type Evidence, type Fact } from "./fact";
import { EVENTS, type Clock, type MeterEffect, type Profile, type Tier, type Verb } from "./schema";

/** Older than this a fact that a decision relies on is pointed out. */
export const DOUBT_AFTER_MONTHS = 6;
/** Older than this it is read pessimistically: the data is lost, the meter runs. */
export const DISBELIEVE_AFTER_MONTHS = 12;

export type Freshness = "fresh" | "doubted" | "disbelieved";

/** Calendar months from the month in which a fact was verified to the month of `now`; negative when it lies ahead. */
export function monthsSince(verified: string, now: Date): number {
  const [year = 0, month = 1] = verified.split("-").map(Number);
  return (now.getUTCFullYear() - year) * 12 + (now.getUTCMonth() + 1 - month);
}

export function freshnessOf({ verified }: Pick<Evidence, "verified">, now: Date): Freshness {
  const age = monthsSince(verified, now);
  if (age > DISBELIEVE_AFTER_MONTHS) return "disbelieved";
  return age > DOUBT_AFTER_MONTHS ? "doubted" : "fresh";
}

/**
 * The profile as it is to be believed at `now`: a promise that data is kept, that a meter stops or that a verb can be undone
 * becomes a question once its evidence is too old. Bad news does not age. Only for judging and telling: locks of a teardown
 * go by the profile itself, because age alone never blocks one.
 */
export function believedAt(profile: Profile, now: Date): Profile {
  return { ...profile, tiers: profile.tiers.map((tier) => believedTier(tier, now)), verbs: profile.verbs.map((verb) => believedVerb(verb, now)) };
}

function believedTier(tier: Tier, now: Date): Tier {
  const survives = Object.fromEntries(EVENTS.map((event) => [event, survivalCountsAsLost(tier.survives[event]) ? tier.survives[event] : orQuestion(tier.survives[event], now)]));
  return { ...tier, survives: survives as Tier["survives"] };
}

function believedVerb(verb: Verb, now: Date): Verb {
  return {
    ...verb,
    irreversible: verb.irreversible.state === "known" && verb.irreversible.value ? verb.irreversible : orQuestion(verb.irreversible, now),
    tiers: mapValues(verb.tiers, (fate) => (countsAsLost(fate) ? fate : orQuestion(fate, now))),
    meters: mapValues(verb.meters, (effect) => (stops(effect) ? orQuestion(effect, now) : effect)),
  };
}

const stops = (effect: Fact<MeterEffect>): boolean => effect.state === "known" && effect.value.effect === "stops";

/** A known fact that is no longer believed, as a question. What does not apply stays so at any age. */
function orQuestion<T>(fact: Fact<T>, now: Date): Fact<T> {
  if (fact.state !== "known" || freshnessOf(fact, now) !== "disbelieved") return fact;
  const { source, verified } = fact;
  return { state: "probe", how: `was known in ${verified}; verify it again`, source, verified };
}

const mapValues = <T>(record: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> => Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));

/** One fact that a plan relies on, by what a person would call it. */
export interface ReliedOn {
  readonly what: string;
  readonly fact: Evidence;
}

/** What a plan's promises rest on: what the verbs keep and stop, what its storage survives, prices, and the clocks that tick. */
export function reliedOn(profile: Profile, verbs: readonly Verb[], clocks: readonly Clock[]): ReliedOn[] {
  const relied: ReliedOn[] = [];
  for (const verb of verbs) {
    for (const tier of profile.tiers) {
      const fate = verb.tiers[tier.id];
      if (fate?.state === "known" && fate.value === "kept") relied.push({ what: `${verb.verb} keeps ${tier.title}`, fact: fate });
    }
    for (const meter of profile.meters) {
      const effect = verb.meters[meter.id];
      if (effect !== undefined && stops(effect)) relied.push({ what: `${verb.verb} stops the bill of ${meter.title}`, fact: effect });
    }
  }
  for (const meter of profile.meters) if (meter.rate.state === "known" && meter.rate.value.kind !== "live") relied.push({ what: `the price of ${meter.title}`, fact: meter.rate });
  for (const clock of clocks) if (clock.defaultSeconds.state === "known") relied.push({ what: `the clock ${clock.id}`, fact: clock.defaultSeconds });
  return relied;
}

/** Sentences about relied-on facts that are too old, one per month of verification and degree of doubt. Stable within a month. */
export function staleWarnings(relied: readonly ReliedOn[], platform: string, now: Date): string[] {
  return (["disbelieved", "doubted"] as const).flatMap((freshness) => {
    const old = relied.filter(({ fact }) => freshnessOf(fact, now) === freshness);
    const months = [...new Set(old.map(({ fact }) => fact.verified))].sort();
    return months.map((month) => {
      const facts = [...new Set(old.filter(({ fact }) => fact.verified === month).map(({ what }) => what))].join("; ");
      return freshness === "doubted"
        ? `profile: last verified in ${month}, more than six months ago: ${facts}; check them before relying on them (holdfast explain ${platform})`
        : `profile: last verified in ${month}, more than twelve months ago: ${facts}; data counts as lost and meters as running until they are verified again (holdfast explain ${platform})`;
    });
  });
}
