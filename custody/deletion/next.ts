/** The commands that lead from a refusal to an allowed deletion, in the order to type them. */
import { runId, type RunRef } from "../formats";
import type { Reason, RefusalCode } from "./facts";

/** What a person would have to do or say. */
export interface Needs {
  /** No machine can read the storage: a pull needs one first. */
  readonly machine: boolean;
  /** The role of the one resource when the run goes on. */
  readonly replace: string | null;
  readonly giveUp: readonly string[];
  readonly acceptUnreachable: boolean;
}

const PULL: readonly RefusalCode[] = [
  "no-manifest", "no-receipt", "receipt-stale", "receipt-untrusted", "receipt-copy-missing", "receipt-copy-differs", "receipt-elsewhere",
];
const LOOK: readonly RefusalCode[] = ["writer-alive", "not-reachable", "cells-unfinished", "roster-mismatch", "other-run-data", "no-manifest"];
const APPROVE: readonly RefusalCode[] = [
  "no-approval", "approval-expired", "approval-used", "approval-untrusted", "approval-other", "approval-tiers",
  "unclaimed-data", "cells-unfinished", "roster-mismatch", "not-reachable", "grant-expired",
];

/** Never empty. A pull that is missing comes before the approval, since the approval names what was pulled. */
export function nextCommands(run: RunRef, reasons: readonly Reason[], needs: Needs, otherRuns: readonly string[]): string[] {
  const id = runId(run);
  const has = (codes: readonly RefusalCode[]): boolean => reasons.some((reason) => codes.includes(reason.code));
  const next: string[] = [];
  if (has(LOOK)) next.push(`holdfast status ${id}`);
  if (has(["writer-alive"])) next.push(`holdfast logs ${id} -f (wait until its queue ends)`);
  for (const other of otherRuns) next.push(`holdfast status ${other} (end that run first, or keep the storage)`);
  if (has(["unknown-tier"])) next.push("holdfast doctor");
  if (has(PULL) && needs.machine) next.push("pulumi up (brings a machine that can read the storage)");
  if (has(PULL)) next.push(`holdfast pull ${id}${needs.giveUp.length > 0 ? ` --partial ${needs.giveUp.join(" ")}` : ""}`);
  // Without a manifest there is nothing that an approval could name.
  if (has(APPROVE) && !has(["no-manifest"])) next.push(approveCommand(id, needs));
  return next.length > 0 ? next : [`holdfast status ${id}`];
}

function approveCommand(id: string, needs: Needs): string {
  return [
    `holdfast approve ${id}`,
    ...(needs.replace === null ? [] : [`--replace ${needs.replace}`]),
    ...(needs.giveUp.length === 0 ? [] : [`--partial ${needs.giveUp.join(" ")} --reason "..."`]),
    ...(needs.acceptUnreachable ? ["--accept-unreachable"] : []),
  ].join(" ");
}
