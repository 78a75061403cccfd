/** Waits for a condition by looking again; the bound is a safety net, not an assertion about speed. */
import { setTimeout as pause } from "node:timers/promises";

/** Resolves with the first value that is not null, undefined or false; rejects after `seconds` with what was last seen. */
export async function until<T>(what: string, look: () => Promise<T | null | undefined | false> | T | null | undefined | false, seconds = 120): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    last = seen;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s (last seen: ${String(last)})`);
    await pause(200);
  }
}
