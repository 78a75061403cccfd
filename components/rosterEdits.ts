/** What an edited roster will do to a run that stands, said by the program itself: a dynamic provider cannot speak in a preview. */
import * as pulumi from "@pulumi/pulumi";
import type { RunCustody, RunView } from "../custody";
import type { Plan } from "../profiles/plan";
import type { CellEdit, FoundCell } from "../providers/job/edits";
import { cellsOf, compareRosters, sayEdit } from "../providers/job/edits";
import { jobPlace } from "../providers/job/layout";
import { readLiveRun } from "../providers/job/liveRun";
import { remoteForRun } from "../providers/ssh/forRun";

/** Seconds for one look at the instance: a preview must not wait for a machine that is gone. */
const lookSeconds = 15;

/** Says each cell's fate beside `resource`. Never fails, changes nothing anywhere, and is silent where no cell was edited. */
export async function announceEdits(run: RunCustody, plan: Plan, resource: pulumi.Resource): Promise<void> {
  try {
    const view = run.entries().length === 0 ? null : run.view();
    if (view === null || !mayRun(view)) return;
    const olds = (view.plan as Plan).cells;
    if (compareRosters(olds, plan.cells, null).every(({ kind }) => kind === "unchanged")) return;
    const seen = await look(run, view);
    const text = describeEdits(compareRosters(olds, plan.cells, seen.cells), seen.why);
    await pulumi.log.info(text, resource);
  } catch (error) {
    await pulumi.log.info(`What the edit does to each cell cannot be told now: ${(error as Error).message.split("\n")[0] ?? ""}`, resource);
  }
}

const mayRun = (view: RunView): boolean => view.auditClosed === null && view.jobEverStarted && view.plan !== null;

/** `why`: why nobody could look; null: somebody did. Pure. */
export function describeEdits(edits: readonly CellEdit[], why: string | null): string {
  const unchanged = edits.filter((edit) => edit.kind === "unchanged");
  const keeping = unchanged.filter((edit) => edit.keepsCode).map(({ cell }) => cell);
  const [refused] = cellsOf(edits, "refused");
  return [
    ...(why === null ? [] : [`The instance could not be asked which cells have started (${why}).`]),
    ...edits.filter((edit) => edit.kind !== "unchanged").map((edit) => sayEdit(edit, why === null)),
    ...(unchanged.length === 0 ? [] : [`unchanged: ${unchanged.map(({ cell }) => cell).join(", ")}`]),
    ...(keeping.length === 0 ? [] : [`with the code that they started with: ${keeping.join(", ")}`]),
    ...(refused === undefined ? [] : [`An update refuses this edit as a whole. Give what changed a new cell name, or: holdfast retry ${refused} --fresh`]),
  ].join("\n");
}

async function look(run: RunCustody, view: RunView): Promise<{ readonly cells: ReadonlyMap<string, FoundCell> | null; readonly why: string | null }> {
  const place = jobPlace(view);
  const remote = remoteForRun(run, { attempts: 1 });
  if (place === null || remote === null) return { cells: null, why: "none stands" };
  try {
    return { cells: (await readLiveRun(remote, place, { timeoutSeconds: lookSeconds })).cells, why: null };
  } catch (error) {
    return { cells: null, why: (error as Error).message.split("\n")[0] ?? "no answer" };
  } finally {
    await remote.close();
  }
}
