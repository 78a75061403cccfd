/** What is still to be trained where nothing runs any more. Pure. */
import type { RemoteCell } from "./remoteStatus";

/** Cells that a queue would go on with. An orderly reboot cancels a cell too; only a person's own wish is recorded as `request`. */
export const cellsLeft = (cells: readonly RemoteCell[]): RemoteCell[] =>
  cells.filter(({ state, cause }) => state === "pending" || state === "running" || (state === "cancelled" && cause !== "request"));
