/** Rules across the properties of a stack's config, on the raw value: they report next to shape faults. */
import { faultAt, nearest, valueAt, type Fault } from "./faults";
import { faultsAcrossJob } from "./jobRules";
import { findProfile, nearestPlatform, platforms } from "../registry";

export const faultsAcrossStack = (raw: unknown): Fault[] => [
  ...platformFaults(raw),
  ...neededKeys(raw),
  ...jobFaults(raw),
  ...storageFaults(raw),
  ...teardownFaults(raw),
  ...candidateFaults(raw),
  ...firewallFaults(raw),
  ...timerFaults(raw),
  ...custodyFaults(raw),
  ...keeperFaults(raw),
];

/** A lease that renews itself would let a run bill without an end. */
function keeperFaults(raw: unknown): Fault[] {
  const hours = valueAt(raw, ["keeper", "renewHours"]) ?? null;
  if (hours === null || (valueAt(raw, ["budget", "maxUsd"]) ?? null) !== null) return [];
  return [faultAt(["keeper", "renewHours"], `= ${JSON.stringify(hours)}: must stand beside budget.maxUsd, a bound in dollars that ends the renewing; write budget: {maxUsd: 20}, or leave renewHours out`)];
}

/** Keys that only one way of sharing custody has. */
export function custodyFaults(raw: unknown): Fault[] {
  const store = valueAt(raw, ["custody", "store"]);
  const scheme = typeof store !== "string" ? "none" : store.startsWith("s3://") ? "s3" : store.startsWith("ssh://") ? "ssh" : "folder";
  const only = (key: string, needs: string): Fault[] =>
    (valueAt(raw, ["custody", key]) ?? null) === null || scheme === needs ? [] : [faultAt(["custody", key], `belongs to a store in ${needs === "s3" ? "a bucket (s3://bucket/prefix)" : "a folder over SSH (ssh://user@host/path)"}, which custody.store is not`)];
  return [...only("endpoint", "s3"), ...only("region", "s3"), ...only("profile", "s3"), ...only("keyFile", "ssh")];
}

/** Keys of a platform's block that no default can stand for. */
const needed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ssh: { host: "a host name or address", durablePath: "an absolute path on the largest disk that stays, such as /data" },
  slurm: { durablePath: "an absolute path on the parallel file system, such as /scratch/team" },
};

function neededKeys(raw: unknown): Fault[] {
  const platform = valueAt(raw, ["platform"]);
  if (typeof platform !== "string" || !Object.hasOwn(needed, platform)) return [];
  return Object.entries(needed[platform] ?? {}).flatMap(([key, allowed]) => ((valueAt(raw, [platform, key]) ?? null) === null ? [faultAt([platform, key], `is missing: must be ${allowed}`)] : []));
}

/** docs.digitalocean.com, manage auto-shutdown (2026-06): the free plan's timer cannot be raised over six hours. */
function timerFaults(raw: unknown): Fault[] {
  const hours = valueAt(raw, ["paperspaceGradient", "autoShutdownHours"]);
  const free = (valueAt(raw, ["paperspaceGradient", "plan"]) ?? "free") === "free";
  return free && typeof hours === "number" && hours > 6 ? [faultAt(["paperspaceGradient", "autoShutdownHours"], `= ${hours}: must be at most 6 on the free plan, which is what paperspaceGradient.plan says (PS2)`)] : [];
}

function platformFaults(raw: unknown): Fault[] {
  const platform = valueAt(raw, ["platform"]);
  if (typeof platform !== "string" || findProfile(platform) !== null) return [];
  const near = nearestPlatform(platform);
  return [faultAt(["platform"], `= ${JSON.stringify(platform)}: must be one of ${platforms.join(", ")}${near === null ? "" : `; did you mean ${near}?`}`)];
}

function jobFaults(raw: unknown): Fault[] {
  const job = valueAt(raw, ["job"]);
  if (typeof job !== "object" || job === null) return [];
  return faultsAcrossJob(job).map((fault) => ({ ...fault, path: ["job", ...fault.path] }));
}

function storageFaults(raw: unknown): Fault[] {
  const storage = valueAt(raw, ["storage"]);
  if (typeof storage !== "object" || storage === null || Array.isArray(storage)) return [];
  const said = ["create", "existing", "adopt"].filter((key) => Object.hasOwn(storage, key));
  return said.length === 1 ? [] : [faultAt(["storage"], `has ${said.length === 0 ? "none" : said.join(" and ")}: must be exactly one of create, existing, adopt`)];
}

function teardownFaults(raw: unknown): Fault[] {
  const faults: Fault[] = [];
  const deletes = valueAt(raw, ["teardown", "storage"]) === "delete";
  if (deletes && valueAt(raw, ["storage", "existing"]) !== undefined) {
    faults.push(faultAt(["teardown", "storage"], '= "delete": must be keep, existing storage is never deleted; write storage: {adopt: ID} to hand it over'));
  }
  if (deletes && valueAt(raw, ["teardown", "require"]) === "verifiedInPlace") {
    faults.push(faultAt(["teardown", "require"], '= "verifiedInPlace": must be pulled when teardown.storage is delete, the verified copy would go with it'));
  }
  const profile = findProfile(valueAt(raw, ["platform"]));
  const verb = valueAt(raw, ["teardown", "verb"]);
  if (profile !== null && typeof verb === "string") {
    const verbs = profile.verbs.filter((known) => known.on === "instance");
    const allowed = verbs.filter((known) => known.use === "teardown").map((known) => known.verb);
    const trap = verbs.find((known) => known.use === "trap" && known.verb === nearest(verb, [known.verb]));
    if (!allowed.includes(verb)) {
      const why = trap === undefined ? "" : ` (${trap.title} ends nothing: ${trap.gotchas.join(", ")})`;
      faults.push(faultAt(["teardown", "verb"], `= ${JSON.stringify(verb)}: must be one of ${allowed.join(", ")} on ${profile.id}${why}`));
    }
  }
  return faults;
}

function candidateFaults(raw: unknown): Fault[] {
  const candidates = valueAt(raw, ["capacity", "candidates"]);
  if (!Array.isArray(candidates)) return [];
  return candidates.flatMap((candidate: unknown, index) => {
    const first = candidates.indexOf(candidate);
    return first === index ? [] : [faultAt(["capacity", "candidates", index], `= ${JSON.stringify(candidate)}: must be unique, capacity.candidates[${first}] is the same`)];
  });
}

function firewallFaults(raw: unknown): Fault[] {
  const rules = valueAt(raw, ["lambda", "firewall"]);
  if (!Array.isArray(rules)) return [];
  return rules.flatMap((_, index): Fault[] => {
    const path = ["lambda", "firewall", index, "port"];
    const needsPort = valueAt(raw, ["lambda", "firewall", index, "protocol"]) !== "icmp";
    const port = valueAt(raw, path);
    if (needsPort && port === undefined) return [faultAt(path, "is missing: must be a port or a range such as 8000-8100")];
    if (!needsPort && port !== undefined) return [faultAt(path, "cannot be set: icmp has no ports")];
    const [from, to] = typeof port === "string" ? port.split("-").map(Number) : [];
    const ordered = from === undefined || to === undefined || (from >= 1 && from <= to && to <= 65535);
    return ordered ? [] : [faultAt(path, `= ${JSON.stringify(port)}: must be a range within 1-65535, the smaller port first`)];
  });
}
