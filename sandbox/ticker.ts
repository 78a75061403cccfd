// The daemon's pulse: often while something is on its way, seldom while instances only run, not at all when there is nothing.
const movingMs = 25;
const watchingMs = 250;
/** File systems are measured hourly in vendor time; nothing else happens to them. */
const idleMs = 1_000;

export class Ticker {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private again = false;
  private busy = false;
  private ended = true;
  private tick: () => Promise<boolean> = () => Promise.resolve(false);
  private watches: () => boolean = () => false;

  constructor(private readonly onError: (error: unknown) => void) {}

  /** `tick` resolves to true while something moves; `watches` says whether there is anything that could end by itself. */
  start(tick: () => Promise<boolean>, watches: () => boolean): void {
    this.tick = tick;
    this.watches = watches;
    this.ended = false;
    this.kick();
  }

  /** Ticks now; when a tick is under way, once more after it. */
  kick(): void {
    if (this.ended) return;
    this.again = true;
    if (this.busy) return;
    clearTimeout(this.timer);
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.ended = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private async run(): Promise<void> {
    this.busy = true;
    let moving = false;
    while (this.again && !this.ended) {
      this.again = false;
      try {
        moving = await this.tick();
      } catch (error) {
        this.onError(error);
      }
    }
    this.busy = false;
    if (this.ended) return;
    this.timer = setTimeout(() => { this.kick(); }, moving ? movingMs : this.watches() ? watchingMs : idleMs);
  }
}
