/** The commands that lead from a refusal to an allowed deletion, in the order to type them. */
import { COPIES_VARIABLE } from "../copyPlaces";
import { runId, type RunRef } from "../formats";
import type { Reason, RefusalCode } from "./facts";

/** What a person would have to do or say. */
export interface Needs {
  /** The storage may hold artifacts, and no machine answers that could read it: a pull needs one first. */
  readonly bringBack: boolean;
  /** No machine of the run stands, and its storage does: one can be attached just to read it. */
  readonly rescue: boolean;
  /** Having loaded the artifacts where they stay would be enough. */
  readonly inPlace: boolean;
  /** The role of the one resource when the run goes on. */
  readonly replace: string | null;
  readonly giveUp: readonly string[];
  readonly acceptUnreachable: boolean;
}

const PULL: readonly RefusalCode[] = [
  "no-manifest", "no-receipt", "receipt-stale", "receipt-untrusted", "receipt-copy-missing", "receipt-copy-differs", "receipt-copy-goes", "receipt-elsewhere", "receipt-temporary",
];
const LOOK: readonly RefusalCode[] = ["writer-alive", "not-closed", "not-reachable", "cells-unfinished", "roster-mismatch", "other-run-data", "no-manifest"];
const APPROVE: readonly RefusalCode[] = [
  "no-approval", "approval-expired", "approval-used", "approval-untrusted", "approval-other", "approval-tiers", "standing-void",
  "unclaimed-data", "cells-unfinished", "roster-mismatch", "not-reachable", "grant-expired",
];

/** Never empty. A pull that is missing comes before the approval, since the approval names what was pulled. */
export function nextCommands(run: RunRef, reasons: readonly Reason[], needs: Needs, otherRuns: readonly string[]): string[] {
  const id = runId(run);
  const has = (codes: readonly RefusalCode[]): boolean => reasons.some((reason) => codes.includes(reason.code));
  const next: string[] = [];
  if (has(LOOK)) next.push(`holdfast status ${id}`);
  if (has(["writer-alive"])) next.push(`holdfast logs ${id} -f (wait until its queue ends)`);
  if (has(["writer-alive"]) && needs.replace !== null) next.push(`holdfast approve ${id} --replace ${needs.replace} --stop-job (or: ends it at a checkpoint; it resumes after the replacement)`);
  for (const other of otherRuns) next.push(`holdfast status ${other} (end that run first, or keep the storage)`);
  if (has(["unknown-tier"])) next.push("holdfast doctor");
  // A pull finds nothing while no machine stands.
  if (needs.bringBack && has([...PULL, "not-reachable"])) next.push(...BRING_BACK);
  if (has(PULL) || (needs.bringBack && has(["not-reachable"]))) next.push(proveCommand(id, needs));
  if (has(["receipt-copy-missing", "receipt-elsewhere"])) next.push(`holdfast relocate ${id} DIRECTORY (when the copy was moved, or this machine has one)`);
  if (has(["receipt-temporary"])) next.push(`${COPIES_VARIABLE}=DIRECTORY holdfast pull ${id} --to DIRECTORY/${run.name} (a folder that outlives this machine; set it for pulumi destroy too)`);
  if (needs.rescue && has([...PULL, "not-reachable"])) next.push(`holdfast rescue ${id} (${needs.bringBack ? "or: " : ""}reads the storage through the cheapest machine that can mount it, which is ended again)`);
  // Without a manifest there is nothing that an approval could name.
  if (has(APPROVE) && !has(["no-manifest"])) next.push(approveCommand(id, needs));
  return next.length > 0 ? next : [`holdfast status ${id}`];
}

/** Also what a command proposes that found no machine. */
export const BRING_BACK: readonly string[] = ["pulumi up (notices an instance that is gone and brings one back on the same file system)"];

function proveCommand(id: string, needs: Needs): string {
  const partial = needs.giveUp.length > 0 ? ` --partial ${needs.giveUp.join(" ")}` : "";
  return needs.inPlace ? `holdfast verify ${id} --in-place${partial} (loads it where it stays; or, to have a copy: holdfast pull ${id})` : `holdfast pull ${id}${partial}`;
}

function approveCommand(id: string, needs: Needs): string {
  return [
    `holdfast approve ${id}`,
    ...(needs.replace === null ? [] : [`--replace ${needs.replace}`]),
    ...(needs.giveUp.length === 0 ? [] : [`--partial ${needs.giveUp.join(" ")} --reason "..."`]),
    ...(needs.acceptUnreachable ? [needs.replace === null ? "--accept-unreachable (if no machine can ever look again)" : "--accept-unreachable"] : []),
  ].join(" ");
}
