/**
 * What a machine said when it was last asked, kept beside the ledger: so that a list of all runs needs no machine. It is a
 * memory, never evidence: nothing that protects data reads it, and it may be deleted at any time.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunCustody } from "../../custody";
import type { RemoteStatus } from "./remoteStatus";

export interface LastLook {
  /** ISO 8601, by this computer's clock. */
  readonly at: string;
  readonly status: RemoteStatus;
}

export const lastLookFile = "last-look.json";

/** Called after every answer of a machine. A disk that takes no file is no reason to fail a look. */
export async function rememberLook(run: RunCustody, look: LastLook): Promise<void> {
  const { writeFileDurably } = await import("../../custody/disk/files.js");
  try {
    writeFileDurably(join(run.dir, lastLookFile), `${JSON.stringify({ v: 1, ...look })}\n`);
  } catch {
    // The next look writes it.
  }
}

/** null when nobody looked, when the file is of another version or damaged, or from before the present life of the run. */
export async function recallLook(run: RunCustody, since: string): Promise<LastLook | null> {
  const { parseRemoteStatus } = await import("./remoteStatus.js");
  try {
    const { v, at, status } = JSON.parse(readFileSync(join(run.dir, lastLookFile), "utf8")) as { v?: unknown; at?: unknown; status?: unknown };
    if (v !== 1 || typeof at !== "string" || !(Date.parse(at) >= Date.parse(since))) return null;
    return { at, status: parseRemoteStatus(JSON.stringify(status)) };
  } catch {
    return null;
  }
}
