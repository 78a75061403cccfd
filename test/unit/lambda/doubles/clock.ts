/** A clock whose sleeps pass at once; what was slept is remembered. */
import type { Clock } from "../../../../custody/clock";

export interface TestClock extends Clock {
  readonly slept: readonly number[];
  advance(milliseconds: number): void;
}

export function testClock(start = "2026-01-05T12:00:00.000Z"): TestClock {
  let now = Date.parse(start);
  const slept: number[] = [];
  return {
    slept,
    now: () => new Date(now),
    advance(milliseconds) {
      now += milliseconds;
    },
    async sleep(milliseconds, signal) {
      signal?.throwIfAborted();
      slept.push(milliseconds);
      now += milliseconds;
      // Others get their turn, as in a real sleep.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
