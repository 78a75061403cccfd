// One limit: one request per interval of vendor time and key, by the generic cell rate algorithm, so that the long-run rate
// is exact while jitter within the tolerance is forgiven. A refused request uses nothing up.
export class RateLimit {
  private readonly nextAllowedMs = new Map<string, number>();

  constructor(private readonly intervalMs: number) {}

  /** Milliseconds of vendor time to wait; 0 means the request is counted and may pass. */
  take(key: string, nowMs: number, toleranceMs: number): number {
    const next = this.nextAllowedMs.get(key) ?? 0;
    if (nowMs < next - toleranceMs) return next - toleranceMs - nowMs;
    this.nextAllowedMs.set(key, Math.max(next, nowMs) + this.intervalMs);
    return 0;
  }
}
