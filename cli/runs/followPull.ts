/**
 * A run followed from outside: what is closed comes here again and again, until its queue has closed. A machine that does not
 * answer is asked less and less often, and given up in the end; what came is kept, and the next follow goes on from there.
 */
import type { FollowOptions, FollowPass, RunCustody } from "../../custody";
import type { Clock } from "../../custody/clock";
import { runId } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import { isLive } from "./project";

export interface FollowRun {
  readonly target?: string;
  readonly everySeconds: number;
  /** Silence after which a machine is given up. */
  readonly patienceSeconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The machine as the ledger names it now; null: none stands. */
  readonly connect: () => Remote | null;
  readonly onPass: (pass: FollowPass, remote: Remote) => Promise<void>;
  /** Said on the way: it does not answer, and answers again. */
  readonly onNote: (text: string) => void;
}

/** Between two tries of a machine that is silent, at most. */
const longestPauseSeconds = 600;

/** Returns when the queue has closed and nothing writes. Throws RemoteUnreachable when the machine stays silent; UserError; the signal's reason. */
export async function followRun(run: RunCustody, options: FollowRun): Promise<void> {
  const { clock, signal } = options;
  let answered = clock.now().getTime();
  let silent = 0;
  for (;;) {
    signal.throwIfAborted();
    if (!isLive(run.view())) throw new UserError(`${runId(run.ref)} has ended meanwhile, so there is nothing left to follow.`, { code: "no-machine", next: [`holdfast ledger ${runId(run.ref)}`] });
    const outcome = await look(run, options);
    if (outcome.pass === null) {
      silent += 1;
      const silence = (clock.now().getTime() - answered) / 1000;
      if (silence >= options.patienceSeconds) throw outcome.why;
      const pause = pauseAfter(silent, options.everySeconds, options.patienceSeconds - silence);
      options.onNote(`${outcome.why.message}; asked again in ${Math.ceil(pause)} s`);
      await clock.sleep(pause * 1000, signal);
      continue;
    }
    if (silent > 0) options.onNote("It answers again.");
    answered = clock.now().getTime();
    silent = 0;
    if (outcome.pass.closed) return;
    await clock.sleep(options.everySeconds * 1000, signal);
  }
}

/** Seconds: doubled from one silence to the next, never beyond the end of patience. Pure. */
export function pauseAfter(silent: number, everySeconds: number, leftSeconds: number): number {
  const doubled = everySeconds * 2 ** Math.min(silent - 1, 10);
  return Math.max(1, Math.min(doubled, Math.max(everySeconds, longestPauseSeconds), leftSeconds));
}

type Outcome = { readonly pass: FollowPass } | { readonly pass: null; readonly why: Error };

/** One look over one connection. A fault that a later look may not have is no end; everything else is thrown. */
export async function look(run: RunCustody, options: Pick<FollowRun, "connect" | "clock" | "signal" | "target" | "onPass">): Promise<Outcome> {
  const { locateRun } = await import("../../providers/teardown/facts.js");
  const { followOnce } = await import("../../custody/index.js");
  const remote = options.connect();
  if (remote === null) return { pass: null, why: new UserError(`No machine of ${runId(run.ref)} is known to stand`, { code: "no-machine" }) };
  try {
    const follow: FollowOptions = { clock: options.clock, signal: options.signal, ...(options.target === undefined ? {} : { target: options.target }) };
    const pass = await followOnce(run, remote, await locateRun(run, remote), follow);
    await options.onPass(pass, remote);
    return { pass };
  } catch (error) {
    if (error instanceof RemoteUnreachable || (error instanceof UserError && mayPass.has(error.code))) return { pass: null, why: error };
    throw error;
  } finally {
    await remote.close();
  }
}

/** Another pull ends; an instance that has just been made has no job yet; a share is mounted a moment after the boot. */
const mayPass: ReadonlySet<string> = new Set(["pull-running", "no-job", "not-mounted", "directory-gone", "transfer-failed"]);
