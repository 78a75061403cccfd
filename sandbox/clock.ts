// The vendor's clock: real time multiplied by the time scale. Deadlines are absolute milliseconds of this clock, so they
// survive a daemon that was killed and started again, and a change of the scale in between.

export interface VendorClockState {
  vendorBaseMs: number;
  realBaseMs: number;
  scale: number;
  /** True after a clean stop that ended the instances: nothing runs, so the vendor's time stands still. */
  paused: boolean;
}

/** At `realMs` (milliseconds since the epoch) it was `vendorMs`; from there on each real one is `scale` of the vendor's. */
export interface ClockReading {
  readonly realMs: number;
  readonly vendorMs: number;
  readonly scale: number;
}

export class VendorClock {
  constructor(
    private readonly state: VendorClockState,
    private readonly realNow: () => number,
  ) {}

  static begin(realNowMs: number, scale: number): VendorClockState {
    return { vendorBaseMs: realNowMs, realBaseMs: realNowMs, scale, paused: false };
  }

  /** Vendor milliseconds since the epoch. */
  now(): number {
    if (this.state.paused) return this.state.vendorBaseMs;
    // A wall clock that is set back must not undo vendor time that has passed.
    return this.state.vendorBaseMs + Math.max(0, this.realNow() - this.state.realBaseMs) * this.state.scale;
  }

  /** Real time as ISO 8601: what people and clients compare with their own clocks. */
  realIso(): string {
    return new Date(this.realNow()).toISOString();
  }

  get scale(): number {
    return this.state.scale;
  }

  /** Since when the scale is what it is, in both times: with this a moment that others recorded is placed in vendor time. */
  get since(): ClockReading {
    return { realMs: this.state.realBaseMs, vendorMs: this.state.vendorBaseMs, scale: this.state.paused ? 0 : this.state.scale };
  }

  setScale(scale: number): void {
    this.rebase();
    this.state.scale = scale;
  }

  pause(): void {
    this.rebase();
    this.state.paused = true;
  }

  resume(): void {
    this.rebase();
    this.state.paused = false;
  }

  /** Waits for vendor seconds. */
  async sleep(vendorSeconds: number): Promise<void> {
    if (vendorSeconds > 0) await new Promise((resolve) => setTimeout(resolve, (vendorSeconds * 1000) / this.state.scale));
  }

  private rebase(): void {
    this.state.vendorBaseMs = this.now();
    this.state.realBaseMs = this.realNow();
  }
}
