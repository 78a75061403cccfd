/** The one clock. Tests set it; everything that waits or stamps a time takes it as an argument. */
export interface Clock {
  /** Current time. */
  now(): Date;
  /** Waits, in milliseconds of this clock; rejects with the signal's reason when aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) { reject(signal.reason as Error); return; }
      const timer = setTimeout(done, milliseconds);
      function done(): void {
        signal?.removeEventListener("abort", abort);
        resolve();
      }
      function abort(): void {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      }
      signal?.addEventListener("abort", abort, { once: true });
    }),
};
