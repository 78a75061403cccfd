/** What the generic parts (audit, teardown) ask of a platform. A second platform adds one line here. */
import type { RunCustody } from "../custody";
import type { EndpointRef } from "../custody/formats";
import { UserError } from "../custody/userError";

/** One thing the vendor bills. USD. */
export interface Billable {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  /** The unique name it was launched under, where the vendor keeps one apart from a name that people can change. */
  readonly launchName: string | null;
  readonly region: string | null;
  readonly hourlyUsd: number | null;
  readonly monthlyUsd: number | null;
  /** The command that removes it. */
  readonly remove: string;
}

export interface PlatformSource {
  /** Everything the vendor bills for this account. */
  listBillables(endpoint: EndpointRef, projectRoot: string): Promise<readonly Billable[]>;
  /** Closes launch intents that made nothing; returns those whose outcome nobody knows yet. */
  settleIntents(run: RunCustody, endpoint: EndpointRef, projectRoot: string): Promise<readonly unknown[]>;
  /** Removes private key files of a run that has ended; nothing while a machine of it may stand. */
  removePrivateKeys(run: RunCustody): void;
  /** Whether storage that this run made, and never started a job on, holds anything. Anything unclear is `unknown`. */
  storageIsEmpty(endpoint: EndpointRef, projectRoot: string, id: string): Promise<"yes" | "no" | "unknown">;
}

const sources: Readonly<Record<string, () => Promise<PlatformSource>>> = {
  lambda: () => import("./lambda/source.js"),
};

/** Throws UserError for a platform that this version cannot ask. */
export async function platformSource(platform: string): Promise<PlatformSource> {
  const load = sources[platform];
  if (!load) throw new UserError(`This version cannot ask platform "${platform}" what it holds or bills.`, { code: "no-platform" });
  return load();
}
