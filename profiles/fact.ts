/**
 * A fact about a platform: what is known, from where, and since when. What is not known is said so, and read
 * pessimistically: for durability assume the data is lost, for billing assume the meter runs.
 */
import { z } from "zod";

/** Where a fact comes from. `source` is a key of the profile's `sources`; `verified` is the month it was last checked. */
export interface Evidence {
  readonly source: string;
  readonly verified: string;
  readonly note?: string | undefined;
  /** What other sources say instead. The fact itself holds the pessimistic reading. */
  readonly otherReadings?: readonly OtherReading[] | undefined;
}

export interface OtherReading {
  readonly reading: string;
  readonly source: string;
  readonly verified: string;
}

export type Known<T> = Evidence & { readonly state: "known"; readonly value: T };
/** Differs from host to host: `how` says what to run or read to find out. */
export type Probe = Evidence & { readonly state: "probe"; readonly how: string };
/** The question does not arise on this platform. */
export type NotApplicable = Evidence & { readonly state: "n/a"; readonly why: string };
export type Fact<T> = Known<T> | Probe | NotApplicable;

export const known = <const T>(value: T, evidence: Evidence): Known<T> => ({ state: "known", value, ...evidence });
export const mustProbe = (how: string, evidence: Evidence): Probe => ({ state: "probe", how, ...evidence });
export const notApplicable = (why: string, evidence: Evidence): NotApplicable => ({ state: "n/a", why, ...evidence });

/** The known value; `fallback` when it must be probed or does not apply. */
export const valueOr = <T, F>(fact: Fact<T>, fallback: F): T | F => (fact.state === "known" ? fact.value : fallback);

export type Fate = "kept" | "lost";

/** Whether data must be taken for lost: known to be, or nobody knows. */
export function countsAsLost(fact: Fact<Fate>): boolean {
  switch (fact.state) {
    case "known":
      return fact.value === "lost";
    case "probe":
      return true;
    case "n/a":
      return false;
  }
}

/** Whether data must be taken for lost at an event that the tier is asked to survive. */
export const survivalCountsAsLost = (fact: Fact<boolean>): boolean =>
  countsAsLost(fact.state === "known" ? { ...fact, value: fact.value ? "kept" : "lost" } : fact);

const month = z.string().regex(/^20\d{2}-(0[1-9]|1[0-2])$/, "a month as YYYY-MM");
const sentence = z.string().min(1);

const evidence = {
  source: sentence,
  verified: month,
  note: sentence.optional(),
  otherReadings: z.array(z.strictObject({ reading: sentence, source: sentence, verified: month })).readonly().optional(),
};

export const evidenceSchema = z.strictObject(evidence);

export const factOf = <T extends z.ZodType>(value: T) =>
  z.discriminatedUnion("state", [
    z.strictObject({ state: z.literal("known"), value, ...evidence }),
    z.strictObject({ state: z.literal("probe"), how: sentence, ...evidence }),
    z.strictObject({ state: z.literal("n/a"), why: sentence, ...evidence }),
  ]);
