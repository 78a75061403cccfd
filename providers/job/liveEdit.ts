/** An edited roster or edited code on its way to a run that was started, on this instance or on one before it. Nothing of it is half done. */
import { basename } from "node:path";
import type { RunCustody } from "../../custody";
import { whoTypes } from "../../custody";
import { runId } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Plan, PlanCell } from "../../profiles/plan";
import { loadPlan } from "../planStore";
import type { Context } from "../kind";
import type { CellEdit } from "./edits";
import { cellsOf, compareRosters, sayEdit } from "./edits";
import type { LiveRun } from "./liveRun";
import { readLiveRun } from "./liveRun";
import type { JobContent, locateJob } from "./place";
import { pushJob, pushScripts, worksFrom } from "./place";
import { checkInputs, pushInputs } from "./pushInputs";
import { writeSecrets } from "./secrets";

export interface PreparedEdit {
  readonly content: JobContent;
  readonly target: ReturnType<typeof locateJob>;
  readonly live: LiveRun;
  readonly edits: readonly CellEdit[];
}

/**
 * Looks at the instance and compares. Throws UserError `edit-refused`, with every cell, when one that has begun would be changed
 * or dropped; nothing was touched then. `declaredSha256`: the plan that state knows; null: the one that the ledger declared last.
 */
export async function prepareEdit(remote: Remote, run: RunCustody, declaredSha256: string | null, content: JobContent, target: ReturnType<typeof locateJob>): Promise<PreparedEdit> {
  // Today's eyes: an older status.sh says less.
  await pushScripts(remote, content.plan.ownDisk.home);
  const live = await readLiveRun(remote, target);
  const edits = compareRosters(declaredCells(run, declaredSha256), content.plan.cells, live.cells, run.view().roster);
  const refused = edits.filter((edit) => edit.kind === "refused");
  if (refused.length > 0) throw refusal(run, live, refused);
  return { content, target, live, edits };
}

function declaredCells(run: RunCustody, sha256: string | null): readonly PlanCell[] {
  if (sha256 !== null) return loadPlan(run, sha256).cells;
  return (run.view().plan as Plan | null)?.cells ?? [];
}

/**
 * Gives the edit to the queue that lives. `restart`: none does, so the whole job is placed again. The ledger learns of added
 * cells before the queue does, and of removed ones when they can no longer begin.
 */
export async function handOver(remote: Remote, run: RunCustody, edit: PreparedEdit, recordPlace: () => void, context: Context): Promise<"done" | "restart"> {
  const { content, target, live, edits } = edit;
  if (live.writer !== "alive") return "restart";
  await pushJob(remote, content, target);
  await checkInputs(remote, content, target);
  await pushInputs(remote, content, context.projectRoot, (message) => { context.say(message); });
  await writeSecrets(remote, content, process.env);
  const added = cellsOf(edits, "added");
  run.append("job.updated", {
    cells: [...content.plan.cells.map((cell) => cell.name), ...cellsOf(edits, "removed")],
    codeSha256: content.codeSha256,
    specSha256: target.specSha256,
    added,
    replaced: cellsOf(edits, "replaced"),
    by: whoTypes(),
  });
  // An update that was killed after this point is found done by the next one.
  if (!worksFrom(live, target)) {
    const outcome = await deliver(remote, edit, context);
    if (outcome.state === "restart") return "restart";
    if (outcome.state === "refused") {
      if (added.length > 0) run.append("cells.removed", { cells: added, why: "the edit that added them was not taken up", by: whoTypes() });
      throw refusal(run, live, outcome.cells.map((cell): CellEdit => ({ kind: "refused", cell, what: ["configuration"], state: "begun meanwhile" })), outcome.why);
    }
    if (outcome.state === "waits") context.say("the queue is busy (setup); it takes the edit up before it starts another cell");
  }
  recordPlace();
  recordRemoved(run, edit);
  sayEdits(edit, context);
  return "done";
}

export function sayEdits({ edits }: PreparedEdit, context: Context): void {
  for (const edit of edits) if (edit.kind !== "unchanged") context.say(sayEdit(edit, true));
}

/** Once the queue works from the new roster: what it dropped can no longer begin. */
export function recordRemoved(run: RunCustody, { edits }: PreparedEdit): void {
  const removed = cellsOf(edits, "removed");
  if (removed.length > 0) run.append("cells.removed", { cells: removed, why: "taken out of the roster before they began", by: whoTypes() });
}

type Delivery = { readonly state: "taken" | "waits" | "restart" } | { readonly state: "refused"; readonly cells: readonly string[]; readonly why: string };

/** The queue looks about once a second, but not while its setup runs. */
const patienceSeconds = 30;

async function deliver(remote: Remote, { target }: PreparedEdit, context: Context): Promise<Delivery> {
  const spec = basename(target.spec);
  await remote.exec(["rm", "-f", "--", `${target.directory}/state/refused.json`]);
  await remote.write(`${target.directory}/state/next.json`, `${JSON.stringify({ spec, code: basename(target.code), by: whoTypes() })}\n`, 0o644);
  const deadline = context.clock.now().getTime() + patienceSeconds * 1000;
  for (;;) {
    const live = await readLiveRun(remote, target);
    if (worksFrom(live, target)) return { state: "taken" };
    if (live.refused?.spec === spec) return { state: "refused", cells: live.refused.cells, why: live.refused.why };
    if (live.writer !== "alive") return { state: "restart" };
    if (context.clock.now().getTime() > deadline) return { state: "waits" };
    await context.clock.sleep(300);
  }
}

function refusal(run: RunCustody, { writer }: LiveRun, refused: readonly CellEdit[], why?: string): UserError {
  const cells = refused.map(({ cell }) => cell);
  run.append("job.refused", { cells, why: why ?? "cells that have begun would be changed or dropped", by: whoTypes() });
  const changed = refused.filter((edit) => edit.kind === "refused" && edit.what !== "removed");
  const first = changed[0]?.cell;
  const lines = refused.length > 0 ? refused.map((edit) => `  - ${sayEdit(edit, true)}`) : [`  - ${why ?? "it was not taken up"}`];
  return new UserError(`Run ${runId(run.ref)}: the edit was refused, ${writer === "alive" ? "the run goes on unchanged" : "and its queue does not run: undo the edit and type pulumi up"}.\n${lines.join("\n")}`, {
    code: "edit-refused",
    next: [
      ...(first === undefined ? [] : ["give the new configuration a new cell name and keep the old cell", `or holdfast retry ${first} --fresh, then the same update (what it has is kept as cells/${first}.kept-1, and it starts over as edited)`]),
      ...(changed.length < refused.length ? ["put the cells that were taken out back into the roster (holdfast cancel CELL ends one; holdfast approve --partial CELL gives it up at the end)"] : []),
    ],
  });
}
