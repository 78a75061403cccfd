/** Which instance types can be launched where, for what is asked. Pure. */
import type { OfferedType } from "./api/types";

/** A choice of the user's. `region: null`: wherever there is capacity. */
export interface Candidate {
  readonly type: string;
  readonly region: string | null;
}

/** Lower bounds. */
export interface Requirement {
  /** `names` in any spelling ("A10", "a100-80gb", "H100 SXM5"); empty: any. `memoryGiB` per GPU, as it is sold. */
  readonly gpu: { readonly names: readonly string[]; readonly count: number; readonly memoryGiB: number | null } | null;
  readonly cpus: number | null;
  readonly memoryGiB: number | null;
  readonly diskGiB: number | null;
}

/** What is remembered of a type; enough to judge it again offline. */
export interface TypeSpecs {
  readonly type: string;
  readonly gpuDescription: string;
  readonly architecture: string;
  readonly gpus: number;
  readonly cpus: number;
  readonly memoryGiB: number;
  readonly diskGiB: number;
}

export interface Choice {
  readonly type: string;
  readonly region: string;
  readonly hourlyUsd: number;
}

export interface Choices {
  /** Launchable now as far as the listing knows, best first. */
  readonly available: readonly Choice[];
  /** Acceptable, but nowhere listed with capacity at this moment: worth waiting for. */
  readonly awaited: readonly string[];
  /** Never acceptable, and why: waiting does not help. */
  readonly excluded: readonly { readonly candidate: string; readonly why: string }[];
  /** Acceptable types that have capacity in other regions than asked for, for the message. */
  readonly elsewhere: readonly Choice[];
}

export interface CapacityRequest {
  readonly candidates: readonly Candidate[];
  readonly requirement: Requirement;
  /** The file system's region: it cannot be mounted elsewhere. null: none is chosen yet. */
  readonly region: string | null;
  readonly maxHourlyUsd: number | null;
}

/** Candidates in the user's order; without candidates every type that fits, cheapest first. */
export function chooseCapacity(offers: readonly OfferedType[], request: CapacityRequest): Choices {
  const available: Choice[] = [];
  const awaited: string[] = [];
  const excluded: { candidate: string; why: string }[] = [];
  const elsewhere: Choice[] = [];
  for (const candidate of candidatesOf(offers, request)) {
    const label = candidate.region === null ? candidate.type : `${candidate.type} in ${candidate.region}`;
    const offer = offers.find((each) => each.type.name === candidate.type);
    const why = offer === undefined ? "Lambda lists no such type" : reasonAgainst(offer, candidate, request);
    if (offer === undefined || why !== null) {
      excluded.push({ candidate: label, why: why ?? "unknown" });
      continue;
    }
    const hourlyUsd = offer.type.price_cents_per_hour / 100;
    const regions = offer.regions.map((region) => ({ type: candidate.type, region, hourlyUsd }));
    const wanted = regions.filter(({ region }) => region === (candidate.region ?? request.region ?? region));
    available.push(...wanted);
    elsewhere.push(...regions.filter((choice) => !wanted.includes(choice)));
    if (wanted.length === 0) awaited.push(label);
  }
  return { available: unique(available), awaited, excluded, elsewhere: unique(elsewhere) };
}

export const specsOf = ({ type }: OfferedType): TypeSpecs => ({
  type: type.name,
  gpuDescription: type.gpu_description,
  architecture: type.architecture ?? (/gh200|gb200/i.test(type.name) ? "arm64" : "x86_64"),
  gpus: type.specs.gpus,
  cpus: type.specs.vcpus,
  memoryGiB: type.specs.memory_gib,
  diskGiB: type.specs.storage_gib,
});

