/**
 * What the profiles know, loaded when the first plan is judged, or before it when there is time: a stack without one, such as
 * plain Kubernetes, does not wait for nine validated profiles.
 */
import { createRequire } from "node:module";
import type * as registry from "../profiles/registry";
import type * as teardown from "../profiles/planning/teardown";
import type { Profile, Verb } from "../profiles/schema";

export type { Clock, Meter, Profile, Tier, Verb } from "../profiles/schema";

const load = createRequire(__filename);

export const findProfile = (platform: unknown): Profile | null => (load("../profiles/registry") as typeof registry).findProfile(platform);

/** So that the first plan does not wait for it. */
export function loadProfiles(): void {
  findProfile("lambda");
}

/** Tiers that a verb must be taken to lose: known to, or unknown. */
export const tiersLostBy = (profile: Profile, verb: Verb): string[] => (load("../profiles/planning/teardown") as typeof teardown).tiersLostBy(profile, verb);

/** The known value of a fact, or null. */
export const knownOf = <T>(fact: { readonly state: "known"; readonly value: T } | { readonly state: "probe" | "n/a" }): T | null => (fact.state === "known" ? fact.value : null);
