/** Every platform that has a profile. */
import { UserError } from "../custody/userError";
import { nearest } from "./input/faults";
import { autodl } from "./autodl";
import { colab } from "./colab";
import { kaggle } from "./kaggle";
import { kubernetes } from "./kubernetes";
import { lambda } from "./lambda";
import { paperspaceCore } from "./paperspaceCore";
import { paperspaceGradient } from "./paperspaceGradient";
import type { Profile } from "./schema";
import { slurm } from "./slurm";
import { ssh } from "./ssh";

/** In the order in which people are told of them. */
const all: readonly Profile[] = [
  lambda,
  paperspaceCore,
  paperspaceGradient,
  autodl,
  ssh,
  slurm,
  kubernetes,
  colab,
  kaggle,
];

export const profiles: Readonly<Record<string, Profile>> = Object.fromEntries(all.map((profile) => [profile.id, profile]));

/** Platforms whose resources this version can also create and tear down. The others can be planned, explained and judged. */
export const PROVISIONED = ["lambda"] as const;

export const isProvisioned = (platform: string): boolean => PROVISIONED.some((known) => known === platform);

export const platforms: readonly string[] = Object.keys(profiles);

/** The profile, or a UserError that names the nearest platform. */
export function profileFor(platform: string): Profile {
  const profile = findProfile(platform);
  if (profile !== null) return profile;
  const near = nearestPlatform(platform);
  throw new UserError(`There is no profile of a platform ${JSON.stringify(platform)}${near === null ? "; a machine that you reach over SSH is platform ssh." : `, did you mean ${near}?`} Known: ${platforms.join(", ")}.`, { code: "config" });
}

/** What was probably meant: spelled nearly so, a part of the name, or another name that people use. null: nothing near. */
export function nearestPlatform(typed: string): string | null {
  const plain = typed.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const containing = plain.length < 4 ? [] : platforms.filter((name) => name.toLowerCase().includes(plain) || plain.includes(name.toLowerCase()));
  return ALSO_CALLED.get(plain) ?? nearest(typed, platforms) ?? containing[0] ?? null;
}

const ALSO_CALLED: ReadonlyMap<string, string> = new Map([
  ...["k8s", "kube", "k3s", "eks", "gke", "aks", "openshift", "kueue"].map((name) => [name, "kubernetes"] as const),
  ...["sbatch", "hpc", "cluster"].map((name) => [name, "slurm"] as const),
  ...["vm", "machine", "baremetal", "generic"].map((name) => [name, "ssh"] as const),
  ["digitalocean", "paperspaceCore"],
  ["google", "colab"],
  ["lambdalabs", "lambda"],
]);

export const findProfile = (platform: unknown): Profile | null =>
  typeof platform === "string" && Object.hasOwn(profiles, platform) ? (profiles[platform] ?? null) : null;
