/** Validates a profile and its inner consistency when the module loads: a half-filled matrix must never reach a decision. */
import { z } from "zod";
import { countsAsLost, survivalCountsAsLost } from "./fact";
import { profileSchema, type Profile, type ProfileInput } from "./schema";

/**
 * Returns the profile, frozen. Throws an Error that lists every fault: shape, missing verb x tier or verb x meter
 * entries, references to unknown ids, and verbs that contradict the survival matrix.
 */
export function defineProfile(input: ProfileInput): Profile {
  const parsed = profileSchema.safeParse(input);
  if (!parsed.success) throw new Error(`profile ${input.id}:\n${z.prettifyError(parsed.error)}`);
  const faults = [faultsOfReferences, faultsOfMatrices, faultsOfDurability, faultsOfEvidence].flatMap((check) => check(parsed.data));
  if (faults.length > 0) throw new Error(`profile ${input.id}:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
  return freeze(parsed.data);
}

function faultsOfReferences(profile: Profile): string[] {
  const roles = new Set(profile.roles.map((role) => role.role));
  const tiers = new Set(profile.tiers.map((tier) => tier.id));
  const gotchas = new Set(profile.gotchas.map((gotcha) => gotcha.id));
  const faults = [
    ...repeated("role", profile.roles.map((role) => role.role)),
    ...repeated("tier", profile.tiers.map((tier) => tier.id)),
    ...repeated("meter", profile.meters.map((meter) => meter.id)),
    ...repeated("verb", profile.verbs.map((verb) => `${verb.verb} on ${verb.on}`)),
    ...repeated("clock", profile.clocks.map((clock) => clock.id)),
    ...repeated("limit", profile.limits.map((limit) => limit.id)),
    ...repeated("channel", profile.channels.map((channel) => channel.id)),
    ...repeated("gotcha", profile.gotchas.map((gotcha) => gotcha.id)),
  ];
  for (const owned of [...profile.tiers, ...profile.meters]) if (!roles.has(owned.role)) faults.push(`${owned.id}: unknown role ${owned.role}`);
  for (const verb of profile.verbs) if (!roles.has(verb.on)) faults.push(`verb ${verb.verb}: unknown role ${verb.on}`);
  for (const cache of profile.host.caches) if (!tiers.has(cache.tier)) faults.push(`cache ${cache.variable}: unknown tier ${cache.tier}`);
  for (const clock of profile.clocks) for (const tier of clock.alsoLoses) if (!tiers.has(tier)) faults.push(`clock ${clock.id}: unknown tier ${tier}`);
  for (const role of profile.roles) {
    const end = profile.verbs.find((verb) => verb.on === role.role && verb.verb === role.end.verb);
    if (end === undefined) faults.push(`role ${role.role}: no verb ${role.end.verb} on it`);
    else if (end.use !== "teardown") faults.push(`role ${role.role}: ${role.end.verb} is no teardown verb`);
  }
  const { detach, interruption } = profile;
  const referring = [...profile.tiers, ...profile.meters, ...profile.verbs, ...profile.clocks, ...profile.limits, ...profile.channels, detach, interruption];
  for (const { gotchas: ids } of referring) for (const id of ids) if (!gotchas.has(id)) faults.push(`unknown gotcha ${id}`);
  return faults;
}

function faultsOfMatrices(profile: Profile): string[] {
  const faults: string[] = [];
  for (const verb of profile.verbs) {
    const where = `verb ${verb.verb} on ${verb.on}`;
    faults.push(...coverage(`${where}: tiers`, Object.keys(verb.tiers), profile.tiers.map((tier) => tier.id)));
    faults.push(...coverage(`${where}: meters`, Object.keys(verb.meters), profile.meters.map((meter) => meter.id)));
    for (const tier of profile.tiers) {
      const fate = verb.tiers[tier.id];
      if (verb.event === null || fate === undefined) continue;
      const lost = survivalCountsAsLost(tier.survives[verb.event]);
      if (countsAsLost(fate) !== lost) faults.push(`${where}: says otherwise about tier ${tier.id} than its survival of ${verb.event}`);
    }
  }
  return faults;
}

function faultsOfDurability(profile: Profile): string[] {
  const faults: string[] = [];
  const durable = profile.tiers.find((tier) => tier.id === profile.durable.tier);
  if (durable === undefined) return [`durable: unknown tier ${profile.durable.tier}`];
  if (!profile.tiers.some((tier) => tier.id === profile.ownDisk.tier)) faults.push(`ownDisk: unknown tier ${profile.ownDisk.tier}`);
  const { template, readFrom } = durable.path;
  if (![template, readFrom].includes(profile.durable.mountFrom)) faults.push("durable: mountFrom is neither the tier's template nor what it is read from");
  for (const cache of profile.host.caches) {
    const onDurable = cache.path.startsWith("{mount}");
    if (onDurable !== (cache.tier === profile.durable.tier)) faults.push(`cache ${cache.variable}: its path is not on tier ${cache.tier}`);
  }
  return faults;
}

/** Every `source` anywhere in the profile must be listed, and every listed one used. */
function faultsOfEvidence(profile: Profile): string[] {
  const used = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === "source" && typeof inner === "string") used.add(inner);
      else visit(inner);
    }
  };
  visit({ ...profile, sources: null });
  return coverage("sources", Object.keys(profile.sources), [...used]);
}

function coverage(where: string, given: readonly string[], needed: readonly string[]): string[] {
  const missing = needed.filter((name) => !given.includes(name)).map((name) => `${where}: ${name} is missing`);
  const unknown = given.filter((name) => !needed.includes(name)).map((name) => `${where}: ${name} is not known or not used`);
  return [...missing, ...unknown];
}

function repeated(what: string, names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))].map((name) => `${what} ${name} is there twice`);
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}
