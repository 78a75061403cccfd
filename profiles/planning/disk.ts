/** How much room the cells need on the durable tier: bytes and files, because either can run out first. */
import { valueOr } from "../fact";
import type { JobRequest } from "../job";
import type { PlanDisk, PlanInput } from "../plan";
import type { Profile } from "../schema";

/** Taken for the model and data caches that a plan moves to the durable tier: one mid-sized model with its tokenizer. */
export const ASSUMED_CACHE_BYTES = 10e9;
const ASSUMED_CACHE_FILES = 2_000;
/** Checkpoint, state, metrics, logs and trackers of one cell; sharded checkpoints are some dozen files. */
const FILES_PER_CELL = 64;
/** Queue, locks, custody. */
const FILES_PER_RUN = 64;

/** null where the job does not state `checkpoint.bytes`. */
export function diskOf(job: JobRequest, profile: Profile, inputs: readonly PlanInput[]): PlanDisk | null {
  const each = job.checkpoint.bytes;
  if (each === null) return null;
  const tier = profile.tiers.find((known) => known.id === profile.durable.tier);
  const cached = profile.host.caches.some((cache) => cache.tier === profile.durable.tier);
  const checkpointBytes = each * job.roster.length;
  const cacheBytes = cached ? ASSUMED_CACHE_BYTES : 0;
  const kept = inputs.filter(({ mode }) => mode === "cached");
  const inputBytes = sum(kept.map(({ bytes }) => bytes ?? 0));
  return {
    checkpointBytes,
    rollingBytes: each,
    cacheBytes,
    inputBytes,
    bytes: checkpointBytes + each + cacheBytes + inputBytes,
    files: job.roster.length * FILES_PER_CELL + FILES_PER_RUN + (cached ? ASSUMED_CACHE_FILES : 0) + sum(kept.map(({ files }) => files ?? 1)),
    capBytes: tier === undefined ? null : valueOr(tier.capBytes, null),
    capInodes: tier === undefined ? null : valueOr(tier.capInodes, null),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
