/** The run as status.sh on the instance reports it. Evidence written by the wrapper, never by the payload. */
import type { CellState } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { JobPlace } from "./layout";

export interface CellStatus {
  readonly cell: string;
  readonly state: CellState;
  readonly attempt?: number;
  readonly exit?: number | null;
  readonly cause?: string | null;
  readonly startedAt?: string | null;
  readonly endedAt?: string | null;
  readonly pid?: number | null;
  readonly pgid?: number | null;
  readonly configSha256?: string;
}

export interface RunStatus {
  /** `none` is the only value that means that nobody writes. */
  readonly writer: "alive" | "none" | "other-host" | (string & {});
  readonly cells: readonly CellStatus[];
  readonly closed: { readonly complete: readonly string[]; readonly failed: readonly string[] } | null;
  readonly bytesFree?: number;
  readonly inodesFree?: number;
}

/** Throws RemoteUnreachable when the machine does not answer, UserError when its answer is not understood. */
export async function readStatus(remote: Remote, place: JobPlace): Promise<RunStatus> {
  const result = await remote.exec(["sh", `${place.scripts}/status.sh`, place.directory]);
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while the status was read");
  if (result.exitCode !== 0) throw new UserError(`${remote.description}: status.sh ended with exit code ${result.exitCode}: ${result.stderr.trim()}`, { code: "status" });
  try {
    return JSON.parse(result.stdout) as RunStatus;
  } catch {
    throw new UserError(`${remote.description}: status.sh answered with something that is not JSON: ${result.stdout.slice(0, 200)}`, { code: "status" });
  }
}

export const cellStates = (status: RunStatus): Map<string, CellState> => new Map(status.cells.map((cell) => [cell.cell, cell.state]));
