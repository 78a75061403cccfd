/** Logs of a run whose machine is gone: from the place where its newest receipt says they were pulled to. */
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { RunCustody } from "../../custody";

export interface PulledLog {
  readonly path: string;
  /** The last `lines` lines, each ending in a newline. */
  tail(lines: number): string;
}

/** null when no receipt of this host names a copy that holds the log. */
export function pulledLog(run: RunCustody, cell: string | undefined): PulledLog | null {
  const places = run.receipts().map((receipt) => receipt.content.place).filter((place) => place.host === hostname());
  for (const place of places.reverse()) {
    const path = join(place.directory, "logs", `${cell ?? "queue"}.log`);
    if (!existsSync(path)) continue;
    return {
      path,
      tail: (lines) => {
        const text = readFileSync(path, "utf8").trimEnd();
        return lines === 0 ? "" : `${text.split("\n").slice(-lines).join("\n")}\n`;
      },
    };
  }
  return null;
}
