/** Every platform that has a profile. */
import { UserError } from "../custody/userError";
import { nearest } from "./input/faults";
import { lambda } from "./lambda";
import type { Profile } from "./schema";

export const profiles: Readonly<Record<string, Profile>> = { [lambda.id]: lambda };

export const platforms: readonly string[] = Object.keys(profiles);

/** The profile, or a UserError that names the nearest platform. */
export function profileFor(platform: string): Profile {
  const profile = findProfile(platform);
  if (profile !== null) return profile;
  const near = nearest(platform, platforms);
  throw new UserError(`there is no profile of a platform ${JSON.stringify(platform)}${near === null ? "" : `, did you mean ${near}?`} Known: ${platforms.join(", ")}.`, { code: "config" });
}

export const findProfile = (platform: unknown): Profile | null =>
  typeof platform === "string" && Object.hasOwn(profiles, platform) ? (profiles[platform] ?? null) : null;
