/** What an edited roster means for a run whose queue may already have started. Pure. */
import type { CellState } from "../../custody/formats";
import type { PlanCell } from "../../profiles/plan";

export interface RosterEdit {
  /** Appended to the queue. */
  readonly added: readonly PlanCell[];
  /** Cells whose change or removal cannot be carried out on the run as it is, with the sentence that says why. */
  readonly refused: readonly { readonly cell: string; readonly why: string }[];
  /** Not started yet, so the new form simply takes their place. */
  readonly changedWhilePending: readonly PlanCell[];
}

/** `started`: state of the cells as found on the instance; a cell that is not there has not started. */
export function compareRosters(olds: readonly PlanCell[], news: readonly PlanCell[], started: ReadonlyMap<string, CellState>): RosterEdit {
  const before = new Map(olds.map((cell) => [cell.name, cell]));
  const after = new Map(news.map((cell) => [cell.name, cell]));
  const hasStarted = (name: string): boolean => (started.get(name) ?? "pending") !== "pending";
  const identity = (cell: PlanCell | undefined): string => JSON.stringify([cell?.configSha256, cell?.codeSha256, cell?.inputsSha256]);
  const changed = news.filter((cell) => before.has(cell.name) && identity(before.get(cell.name)) !== identity(cell));
  const removed = olds.filter((cell) => !after.has(cell.name));
  return {
    added: news.filter((cell) => !before.has(cell.name)),
    changedWhilePending: changed.filter((cell) => !hasStarted(cell.name)),
    refused: [
      ...changed
        .filter((cell) => hasStarted(cell.name))
        .map((cell) => ({ cell: cell.name, why: `cell "${cell.name}" was changed after it had started: its folder would hold a mixture of two configurations` })),
      ...removed
        .filter((cell) => hasStarted(cell.name))
        .map((cell) => ({ cell: cell.name, why: `cell "${cell.name}" was removed after it had started: its artifacts would be accounted for by nobody` })),
    ],
  };
}
