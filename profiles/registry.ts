/** Every platform that has a profile. Each is loaded, and with that validated, when it is first asked for: a command is about one of them. */
import { createRequire } from "node:module";
import { UserError } from "../custody/userError";
import { nearest } from "./input/faults";
import type * as autodlModule from "./autodl";
import type * as colabModule from "./colab";
import type * as kaggleModule from "./kaggle";
import type * as kubernetesModule from "./kubernetes";
import type * as lambdaModule from "./lambda";
import type * as paperspaceCoreModule from "./paperspaceCore";
import type * as paperspaceGradientModule from "./paperspaceGradient";
import type { Profile } from "./schema";
import type * as slurmModule from "./slurm";
import type * as sshModule from "./ssh";

const load = createRequire(__filename);

/** In the order in which people are told of them. */
const loaders: Readonly<Record<string, () => Profile>> = {
  lambda: () => (load("./lambda") as typeof lambdaModule).lambda,
  paperspaceCore: () => (load("./paperspaceCore") as typeof paperspaceCoreModule).paperspaceCore,
  paperspaceGradient: () => (load("./paperspaceGradient") as typeof paperspaceGradientModule).paperspaceGradient,
  autodl: () => (load("./autodl") as typeof autodlModule).autodl,
  ssh: () => (load("./ssh") as typeof sshModule).ssh,
  slurm: () => (load("./slurm") as typeof slurmModule).slurm,
  kubernetes: () => (load("./kubernetes") as typeof kubernetesModule).kubernetes,
  colab: () => (load("./colab") as typeof colabModule).colab,
  kaggle: () => (load("./kaggle") as typeof kaggleModule).kaggle,
};

/** By platform; what is read of it is loaded. */
export const profiles: Readonly<Record<string, Profile>> = Object.defineProperties({}, Object.fromEntries(Object.entries(loaders).map(([platform, get]) => [platform, { enumerable: true, get }])));

/** Platforms whose resources this version can also create and tear down. The others can be planned, explained and judged. */
export const PROVISIONED = ["lambda"] as const;

export const isProvisioned = (platform: string): boolean => PROVISIONED.some((known) => known === platform);

export const platforms: readonly string[] = Object.keys(loaders);

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
