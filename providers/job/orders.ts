/** What a person wants done with cells of a run that stands: checked against what the instance says, recorded, carried out. */
import type { RunCustody, RunView } from "../../custody";
import { whoTypes } from "../../custody";
import type { Clock } from "../../custody/clock";
import { runId } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Plan } from "../../profiles/plan";
import type { FoundCell } from "./edits";
import { jobPlace } from "./layout";
import type { LiveRun } from "./liveRun";
import { readLiveRun } from "./liveRun";
import type { PlacedJob } from "./place";
import { pushScripts, startQueue } from "./place";

export type Order = "retry" | "fresh" | "cancel";

export interface Ordered {
  readonly cells: readonly { readonly cell: string; readonly outcome: string; readonly state: string }[];
  /** `started`: nothing ran, so the queue was started again. */
  readonly queue: "running" | "started" | "none";
}

export interface OrderOptions {
  readonly clock: Clock;
  /** Seconds that a running cell has for its last checkpoint. */
  readonly graceSeconds: number;
  /** Progress for the person. */
  readonly say: (message: string) => void;
}

/** What `--failed` means: cells that failed, were cancelled, or were cut off with their queue. */
export const openCells = (live: LiveRun): string[] =>
  [...live.cells].filter(([, { state }]) => state === "failed" || state === "cancelled" || (state === "running" && live.writer === "none")).map(([cell]) => cell);

/** Today's scripts on the instance, and what they see there. Throws UserError when no job was started on it. */
export async function lookAtJob(run: RunCustody, remote: Remote): Promise<{ place: PlacedJob; live: LiveRun }> {
  const view = run.view();
  const place = jobPlace(view) as PlacedJob | null;
  const instance = view.resources.get("instance");
  if (place === null || view.lastJobStart === null || instance?.id !== view.lastJobStart.instance) {
    throw new UserError(`No job of ${runId(run.ref)} was started on the instance that stands.`, { code: "no-job", next: ["pulumi up"] });
  }
  const scripts = await pushScripts(remote, (view.plan as Plan).ownDisk.home);
  return { place: { ...place, scripts }, live: await readLiveRun(remote, { scripts, directory: place.directory }) };
}

/**
 * Carries an order out, or hands it to the queue that lives and waits until that has taken it. A retry or fresh start of a run
 * whose queue has ended starts the queue again, under the writer lock like any other. Throws UserError `cell-state` with every cell
 * that the order does not fit, before anything is recorded; RemoteUnreachable.
 */
export async function orderCells(run: RunCustody, remote: Remote, order: Order, cells: readonly string[], options: OrderOptions): Promise<Ordered> {
  const { place, live } = await lookAtJob(run, remote);
  assertFits(run, order, cells, live);
  const view = run.view();
  run.append("cells.ordered", { order, cells, by: whoTypes() });
  const outcomes: { cell: string; outcome: string }[] = [];
  // What was refused an edit because it had started is not started again as it was: it waits for that edit.
  const waiting = order === "fresh" ? cells.filter((cell) => view.refusedEdit.has(cell)) : [];
  // One whose turn was still to come needs no order, only a queue.
  const pending = order === "retry" ? cells.filter((cell) => live.cells.get(cell)?.state === "pending" && live.cells.get(cell)?.cause !== "edit") : [];
  outcomes.push(...pending.map((cell) => ({ cell, outcome: "its turn comes" })));
  for (const [word, named] of [["aside", waiting], [order, cells.filter((cell) => !waiting.includes(cell) && !pending.includes(cell))]] as const) {
    if (named.length > 0) outcomes.push(...(await send(remote, place, word, named, options)));
  }
  const queue = order === "cancel" || waiting.length === cells.length ? null : await resume(run, remote, place, { view, cells }, options);
  const after = await readLiveRun(remote, place);
  return {
    cells: outcomes.map((one) => ({ ...one, state: after.cells.get(one.cell)?.state ?? "unknown" })),
    queue: queue ?? (after.writer === "alive" ? "running" : "none"),
  };
}

/** Ends the queue after the running cell has saved, and cancels every cell that has not ended. Throws UserError when something lives on. */
export async function cancelRun(run: RunCustody, remote: Remote, options: OrderOptions): Promise<LiveRun> {
  const { place, live } = await lookAtJob(run, remote);
  const open = [...live.cells].filter(([, { state }]) => state === "pending" || state === "running").map(([cell]) => cell);
  run.append("cells.ordered", { order: "cancel", cells: open, by: whoTypes() });
  const grace = String(options.graceSeconds);
  const result = await remote.exec(["sh", `${place.scripts}/stop.sh`, place.directory, place.session, grace, "cancel"], { timeoutSeconds: options.graceSeconds + 90 });
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while the queue was asked to end");
  if (result.exitCode !== 0) {
    throw new UserError(`${remote.description}: the queue did not end (exit ${result.exitCode}): ${result.stdout.trim().split("\n").at(-1) ?? ""}`, { code: "writer-alive", next: ["the same command again", "holdfast status"] });
  }
  return readLiveRun(remote, place);
}

function assertFits(run: RunCustody, order: Order, cells: readonly string[], live: LiveRun): void {
  const unknown = cells.filter((cell) => !live.cells.has(cell));
  if (unknown.length > 0) {
    const known = [...live.cells].filter(([, { state }]) => state !== "kept" && state !== "removed").map(([cell]) => cell);
    throw new UserError(`${runId(run.ref)} has no cell "${unknown.join('", "')}" on its instance. Its cells: ${known.join(", ") || "none"}.`, { code: "cell-not-found", next: ["holdfast status"] });
  }
  const faults = cells.flatMap((cell) => {
    const misfit = misfitOf(order, cell, live.cells.get(cell) as FoundCell, live.writer);
    return misfit === null ? [] : [misfit];
  });
  if (faults.length === 0) return;
  throw new UserError(`${runId(run.ref)}: nothing was changed.\n${faults.map(({ why }) => `  - ${why}`).join("\n")}`, { code: "cell-state", next: [...new Set(faults.flatMap(({ next }) => next))] });
}

