/**
 * A log as it grows on the durable tier, line by line, over connections that may end: each new one goes on after the last line
 * that arrived. Ends when nothing more can come: the queue has closed, the cell has ended, or the run's machine is gone.
 */
import type { RunCustody } from "../../custody";
import type { Clock } from "../../custody/clock";
import { runId } from "../../custody/formats";
import type { Remote, RemoteResult } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import { isLive } from "./project";

export interface FollowOptions {
  /** A cell's name; undefined: the queue's own log. */
  readonly cell: string | undefined;
  /** How many lines of the end to begin with. */
  readonly lines: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** The machine as the ledger names it now: after a replacement it is another one. The caller closes it. */
  readonly connect: () => Remote | null;
  readonly onLine: (line: string) => void;
  /** Said on the way: the connection was lost, and is back. */
  readonly onNote: (text: string) => void;
}

export type FollowEnd = "closed" | "gone";

/** A machine that has not answered for so long is given up. Seconds. */
const patience = 900;
const longestPause = 15;

/** Timers of Node end at 2^31 milliseconds, a little under 25 days. */
const longestCall = 24 * 24 * 3600;

// $1 log, $2 and $3: the files that say that nothing more comes (the cell's state, the queue's closing marker), $4 lines of the
// end to begin with, $5 line to go on at (0: none yet). The first line printed is the number of the line that follows.
// tail ends, after what was still to read, with the process that waits for those files.
const script = `
at=$5
if [ "$at" = 0 ]; then
  lines=0
  [ ! -f "$1" ] || lines=$(wc -l <"$1")
  at=$((lines - $4 + 1))
  [ "$at" -ge 1 ] || at=1
fi
echo "$at"
ended() {
  [ -s "$3" ] || { [ -n "$2" ] && grep -Eq '"state" *: *"(complete|failed|cancelled|kept|removed)"' "$2" 2>/dev/null; }
}
# A loop of its own writes nowhere, so that the connection does not wait for it.
(until ended "$@"; do sleep 1; done) >/dev/null 2>&1 &
waiting=$!
tail --pid="$waiting" -n +"$at" -F -- "$1" 2>/dev/null
kill "$waiting" 2>/dev/null
ended "$@"`;

/** Throws RemoteUnreachable when the machine stays silent, UserError when the log cannot be followed, the signal's reason. */
export async function followLog(run: RunCustody, options: FollowOptions): Promise<FollowEnd> {
  const state = { next: 0, lost: null as string | null, silentSince: options.clock.now().getTime(), pause: 1 };
  for (;;) {
    options.signal.throwIfAborted();
    const remote = options.connect();
    if (remote === null && !isLive(run.view())) return "gone";
    const ended = remote === null ? new RemoteUnreachable(runId(run.ref), "no machine stands at the moment") : await attempt(run, remote, state, options);
    if (ended === "closed") return ended;
    if (options.clock.now().getTime() - state.silentSince > patience * 1000) throw ended;
    if (state.lost === null) options.onNote(`${ended.message}; trying again`);
    state.lost = ended.message;
    await options.clock.sleep(state.pause * 1000, options.signal);
    state.pause = Math.min(longestPause, state.pause * 2);
  }
}

interface Progress {
  /** Number of the line that comes next; 0: not known yet. */
  next: number;
  lost: string | null;
  silentSince: number;
  pause: number;
}

async function attempt(run: RunCustody, remote: Remote, progress: Progress, options: FollowOptions): Promise<"closed" | RemoteUnreachable> {
  const { jobPlace } = await import("../../providers/job/layout.js");
  const place = jobPlace(run.view());
  if (place === null) return new RemoteUnreachable(remote.description, "no job was placed on it yet");
  const { cell } = options;
  const paths = [`${place.directory}/logs/${cell ?? "queue"}.log`, cell === undefined ? "" : `${place.directory}/state/cells/${cell}.json`, `${place.directory}/state/closed.json`];
  const started = options.clock.now().getTime();
  const opened = { numbered: false };
  const onLine = (line: string): void => {
    if (!opened.numbered) {
      opened.numbered = true;
      progress.next = Number(line);
      if (progress.lost !== null) options.onNote("connected again");
      progress.lost = null;
      return;
    }
    progress.next += 1;
    answered(progress, options.clock);
    options.onLine(line);
  };
  let result: RemoteResult;
  try {
    result = await remote.exec(["sh", "-c", script, "sh", ...paths, String(options.lines), String(progress.next)], { timeoutSeconds: longestCall, signal: options.signal, onLine, keepOutput: false });
  } catch (error) {
    if (error instanceof RemoteUnreachable) return error;
    throw error;
  }
  // A connection that held was not silent, however little was written.
  if (opened.numbered && options.clock.now().getTime() - started > longestPause * 1000) answered(progress, options.clock);
  if (result.exitCode === 0) return "closed";
  if (result.exitCode === "unknown" || opened.numbered) return new RemoteUnreachable(remote.description, "the connection ended");
  throw new UserError(`${paths[0] ?? ""} cannot be followed: ${result.stderr.trim() || `exit code ${result.exitCode}`}`, { code: "remote-command", next: ["holdfast status"] });
}

function answered(progress: Progress, clock: Clock): void {
  progress.silentSince = clock.now().getTime();
  progress.pause = 1;
}
