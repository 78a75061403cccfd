/** A cell's state in words, and why one failed with what to do about it. Pure. */
import { failureClass } from "./failureClasses";
import type { Paint, Tone } from "./paint";
import { printable } from "./paint";
import { wrapWords } from "./table";

/** What is known of a cell, whoever asked the machine. */
export interface CellLook {
  readonly cell: string;
  readonly state: string;
  readonly attempt?: number | null | undefined;
  readonly exit?: number | null | undefined;
  readonly cause?: string | null | undefined;
  readonly class?: string | null | undefined;
  readonly certainty?: string | null | undefined;
  readonly retries?: number | null | undefined;
  readonly evidence?: readonly string[] | null | undefined;
}

export const stateTones: Readonly<Record<string, Tone>> = { complete: "good", running: "accent", failed: "bad", cancelled: "warn", pending: "faint", removed: "faint", kept: "faint" };

/** `failed: outOfHostMemory`, `cancelled on request`, `pending (waits for its edit)`. */
export function stateWords({ state, cause, class: why, retries }: CellLook): string {
  switch (state) {
    case "failed":
      return `failed: ${why ?? cause ?? "unknown"}`;
    case "cancelled":
      return cause === "request" ? "cancelled on request" : "cancelled, resumes with the queue";
    case "pending":
      if (cause === "edit") return "pending (waits for its edit)";
      return why ? `pending (after ${why})` : "pending";
    case "running":
      return why && retries ? `running (after ${why})` : "running";
    case "kept":
      return "kept (set aside by a fresh start)";
    case "removed":
      return "removed before it started";
    default:
      return state;
  }
}

/** One block per failed cell: what it was, how that is known, the evidence, what to do. Empty when none failed. */
export function renderFailures(cells: readonly CellLook[], options: { paint: Paint; width: number | undefined; most?: number }): string[] {
  const failed = cells.filter(({ state }) => state === "failed");
  const most = options.most ?? 5;
  const blocks = failed.slice(0, most).map((cell) => renderFailure(cell, options));
  if (failed.length > most) blocks.push(options.paint("faint", `${failed.length - most} more failed: holdfast status --json tells of each`));
  return blocks;
}

const how: Readonly<Record<string, string>> = { measured: "measured", probable: "probably", hint: "by what the program printed only" };

export function renderFailure(cell: CellLook, { paint, width }: { paint: Paint; width: number | undefined }): string {
  const { what, passes, todo } = failureClass(cell.class);
  const known = cell.class ? `${cell.class}, ${how[cell.certainty ?? ""] ?? "unknown"}: ${what}` : (cell.cause ?? "unknown cause");
  const tries = passes && cell.retries ? `; tried again ${cell.retries} times by itself` : "";
  const line = (indent: string, text: string): string => wrapWords(text, (width ?? 200) - indent.length).split("\n").map((part, index) => (index === 0 ? `${indent}${part}` : `${" ".repeat(indent.length)}${part}`)).join("\n");
  return [
    wrapWords(`${paint("bad", cell.cell)} failed: ${known}${tries}`, width ?? 200),
    ...(cell.evidence ?? []).map((fact) => paint("faint", line("    ", printable(fact)))),
    ...todo.map((step) => line("  next: ", step.replaceAll("CELL", cell.cell))),
  ].join("\n");
}
