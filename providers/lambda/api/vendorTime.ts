/** Waiting in the vendor's seconds: equal to ours in production, shorter in a sandbox whose minute passes in a second. */
import type { Clock } from "../../../custody/clock";

export interface VendorTime {
  /** Vendor seconds per real second. */
  readonly scale: number;
  now(): Date;
  /** Sleeps for so many vendor seconds. */
  sleep(seconds: number, signal?: AbortSignal): Promise<void>;
  /**
   * A moment so many vendor seconds ahead. `leastRealSeconds` keeps a scaled deadline from becoming shorter than what
   * real machines need: processes start no faster because the vendor's clock does.
   */
  deadline(seconds: number, leastRealSeconds?: number): Deadline;
}

export interface Deadline {
  passed(): boolean;
  /** Vendor seconds since it was set. */
  elapsed(): number;
}

export function createVendorTime(clock: Clock, scale: number): VendorTime {
  return {
    scale,
    now: () => clock.now(),
    sleep: (seconds, signal) => clock.sleep((seconds * 1000) / scale, signal),
    deadline(seconds, leastRealSeconds = 0) {
      const start = clock.now().getTime();
      const end = start + Math.max(seconds / scale, leastRealSeconds) * 1000;
      return {
        passed: () => clock.now().getTime() >= end,
        elapsed: () => ((clock.now().getTime() - start) / 1000) * scale,
      };
    },
  };
}
