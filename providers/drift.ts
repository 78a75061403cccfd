/** The look behind a diff: has the real thing been lost since the last update? Bounded, since the engine diffs one resource at a time. */
import type { Clock } from "../custody/clock";
import { RemoteUnreachable } from "../custody/remote";
import { UserError } from "../custody/userError";
import type { Context, Drift, Kind, Props } from "./kind";

/** Long enough for a vendor that takes a second look; short enough for somebody who waits for a preview. */
const longestLookSeconds = 45;

/** null: nothing was lost, or nobody could look, which is said. Never throws for a vendor that does not answer or a key that is not there. */
export async function lookForDrift(kind: Kind, id: string, olds: Props, context: () => Context): Promise<Drift | null> {
  const drift = await look(`whether ${id} still stands`, context, (edges) => kind.drift?.(id, olds, edges));
  if (drift !== null) context().say(drift.why);
  return drift;
}

/** Whether it stands still and an update is needed; not known counts as no, and is said. */
export async function lookForStall(kind: Kind, id: string, olds: Props, context: () => Context): Promise<boolean> {
  const why = await look(`whether ${id} goes on`, context, (edges) => kind.stall?.(id, olds, edges));
  if (why !== null) context().say(why);
  return why !== null;
}

async function look<T>(what: string, context: () => Context, ask: (edges: Context) => Promise<T | null> | undefined): Promise<T | null> {
  try {
    const edges = context();
    const asked = ask(edges);
    return asked === undefined ? null : await within(longestLookSeconds, edges.clock, asked);
  } catch (error) {
    if (!(error instanceof UserError || error instanceof RemoteUnreachable)) throw error;
    context().say(`note: ${what} was not looked up, so the state is believed: ${error.message}`);
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
