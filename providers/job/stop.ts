/** Ends the queue of a run on a machine: the payload gets time for a last checkpoint, then nothing of it lives. */
import type { Remote } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { JobPlace } from "./layout";

const graceSeconds = 30;

/** stop.sh: nothing writes any more, but the durable tier did not take the cells' last states. */
const stoppedUnrecorded = 30;

/**
 * Returns how it is known that no writer lives. Throws RemoteUnreachable when the machine does not answer, UserError
 * `writer-alive` when one may live.
 */
export async function stopQueue(remote: Remote, place: Pick<JobPlace, "scripts" | "directory" | "session">): Promise<string> {
  const result = await remote.exec(["sh", `${place.scripts}/stop.sh`, place.directory, place.session, String(graceSeconds)], { timeoutSeconds: 3 * graceSeconds });
  // stop.sh's own word that nothing writes any more; a full tier must not keep a machine billing whose loss was approved.
  if (result.exitCode === stoppedUnrecorded) return "no writer lives; the durable tier did not take the cells' last states";
  if (result.exitCode !== 0) throw new UserError(`${remote.description}: the queue did not end (exit ${result.exitCode}): ${result.stderr.trim()}`, { code: "writer-alive", next: ["the same command again"] });
  return "no writer lives";
}
