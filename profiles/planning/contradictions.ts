/** Contradictions between a job, a stack's config and a platform: what neither document shows alone. */
import { faultAt, type Fault, type PropertyPath } from "../input/faults";
import type { JobRequest } from "../job";
import type { Profile } from "../schema";
import type { ResolveOptions } from "./options";
import { settingsOf } from "./settings";
import { findVerb, tiersLostBy, verbOf } from "./teardown";

type Config = ResolveOptions["config"];

export function faultsOfPlan(job: JobRequest, profile: Profile, { config, codeSha256 }: ResolveOptions): Fault[] {
  if (config.platform !== profile.id) throw new Error(`config is for ${config.platform}, profile for ${profile.id}`);
  if (!/^[0-9a-f]{64}$/.test(codeSha256)) throw new Error("codeSha256 must be a lower-case hex sha256");
  return [...losingVerb(profile, config), ...typedDurablePaths(job, profile), ...namingFaults(profile, config), ...regionFaults(profile, config)];
}

/** Checkpoints must not live where the end of the instance reaches. Unknown counts as lost. */
function losingVerb(profile: Profile, config: Config): Fault[] {
  const verb = verbOf(profile, config);
  if (!tiersLostBy(profile, findVerb(profile, "instance", verb)).includes(profile.durable.tier)) return [];
  const keeping = profile.verbs.filter((known) => known.on === "instance" && known.use === "teardown" && !tiersLostBy(profile, known).includes(profile.durable.tier));
  const instead = keeping.length === 0 ? "no teardown verb of this platform keeps it" : `use ${keeping.map((known) => known.verb).join(" or ")}`;
  return [faultAt(["teardown", "verb"], `= ${JSON.stringify(verb)}: loses tier ${profile.durable.tier}, where the checkpoints are; ${instead}`)];
}

/** The durable mount point is read when the storage exists, so a path below it that somebody typed is a guess. */
function typedDurablePaths(job: JobRequest, profile: Profile): Fault[] {
  const durable = profile.tiers.find((tier) => tier.id === profile.durable.tier);
  const fixed = durable?.path.template.split("{")[0] ?? "";
  if (!/^\/[^/]+/.test(fixed)) return [];
  const root = fixed.replace(/\/$/, "").replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const pattern = new RegExp(`(?<![\\w./~}-])${root}(?![\\w.-])`, "u");
  const named = (text: string): boolean => pattern.test(text);
  const say = (path: PropertyPath): Fault => faultAt(path, `names ${fixed}: a durable path is derived, never typed; write to "$HOLDFAST_OUTPUT_DIR" and read data through inputs`);
  return [
    ...(named(job.command) ? [say(["job", "command"])] : []),
    ...(job.setup.script !== null && named(job.setup.script) ? [say(["job", "setup"])] : []),
    ...Object.entries(job.env).filter(([, value]) => named(value)).map(([name]) => say(["job", "env", name])),
    ...job.roster.flatMap((cell, row) => cell.args.flatMap((word, column) => (named(word) ? [say(["job", "roster", row, "args", column])] : []))),
  ];
}

function namingFaults(profile: Profile, { storage }: Config): Fault[] {
  const role = profile.tiers.find((tier) => tier.id === profile.durable.tier)?.role;
  const naming = profile.roles.find((known) => known.role === role)?.naming ?? null;
  const typed = storage.mode === "create" ? storage.name : storage.mode === "existing" ? storage.name : null;
  if (naming === null || typed === null || (typed.length <= naming.maxLength && new RegExp(naming.pattern, "u").test(typed))) return [];
  const path = storage.mode === "create" ? ["storage", "create", "name"] : ["storage", "existing"];
  return [faultAt(path, `= ${JSON.stringify(typed)}: must be ${naming.statement} on ${profile.id}`)];
}

/** Storage that is locked to a region cannot be reached from another. */
function regionFaults(profile: Profile, config: Config): Fault[] {
  const durable = profile.tiers.find((tier) => tier.id === profile.durable.tier);
  if (durable === undefined || durable.lockedTo.state !== "known" || durable.lockedTo.value === "account") return [];
  const { region: blockRegion } = settingsOf(config);
  const region = config.storage.mode === "create" ? (config.storage.region ?? blockRegion) : blockRegion;
  if (region === null) return [];
  const cannot = `the ${durable.title} cannot be attached elsewhere (${durable.gotchas.join(", ")})`;
  const where = config.storage.mode === "create" && config.storage.region !== null ? "storage.create.region" : `${profile.id}.region`;
  return config.capacity.candidates.flatMap((candidate, index) =>
    candidate.region === null || candidate.region === region
      ? []
      : [faultAt(["capacity", "candidates", index], `= ${JSON.stringify(`${candidate.type}@${candidate.region}`)}: must be in ${region} (${where}), ${cannot}`)],
  );
}
