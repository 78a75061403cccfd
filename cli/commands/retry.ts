/** holdfast retry: a cell that failed or was cancelled goes on where it was, or starts over beside what it has. */
import { Command } from "commander";
import type { RunCustody } from "../../custody";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Order, Ordered } from "../../providers/job/orders";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { renderFailure } from "../render/cellState";
import { renderOrdered } from "../render/ordered";
import { runOfCell } from "../runs/cellRun";
import { withMachine } from "../runs/job";
import { openProject, openRun } from "../runs/project";
import type { Session } from "../terminal";

interface RetryOptions {
  readonly fresh?: boolean;
  readonly failed?: boolean;
}

export function retryCommand(cli: Cli): Command {
  return new Command("retry")
    .summary("run a failed or cancelled cell again, from its newest checkpoint")
    .description(
      "run a cell that failed or was cancelled again: the same configuration, the code it started with, from its newest checkpoint. Works while the queue runs, and starts it again where it has ended.",
    )
    .argument("[cell]", "name of the cell")
    .argument(runArgument, runArgumentHelp)
    .option("--fresh", "start over, with today's code; what the cell has stays as cells/CELL.kept-N and is pulled like everything else")
    .option("--failed", "every cell that failed or was cancelled, instead of one by name")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["holdfast retry lr-0.1", "goes on where it was"],
        ["holdfast retry lr-0.1 --fresh", "starts over; after a refused edit it waits for that edit: pulumi up"],
        ["holdfast retry --failed digits", "all of them, of the run digits"],
      ),
    )
    .action(cli.action((session, [cell, run]: [string | undefined, string | undefined], options: RetryOptions) => retry(session, cell, run, options)));
}

async function retry(session: Session, first: string | undefined, second: string | undefined, { fresh = false, failed = false }: RetryOptions): Promise<ExitCode | undefined> {
  if (failed && second !== undefined) throw new UserError("--failed means every cell that failed or was cancelled; no cell is named beside it.", { code: "usage", next: [`holdfast retry --failed ${second}`, `holdfast retry ${first ?? "CELL"} ${second}`] });
  if (!failed && first === undefined) throw new UserError("Which cell? Its name, or --failed for all that failed or were cancelled.", { code: "usage", next: ["holdfast status", "holdfast retry --failed"] });
  const run = failed ? (await openRun(session, first, "retry --failed")).run : runOfCell((await openProject(session)).custody, first ?? "", second, "retry");
  const order: Order = fresh ? "fresh" : "retry";
  await withMachine(session, run, async (remote, { lookAtJob, openCells, orderCells }) => {
    const { live } = await lookAtJob(run, remote);
    const cells = failed ? openCells(live) : [first ?? ""];
    if (cells.length === 0) throw new UserError(`No cell of ${runId(run.ref)} failed or was cancelled.`, { code: "nothing-to-do", next: ["holdfast status"] });
    for (const cell of cells) {
      const found = live.cells.get(cell);
      if (found?.state === "failed") session.note(renderFailure({ cell, ...found }, { paint: session.notePaint, width: session.width }));
    }
    const waits = order === "fresh" ? cells.filter((cell) => run.view().refusedEdit.has(cell)) : [];
    const ordered = await orderCells(run, remote, order, cells, {
      clock: session.clock,
      graceSeconds: 0,
      say: (message) => {
        session.note(session.notePaint("faint", message));
      },
    });
    show(session, run, order, ordered, waits);
  });
  return undefined;
}

function show(session: Session, run: RunCustody, order: Order, ordered: Ordered, waits: readonly string[]): void {
  if (session.json) {
    session.printJson({ run: runId(run.ref), order, ...ordered, waitForEdit: waits });
    return;
  }
  session.print(renderOrdered(ordered, session.paint));
  if (waits.length > 0) session.print(`${waits.join(", ")}: an edit was refused because it had started; it waits for that edit now.\n  next: pulumi up\n  next: holdfast retry ${waits[0] ?? ""} (to start it again as it was)`);
}
