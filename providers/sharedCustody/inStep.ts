/** What a provider does around each operation: take over what other machines know, and bring there what was done. */
import type { FetchReport, SharedCustody } from "../../custody";
import { runId, type RunRef } from "../../custody/formats";
import type { RunCustody } from "../../custody/store";
import type { Clock } from "../../custody/clock";
import { RemoteUnreachable } from "../../custody/remote";
import { messageOf, UserError } from "../../custody/userError";
import { openSharedCustody } from "./open";
import { sharedStoreOfStack } from "./settings";

export interface InStepOptions {
  readonly projectRoot: string;
  readonly clock: Clock;
  readonly run: RunRef;
  /** Something is about to be deleted: then not knowing what other machines know is a refusal. */
  readonly deletes: boolean;
  readonly say: (message: string) => void;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Runs `operation` with the run's ledger brought up to the shared store, and shares what it recorded, also when it failed. Without a
 * shared store it is just the operation. Throws UserError `shared-store-unknown` before a deletion when the store cannot be asked.
 */
export async function inStep<T>(options: InStepOptions, operation: () => Promise<T>): Promise<T> {
  const shared = sharedFor(options);
  if (shared === null) return operation();
  const known = await takeOver(shared, options);
  try {
    return await operation();
  } finally {
    if (known) await bring(shared, options);
  }
}

/** One per store and process: connections are kept for the next operation. */
const opened = new Map<string, SharedCustody>();

function sharedFor({ projectRoot, clock, run, env }: InStepOptions): SharedCustody | null {
  const store = sharedStoreOfStack(projectRoot, run.stack, env);
  if (store === null) return null;
  const key = JSON.stringify([projectRoot, store]);
  const shared = opened.get(key) ?? openSharedCustody(store, { projectRoot, clock });
  opened.set(key, shared);
  return shared;
}

/** False when the store could not be asked and the operation may go on without. */
async function takeOver(shared: SharedCustody, options: InStepOptions): Promise<boolean> {
  try {
    const run = (await shared.open()).run(options.run);
    for (const line of describeFetch(shared, run, await shared.fetch(run))) options.say(line);
    return true;
  } catch (error) {
    if (!isFault(error)) throw error;
    if (options.deletes) throw unknownToUs(shared, options.run, error);
    if (!canWait(error)) throw error;
    options.say(`WARNING: the shared store ${shared.place.description} could not be asked (${messageOf(error)}). What other machines recorded of ${runId(options.run)} is not known here; nothing will be deleted until it is.`);
    return false;
  }
}

async function bring(shared: SharedCustody, options: InStepOptions): Promise<void> {
  try {
    const run = (await shared.open()).run(options.run);
    if (run.entries().length > 0) await shared.share(run);
  } catch (error) {
    if (!isFault(error)) throw error;
    options.say(`WARNING: what was just recorded of ${runId(options.run)} is not in the shared store ${shared.place.description} yet (${messageOf(error)}); the next operation or holdfast command brings it there.`);
  }
}

/** One line per thing that a person should know of what was taken over; none when there was nothing. */
export function describeFetch(shared: SharedCustody, run: RunCustody, report: FetchReport): string[] {
  if (report.added === 0) return [];
  const lines = `${report.added} ledger ${report.added === 1 ? "line" : "lines"} of ${runId(run.ref)} from ${shared.place.description}`;
  if (report.vouchedBy !== null) return [`Took over ${lines}, vouched for by "${report.vouchedBy}"${report.merged ? "; this machine had gone on too, so the two were joined" : ""}.`];
  return [
    `WARNING: took over ${lines}, for which no key vouches that this project trusts: they count as little as any copy (no grant, not disposable, a job counts as started).`,
    ...report.unknownKeys.map(({ keyId }) => `  an unknown key signs there: ${keyId.slice(0, 12)} (if you know whose it is: holdfast trust add)`),
  ];
}

/** What a store can be wrong with, as against a fault of this program. */
export const isFault = (error: unknown): error is Error => error instanceof RemoteUnreachable || error instanceof UserError;

/** Another day it may answer; a store that is broken or somebody else's is to be looked at first. */
export const canWait = (error: Error): boolean => error instanceof RemoteUnreachable || (error instanceof UserError && waiting.has(error.code));
const waiting: ReadonlySet<string> = new Set(["shared-store", "shared-busy", "ssh-denied", "host-key-changed"]);

function unknownToUs(shared: SharedCustody, run: RunRef, cause: Error): UserError {
  const next = cause instanceof UserError ? cause.next : [];
  return new UserError(
    `Refused. Nothing was deleted.\n  - The shared store ${shared.place.description} could not be asked (${cause.message}), so what other machines recorded of ${runId(run)} is not known: a job that was started, an approval that was used.`,
    { code: "shared-store-unknown", next: [...next, "the same command again when it answers", "if it is gone for good: take custody.store out of the stack's config, which leaves the ledger of this machine alone to decide"], cause },
  );
}
