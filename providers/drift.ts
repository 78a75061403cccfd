/** The look behind a diff: has the real thing been lost since the last update? Bounded, since the engine diffs one resource at a time. */
import type { Clock } from "../custody/clock";
import { UserError } from "../custody/userError";
import type { Context, Drift, Kind, Props } from "./kind";

/** Long enough for a vendor that takes a second look; short enough for somebody who waits for a preview. */
const longestLookSeconds = 45;

/** null: nothing was lost, or nobody could look, which is said. Never throws for a vendor that does not answer or a key that is not there. */
export async function lookForDrift(kind: Kind, id: string, olds: Props, context: () => Context): Promise<Drift | null> {
  if (!kind.drift) return null;
  try {
    const edges = context();
    const drift = await within(longestLookSeconds, edges.clock, kind.drift(id, olds, edges));
    if (drift !== null) edges.say(drift.why);
    return drift;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    context().say(`note: whether ${id} still stands was not looked up, so the state is believed: ${error.message}`);
    return null;
  }
}

async function within<T>(seconds: number, clock: Clock, look: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = clock.sleep(seconds * 1000, timer.signal).then(
    () => { throw new UserError(`no answer within ${seconds} s`, { code: "look-late" }); },
    // Aborted because the look came first: the race is decided, and this side never settles.
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([look, late]);
  } finally {
    timer.abort(new Error("decided"));
    look.catch(() => undefined);
  }
}