/** Why a type does not meet the lower bounds; null when it does. */
export function shortfall(specs: TypeSpecs, requirement: Requirement): string | null {
  const { gpu } = requirement;
  if (gpu !== null) {
    if (specs.gpus < gpu.count) return `it has ${specs.gpus} ${specs.gpus === 1 ? "GPU" : "GPUs"}, ${gpu.count} asked`;
    if (gpu.names.length > 0 && !gpu.names.some((name) => isGpu(name, specs.gpuDescription))) return `its GPU is ${specs.gpuDescription}, asked is ${gpu.names.join(" or ")}`;
    const memory = gpuMemory(specs.gpuDescription);
    // The API has no field for it: what the description does not say is not counted on.
    if (gpu.memoryGiB !== null && (memory === null || memory < gpu.memoryGiB)) return `its GPU memory is ${memory === null ? "not stated" : `${memory} GB`}, ${gpu.memoryGiB} asked`;
  }
  if (requirement.cpus !== null && specs.cpus < requirement.cpus) return `it has ${specs.cpus} CPUs, ${requirement.cpus} asked`;
  if (requirement.memoryGiB !== null && specs.memoryGiB < requirement.memoryGiB) return `it has ${specs.memoryGiB} GiB of memory, ${requirement.memoryGiB} asked`;
  if (requirement.diskGiB !== null && specs.diskGiB < requirement.diskGiB) return `it has ${specs.diskGiB} GiB of disk, ${requirement.diskGiB} asked`;
  return null;
}

/**
 * Whether an instance that stands is still among what is asked for. The price is not judged: a running instance is not
 * replaced because a limit for the next launch was lowered.
 */
export function isStillAllowed(current: { readonly specs: TypeSpecs; readonly region: string }, candidates: readonly Candidate[], requirement: Requirement): boolean {
  if (shortfall(current.specs, requirement) !== null) return false;
  return candidates.length === 0 || candidates.some(({ type, region }) => type === current.specs.type && (region === null || region === current.region));
}

function candidatesOf(offers: readonly OfferedType[], { candidates, requirement }: CapacityRequest): readonly Candidate[] {
  if (candidates.length > 0) return candidates;
  return offers
    .filter((offer) => shortfall(specsOf(offer), requirement) === null && isWelcomeUnasked(specsOf(offer), requirement))
    .sort((a, b) => a.type.price_cents_per_hour - b.type.price_cents_per_hour || (a.type.name < b.type.name ? -1 : 1))
    .map((offer) => ({ type: offer.type.name, region: null }));
}

/** An arm64 machine (GH200) runs no x86 wheel or image: only when its GPU or type is named. */
const isWelcomeUnasked = (specs: TypeSpecs, { gpu }: Requirement): boolean => specs.architecture === "x86_64" || (gpu?.names ?? []).some((name) => isGpu(name, specs.gpuDescription));

function reasonAgainst(offer: OfferedType, candidate: Candidate, request: CapacityRequest): string | null {
  if (candidate.region !== null && request.region !== null && candidate.region !== request.region) return `the file system is in ${request.region} and cannot be mounted elsewhere`;
  const hourlyUsd = offer.type.price_cents_per_hour / 100;
  if (request.maxHourlyUsd !== null && hourlyUsd > request.maxHourlyUsd) return `it costs $${hourlyUsd.toFixed(2)}/h, at most $${request.maxHourlyUsd.toFixed(2)}/h is allowed (capacity.maxHourlyUsd)`;
  return shortfall(specsOf(offer), request.requirement);
}

/** Every word of the name is in the description: "A10" is not in "A100 (40 GB SXM4)", "a100 80gb" is in "A100 (80 GB SXM4)". */
function isGpu(name: string, description: string): boolean {
  const described = wordsOf(description);
  const asked = wordsOf(name);
  const model = description.replace(/\(.*/, "");
  // "RTX6000" for "RTX 6000 (24 GB)".
  return (asked.length > 0 && asked.every((word) => described.includes(word))) || asked.join("") === wordsOf(model).join("");
}

const wordsOf = (text: string): string[] => text.toLowerCase().replace(/(\d+)\s*gb\b/g, "$1gb").match(/[a-z0-9]+/g) ?? [];

/** GB per GPU from a description such as "A100 (80 GB SXM4)". */
export function gpuMemory(description: string): number | null {
  const found = /(\d+)\s*GB/i.exec(description)?.[1];
  return found === undefined ? null : Number(found);
}

function unique(choices: readonly Choice[]): Choice[] {
  const seen = new Set<string>();
  return choices.filter(({ type, region }) => !seen.has(`${type} ${region}`) && seen.add(`${type} ${region}`));
}
