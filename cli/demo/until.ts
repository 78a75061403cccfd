/** Waiting in the demo: by looking, bounded, ended by Ctrl-C. */
import { setTimeout as pause } from "node:timers/promises";
import { DemoFault } from "./expect";

export interface Waiting<T> {
  readonly step: string;
  readonly what: string;
  readonly seconds: number;
  readonly signal: AbortSignal;
  /** Milliseconds between two looks. */
  readonly everyMilliseconds?: number;
  look(): Promise<T>;
  /** Said when time is up. */
  describe(seen: T): string;
}

/** Looks until `done` holds and returns what was seen then. Throws DemoFault when time is up. */
export async function until<T>(waiting: Waiting<T>, done: (seen: T) => boolean): Promise<T> {
  const deadline = Date.now() + waiting.seconds * 1000;
  for (;;) {
    waiting.signal.throwIfAborted();
    const seen = await waiting.look();
    if (done(seen)) return seen;
    if (Date.now() > deadline) throw new DemoFault(waiting.step, `${waiting.what} within ${waiting.seconds} s`, waiting.describe(seen));
    await pause(waiting.everyMilliseconds ?? 500, undefined, { signal: waiting.signal });
  }
}
