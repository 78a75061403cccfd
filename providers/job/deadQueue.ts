/** A queue that ended before it had dealt with every cell: killed, or gone with a reboot of its machine. */
import type { Remote } from "../../custody/remote";
import type { JobPlace } from "./layout";
import { readLiveRun } from "./liveRun";

/** Seconds for one look: a preview must not wait for a machine that is gone. */
const lookSeconds = 15;

/**
 * Why it is dead; null while something writes, when it has closed, and when no cell waits any more (a person cancelled them). Closes
 * the connection. Throws RemoteUnreachable, or UserError for an answer that is not understood.
 */
export async function deadQueue(remote: Remote, place: Pick<JobPlace, "scripts" | "directory">): Promise<string | null> {
  try {
    const { writer, closed, cells } = await readLiveRun(remote, place, { timeoutSeconds: lookSeconds });
    // An orderly reboot ends the queue with TERM, and the cell with it; only a person's own wish is recorded as `request`.
    const left = [...cells].filter(([, { state, cause }]) => state === "pending" || state === "running" || (state === "cancelled" && cause !== "request")).map(([cell]) => cell);
    if (writer !== "none" || closed || left.length === 0) return null;
    return `The queue on ${remote.description} is dead: nothing runs, and ${left.join(", ")} had not ended. An update starts it again, from the newest checkpoints.`;
  } finally {
    await remote.close();
  }
}
