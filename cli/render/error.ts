/** How a failure is shown: a paragraph for people, one JSON object for programs, a stack only when asked for. */
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import { Interrupted } from "../exitCodes";
import type { Paint } from "./paint";
import { printable } from "./paint";

export interface ErrorReport {
  readonly error: { readonly code: string; readonly message: string; readonly next: readonly string[] };
}

export function reportOf(thrown: unknown): ErrorReport {
  if (thrown instanceof UserError) return { error: { code: thrown.code, message: thrown.message, next: thrown.next } };
  if (thrown instanceof Interrupted) return { error: { code: "interrupted", message: "interrupted", next: [] } };
  if (thrown instanceof RemoteUnreachable) {
    return { error: { code: "unreachable", message: thrown.message, next: ["holdfast audit (asks the vendor what stands and what it costs)"] } };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { error: { code: "unexpected", message, next: ["HOLDFAST_DEBUG=1 shows where this came from"] } };
}

/** The paragraph, without a final newline. `debug` adds the stack and its causes. */
export function renderError(thrown: unknown, options: { paint: Paint; debug: boolean }): string {
  const { error } = reportOf(thrown);
  const expected = thrown instanceof UserError || thrown instanceof RemoteUnreachable || thrown instanceof Interrupted;
  const lines = [`${options.paint("bad", expected ? "holdfast:" : "holdfast failed:")} ${error.message}`];
  const steps = options.debug && !expected ? [] : error.next;
  for (const step of steps) lines.push(`  ${options.paint("faint", "next:")} ${step}`);
  if (options.debug) lines.push(stackOf(thrown));
  return printable(lines.join("\n"));
}

function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return "";
  const own = thrown.stack ?? thrown.message;
  return thrown.cause === undefined ? own : `${own}\ncaused by: ${stackOf(thrown.cause)}`;
}
