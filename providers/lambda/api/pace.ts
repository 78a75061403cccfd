/**
 * Lambda allows one request per second and one launch per 12 seconds; processes on one machine that use the same key
 * share that. A request reserves the next free moment in a file and sleeps until then, outside of any lock.
 */
import { createHash, randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../../custody/clock";

export type Lane = "request" | "launch";

export interface Pace {
  /** Resolves when a request may be sent. A launch waits for its own lane and for the general one. */
  wait(lane: Lane, signal?: AbortSignal): Promise<void>;
}

/** Vendor's limits plus a margin, since what counts is when requests arrive, not when they leave. */
export const intervalSeconds: Readonly<Record<Lane, number>> = { request: 1.1, launch: 12.5 };
/** Not scaled: what a busy machine adds to the way of one request and not of the next. */
const jitterMilliseconds = 15;
/** How late a timer may fire without anything being moved: less than the jitter that is allowed for. */
const punctualMilliseconds = 3;

/** Per user and key, not per project: the limit belongs to the key. HOLDFAST_PACE_DIR moves it. */
export function paceDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return env["HOLDFAST_PACE_DIR"] ?? join(env["XDG_STATE_HOME"] ?? join(homedir(), ".local", "state"), "holdfast", "pace");
}

/** `timeScale` divides the intervals (a sandbox whose minute passes in a second). */
export function createPace(options: { readonly directory: string; readonly apiKey: string; readonly timeScale: number; readonly clock: Clock }): Pace {
  const key = createHash("sha256").update(options.apiKey).digest("hex").slice(0, 16);
  const now = (): number => options.clock.now().getTime();
  const directoryOf = (lane: Lane): string => join(options.directory, key, lane);
  const turn = async (lane: Lane, signal?: AbortSignal): Promise<number> => {
    const slot = reserveSlot(directoryOf(lane), (intervalSeconds[lane] * 1000) / options.timeScale + jitterMilliseconds, now());
    await sleepUntil(slot, options.clock, signal);
    return slot;
  };
  /** The vendor counts from when this one is sent: later than its moment, it moves those that nobody has reserved yet. */
  const sentNow = (lane: Lane, slot: number): void => {
    if (now() - slot > punctualMilliseconds) reserveSlot(directoryOf(lane), 0, now());
  };
  return {
    async wait(lane, signal) {
      const launch = lane === "launch" ? await turn("launch", signal) : null;
      const request = await turn("request", signal);
      if (launch !== null) sentNow("launch", launch);
      sentNow("request", request);
    },
  };
}

async function sleepUntil(slot: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  const wait = slot - clock.now().getTime();
  if (wait > 0) await clock.sleep(wait, signal);
}

/** Backlogs never grow to this; a slot further away means that the machine's clock was set back. */
const implausibleMilliseconds = 15 * 60 * 1000;
/** Reservations kept behind the newest, for processes that are just reading them. */
const keptGenerations = 16;

/**
 * Compare-and-swap on numbered files instead of a lock: reservation n exists exactly once because link(2) refuses an
 * existing name, and a process that dies leaves nothing locked. Returns the reserved moment, in milliseconds of the epoch.
 */
export function reserveSlot(directory: string, intervalMilliseconds: number, now: number): number {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const draft = join(directory, `.${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    for (;;) {
      const generations = generationsIn(directory);
      const newest = generations.at(-1) ?? 0;
      const last = slotOf(directory, newest);
      if (last === "gone") continue;
      const next = last === null || last - now > implausibleMilliseconds ? now : last + intervalMilliseconds;
      const slot = Math.max(now, next);
      writeFileSync(draft, String(slot), { mode: 0o600 });
      const own = join(directory, String(newest + 1));
      if (!linkIfFree(draft, own)) continue;
      // Others went so far meanwhile that this number had been given and swept before it was taken here: not ours.
      if ((generationsIn(directory).at(-1) ?? 0) > newest + keptGenerations) {
        rmSync(own, { force: true });
        continue;
      }
      for (const old of generations) {
        if (old <= newest - keptGenerations) rmSync(join(directory, String(old)), { force: true });
      }
      return slot;
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

const generationsIn = (directory: string): number[] =>
  readdirSync(directory)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);

/** null: no reservation yet, or an unreadable one. "gone": swept by another process meanwhile; read the folder again. */
function slotOf(directory: string, generation: number): number | null | "gone" {
  if (generation === 0) return null;
  try {
    const slot = Number(readFileSync(join(directory, String(generation)), "utf8"));
    return Number.isFinite(slot) && slot > 0 ? slot : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "gone";
    throw error;
  }
}

function linkIfFree(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
