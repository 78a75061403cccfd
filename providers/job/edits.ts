/** What an edited roster means for a run whose cells may have begun. Pure. */
import type { PlanCell } from "../../profiles/plan";

/** A cell as the instance has it, and why it failed last. Hashes are absent where nothing recorded them. */
export interface FoundCell {
  readonly state: string;
  /** Something is there that another configuration must not be mixed with. */
  readonly begun: boolean;
  readonly attempt: number;
  /** Why it ended, or what it waits for. */
  readonly cause: string | null;
  readonly configSha256: string | null;
  readonly codeSha256: string | null;
  readonly inputsSha256: string | null;
  readonly class: string | null;
  readonly certainty: string | null;
  readonly retries: number;
  readonly evidence: readonly string[];
}

export type CellEdit =
  /** Appended to the queue. */
  | { readonly kind: "added"; readonly cell: string }
  /** Never began, so it never runs and nobody asks for it at the end. */
  | { readonly kind: "removed"; readonly cell: string }
  /** Never began, so the new form simply takes its place. */
  | { readonly kind: "replaced"; readonly cell: string; readonly what: readonly Difference[] }
  /** Began, so it can neither become something else nor be dropped. */
  | { readonly kind: "refused"; readonly cell: string; readonly what: readonly Difference[] | "removed"; readonly state: string }
  /** `keepsCode`: it began with other code than there is now, and goes on with that. */
  | { readonly kind: "unchanged"; readonly cell: string; readonly keepsCode: boolean };

export type Difference = "configuration" | "inputs" | "code";

/**
 * One entry per cell: those of the new roster in their order, then what it dropped. `found`: what the instance says, null when
 * nobody looked: then nothing counts as begun, and who prints it must say so. `alsoKnown`: names of cells that an earlier edit
 * dropped while nobody could look.
 */
export function compareRosters(olds: readonly PlanCell[], news: readonly PlanCell[], found: ReadonlyMap<string, FoundCell> | null, alsoKnown: Iterable<string> = []): CellEdit[] {
  const before = new Map(olds.map((cell) => [cell.name, cell]));
  const after = new Set(news.map((cell) => cell.name));
  const dropped = [...new Set([...before.keys(), ...alsoKnown])].filter((name) => !after.has(name));
  return [
    ...news.map((cell) => compareCell(cell, before.get(cell.name), found?.get(cell.name))),
    ...dropped.map((name) => droppedCell(name, found?.get(name))),
  ];
}

function compareCell(cell: PlanCell, before: PlanCell | undefined, found: FoundCell | undefined): CellEdit {
  if (found?.begun === true) {
    // What it began as counts; what was declared then is only asked where no state says it.
    const was = { configSha256: found.configSha256 ?? before?.configSha256, inputsSha256: found.configSha256 === null ? before?.inputsSha256 : found.inputsSha256 };
    const what: Difference[] = [
      ...(was.configSha256 !== undefined && was.configSha256 !== cell.configSha256 ? ["configuration" as const] : []),
      ...(was.inputsSha256 !== undefined && was.inputsSha256 !== cell.inputsSha256 ? ["inputs" as const] : []),
    ];
    if (what.length > 0) return { kind: "refused", cell: cell.name, what, state: found.state };
    return { kind: "unchanged", cell: cell.name, keepsCode: found.codeSha256 !== null && found.codeSha256 !== cell.codeSha256 };
  }
  if (before === undefined) return { kind: "added", cell: cell.name };
  const what: Difference[] = [
    ...(before.configSha256 === cell.configSha256 ? [] : ["configuration" as const]),
    ...(before.inputsSha256 === cell.inputsSha256 ? [] : ["inputs" as const]),
    ...(before.codeSha256 === cell.codeSha256 ? [] : ["code" as const]),
  ];
  return what.length > 0 ? { kind: "replaced", cell: cell.name, what } : { kind: "unchanged", cell: cell.name, keepsCode: false };
}

const droppedCell = (cell: string, found: FoundCell | undefined): CellEdit =>
  found?.begun === true ? { kind: "refused", cell, what: "removed", state: found.state } : { kind: "removed", cell };

/** Names of the cells of one kind, in order. */
export const cellsOf = (edits: readonly CellEdit[], kind: CellEdit["kind"]): string[] => edits.filter((edit) => edit.kind === kind).map(({ cell }) => cell);

/** One sentence per cell that is not as it was. `looked`: the instance was asked. */
export function sayEdit(edit: CellEdit, looked: boolean): string {
  const otherwise = looked ? "" : "; refused if it has started by then";
  switch (edit.kind) {
    case "added":
      return `cell ${edit.cell}: added, appended to the queue`;
    case "removed":
      return `cell ${edit.cell}: removed while pending, it never runs and is not asked for at the end${otherwise}`;
    case "replaced":
      return edit.what.every((what) => what === "code")
        ? `cell ${edit.cell}: will start with the new code${looked ? "" : ", unless it has started by then"}`
        : `cell ${edit.cell}: changed while pending (${edit.what.join(", ")}), the new form takes its place${otherwise}`;
    case "refused":
      return edit.what === "removed"
        ? `cell ${edit.cell}: removed after it had started (it is ${edit.state}); its artifacts would be accounted for by nobody`
        : `cell ${edit.cell}: changed after it had started (${edit.what.join(", ")}; it is ${edit.state}); its folder would hold a mixture of two`;
    case "unchanged":
      return `cell ${edit.cell}: unchanged${edit.keepsCode ? ", goes on with the code that it started with" : ""}`;
    default:
      return edit satisfies never;
  }
}
