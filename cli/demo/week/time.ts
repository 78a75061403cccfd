/**
 * The week's time is the vendor's: the sandbox's clock goes fast while nothing but training happens and slowly while somebody works.
 * It is also served on loopback, so that the training goes by it. Hours count from Monday 09:00.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { askAdmin } from "../../../sandbox";
import type { ClockReading, SandboxDescriptor } from "../../../sandbox";
import type { Vendor } from "../vendor";

/** Vendor seconds per real second. `work`: a minute passes in a second. `close`: where what somebody does is paid for while nothing trains. */
export const speeds = { pass: 36_000, slower: 3600, near: 600, work: 60, close: 3 } as const;

const hourMs = 3_600_000;
const days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;
/** On Monday. */
const firstHour = 9;

/** The week's hour at which this is, for example `at(2, 15)`: Wednesday at 15:00. */
export const at = (day: number, hour: number): number => day * 24 + hour - firstHour;

export class WeekTime {
  private readonly readings: ClockReading[] = [];
  private zero = 0;
  private server: Server | null = null;
  private descriptor: SandboxDescriptor | null = null;

  constructor(
    private readonly vendor: Vendor,
    private readonly signal: AbortSignal,
  ) {}

  /** Starts the sandbox; Monday 09:00 is now. Resolves with the address at which the week's hours can be read. */
  async begin(): Promise<string> {
    this.descriptor = await this.vendor.start();
    this.readings.push(await this.sideDoor<ClockReading>("GET", "/clock"));
    this.zero = this.vendorAt(Date.now());
    this.server = createServer((request, response) => {
      const until = Number(new URL(request.url ?? "/", "http://127.0.0.1").searchParams.get("until") ?? 0);
      void this.reached(until, 1000).then(() => response.end(String(this.hours())));
    });
    await new Promise<void>((done) => this.server?.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  /** Hours of the week at a real moment, in milliseconds since the epoch. */
  hours(realMs = Date.now()): number {
    return (this.vendorAt(realMs) - this.zero) / hourMs;
  }

  /** A real moment in the vendor's time: what a clock would have shown that always goes at the week's pace. */
  vendorAt(realMs: number): number {
    const since = this.readings.findLast((reading) => reading.realMs <= realMs) ?? this.readings[0];
    if (since === undefined) throw new Error("the week has not begun");
    return since.vendorMs + (realMs - since.realMs) * since.scale;
  }

  get label(): string {
    const minutes = Math.floor(this.hours() * 60) + firstHour * 60;
    const two = (value: number): string => String(value).padStart(2, "0");
    return `${days[Math.floor(minutes / 1440) % 7]} ${two(Math.floor(minutes / 60) % 24)}:${two(minutes % 60)}`;
  }

  async speed(scale: number): Promise<void> {
    await this.sideDoor("PATCH", "/knobs", { timeScale: scale });
    this.readings.push(await this.sideDoor<ClockReading>("GET", "/clock"));
  }

  /** Without a look at anything else first: while it is answered, hours may pass. */
  private async sideDoor<T>(method: string, path: string, body?: unknown): Promise<T> {
    if (this.descriptor === null) throw new Error("the week has not begun");
    const answer = await askAdmin(this.descriptor, method, path, body);
    if (!answer.ok) throw new Error(`the sandbox answered ${answer.status} to ${method} ${path}`);
    return (await answer.json()) as T;
  }

  /** Hours pass until that one; none when it is later already. `tick` is called now and then. Goes on at the speed of work. */
  async passUntil(hour: number, tick: () => void): Promise<void> {
    await this.go(hour - 0.4, speeds.pass, tick);
    await this.go(hour, speeds.slower, tick);
    await this.speed(speeds.work);
  }

  /** The last minutes before something is to happen, slower and slower: what it costs is counted from then on. */
  async approach(hour: number, tick: () => void): Promise<void> {
    await this.go(hour - 0.06, speeds.near, tick);
    await this.go(hour - 0.004, speeds.work, tick);
    await this.speed(speeds.close);
  }

  /** Resolves when the week has come so far, or after so many real milliseconds. */
  private async reached(hour: number, milliseconds: number): Promise<void> {
    const end = Date.now() + milliseconds;
    while (this.hours() < hour && Date.now() < end) await pause(20);
  }

  close(): void {
    this.server?.closeAllConnections();
    this.server?.close();
  }

  private async go(hour: number, scale: number, tick: () => void): Promise<void> {
    if (this.hours() >= hour) return;
    await this.speed(scale);
    for (let left = hour - this.hours(); left > 0; left = hour - this.hours()) {
      tick();
      await pause(Math.min(500, (left * hourMs) / scale), undefined, { signal: this.signal });
    }
  }
}