/** Why an order makes no sense for a cell as it is; null when it does. Pure. */
export function misfitOf(order: Order, cell: string, found: Pick<FoundCell, "state" | "cause">, writer: string): { readonly why: string; readonly next: readonly string[] } | null {
  const { state } = found;
  const held = state === "pending" && found.cause === "edit";
  if (order === "cancel") return ["pending", "running"].includes(state) ? null : { why: `cell ${cell} is ${state}: nothing of it runs or will run`, next: ["holdfast status"] };
  // Without a queue nothing runs, whatever a state says, and no turn comes.
  if (order === "retry" && writer === "none" && (state === "running" || state === "pending")) return null;
  if (state === "failed" || state === "cancelled" || held || (state === "complete" && order === "fresh")) return null;
  switch (state) {
    case "complete":
      return { why: `cell ${cell} is complete`, next: [`holdfast retry ${cell} --fresh (starts it over, and keeps what it has as cells/${cell}.kept-N)`] };
    case "running":
      return { why: `cell ${cell} is running`, next: [`holdfast cancel ${cell} (saves its checkpoint first), then the same command`] };
    case "pending":
      return { why: `cell ${cell} has not run yet; its turn comes`, next: ["holdfast status"] };
    default:
      return { why: `cell ${cell} is ${state}`, next: ["holdfast status"] };
  }
}

async function send(remote: Remote, place: PlacedJob, word: Order | "aside", cells: readonly string[], options: OrderOptions): Promise<{ cell: string; outcome: string }[]> {
  // The queue looks about once a second; a running cell may take all of its grace, and its wrapper a little more.
  const deadline = options.clock.now().getTime() + ((word === "cancel" ? options.graceSeconds : 0) + 45) * 1000;
  for (;;) {
    const answer = await tell(remote, place, word, cells, options.graceSeconds);
    if (answer.how === "done") return answer.cells;
    options.say(`handed to the queue; ${word === "cancel" ? `what runs has ${options.graceSeconds} s for its last checkpoint` : "it takes it up between two looks"}`);
    const left = await awaitTaken(remote, place, cells, deadline, options.clock);
    if (left === "taken") return cells.map((cell) => ({ cell, outcome: "done by the queue" }));
    if (left === "late") return cells.map((cell) => ({ cell, outcome: "handed to the queue, which has not taken it up yet (holdfast status)" }));
    // The queue ended before it looked: then the order is carried out without it.
  }
}

async function tell(remote: Remote, place: PlacedJob, word: string, cells: readonly string[], graceSeconds: number): Promise<{ how: string; cells: { cell: string; outcome: string }[] }> {
  const result = await remote.exec(["sh", `${place.scripts}/order.sh`, place.directory, place.spec, word, String(graceSeconds), ...cells], { timeoutSeconds: 120 });
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while the order was given");
  if (result.exitCode === 0) return JSON.parse(result.stdout) as { how: string; cells: { cell: string; outcome: string }[] };
  const busy = result.exitCode === 50;
  throw new UserError(`${remote.description}: the order was not carried out: ${result.stderr.trim() || `order.sh ended with ${result.exitCode}`}`, {
    code: busy ? "writer-alive" : "remote-command",
    next: busy ? ["holdfast cancel RUN (ends what still works, after its checkpoint)", "then the same command again"] : ["holdfast status"],
  });
}

async function awaitTaken(remote: Remote, place: PlacedJob, cells: readonly string[], deadline: number, clock: Clock): Promise<"taken" | "late" | "queue-ended"> {
  for (;;) {
    const live = await readLiveRun(remote, place);
    if (!cells.some((cell) => live.orders.has(cell))) return "taken";
    if (live.writer !== "alive") return "queue-ended";
    if (clock.now().getTime() > deadline) return "late";
    await clock.sleep(500);
  }
}

/** The queue again, from the spec and code that the ledger knows last; nothing when one lives. */
async function resume(run: RunCustody, remote: Remote, place: PlacedJob, { view, cells }: { view: RunView; cells: readonly string[] }, { clock, say }: OrderOptions): Promise<"running" | "started"> {
  if ((await readLiveRun(remote, place)).writer === "alive") return "running";
  const there = await remote.exec(["sh", "-c", '[ -d "$1" ] && [ -d "$2" ]', "sh", place.spec, place.code]);
  if (there.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while the pushed folders were looked for");
  if (there.exitCode !== 0) {
    throw new UserError(`The order was carried out, but the job of ${runId(run.ref)} is not on this instance, so its queue cannot be started from here.`, { code: "no-job", next: ["pulumi up"] });
  }
  run.append("job.started", {
    instance: view.lastJobStart?.instance ?? "",
    directory: place.directory,
    cells: [...view.roster],
    codeSha256: place.codeSha256,
    specSha256: place.specSha256,
    scriptsSha256: place.scriptsSha256,
  });
  // An edit that was refused for the sake of other cells is still to come: a fresh start of theirs waits for it.
  const refused = [...view.refusedEdit].filter((cell) => !cells.includes(cell));
  if (refused.length > 0) run.append("job.refused", { cells: refused, why: "still to come, after the queue was started again", by: whoTypes() });
  await startQueue(remote, place, clock);
  say("nothing ran any more: the queue was started again");
  return "started";
}
