/** Names by which a run's resources are found again at the vendor, whatever state or ledger lost. Pure. */
import { createHash } from "node:crypto";
import type { RunRef } from "../custody/formats";
import { runId } from "../custody/formats";

/**
 * `holdfast-<run name>-<6 hex of the full run id>`: at most 36 characters of letters, digits and dashes, starting with a
 * letter, so that a suffix still fits the strictest vendor limit (Lambda file systems: 60, letters first).
 */
export function resourcePrefix(run: RunRef): string {
  const digest = createHash("sha256").update(runId(run)).digest("hex").slice(0, 6);
  return `holdfast-${run.name.slice(0, 20)}-${digest}`;
}

/** Whether a vendor's resource name was made for this run. */
export const isNamedFor = (run: RunRef, name: string): boolean => name === resourcePrefix(run) || name.startsWith(`${resourcePrefix(run)}-`);
