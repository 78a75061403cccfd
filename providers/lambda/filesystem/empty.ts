/** Does a file system hold anything? Asked before one is deleted that nobody could look into. */
import type { Connection } from "../connection";
import { isLambdaError } from "../api/errors";

/**
 * `no`: bytes are counted on it. `yes`: nothing uses it, and the vendor counts 0 bytes or has not counted yet. `unknown`: an
 * instance uses it, so that bytes may be on their way; it is not in the list; or the API does not answer.
 *
 * The vendor refreshes `bytes_used` every few hours, so a `yes` may be hours old: it proves something only of a file system
 * that this run made itself and never started a job on.
 */
export async function isEmpty({ client }: Pick<Connection, "client">, filesystemId: string): Promise<"yes" | "no" | "unknown"> {
  try {
    const found = (await client.listFilesystems()).find((filesystem) => filesystem.id === filesystemId);
    if (found === undefined) return "unknown";
    if ((found.bytes_used ?? 0) > 0) return "no";
    if (found.is_in_use) return "unknown";
    const users = (await client.listInstances()).filter(
      (instance) => instance.status !== "terminated" && (instance.file_system_mounts?.some((mount) => mount.file_system_id === filesystemId) === true || instance.file_system_names.includes(found.name)),
    );
    return users.length === 0 ? "yes" : "unknown";
  } catch (error) {
    if (isLambdaError(error)) return "unknown";
    throw error;
  }
}
