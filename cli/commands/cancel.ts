/** holdfast cancel: one cell, or the whole run's queue, ends cleanly: the payload saves first, and nothing goes on by itself. */
import { Command, InvalidArgumentError } from "commander";
import type { RunCustody } from "../../custody";
import { runId } from "../../custody/formats";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { renderOrdered } from "../render/ordered";
import { runOfCell, runOrCell } from "../runs/cellRun";
import { withMachine } from "../runs/job";
import { openProject } from "../runs/project";
import type { Session } from "../terminal";

interface CancelOptions {
  readonly grace: number;
}

export function cancelCommand(cli: Cli): Command {
  return new Command("cancel")
    .summary("end one cell, or a run's queue, after its checkpoint")
    .description(
      "end a cell, or everything that a run still has to train. What runs gets TERM and time for its last checkpoint; what is cancelled runs again only when it is retried. The instance stays, and bills.",
    )
    .argument("<cell|run>", "a cell, or a run to cancel all of it")
    .argument(runArgument, `the run of the cell: ${runArgumentHelp}`)
    .option("--grace <seconds>", "time for the last checkpoint", seconds, 60)
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(["holdfast cancel lr-0.1", "one cell; the queue goes on with the next"], ["holdfast cancel digits --grace 300", "the whole run digits, with five minutes for the checkpoint"], ["holdfast cancel lr-0.1 digits", "the cell of one of several runs"]),
    )
    .action(cli.action((session, [word, run]: [string, string | undefined], options: CancelOptions) => cancel(session, word, run, options)));
}

async function cancel(session: Session, word: string, text: string | undefined, { grace }: CancelOptions): Promise<ExitCode | undefined> {
  const { custody } = await openProject(session);
  const { run, cell } = text === undefined ? runOrCell(custody, word, "cancel") : { run: runOfCell(custody, word, text, "cancel"), cell: word };
  await (cell === null ? cancelAll(session, run, grace) : cancelCell(session, run, cell, grace));
  return undefined;
}

const optionsFor = (session: Session, graceSeconds: number) => ({
  clock: session.clock,
  graceSeconds,
  say: (message: string): void => {
    session.note(session.notePaint("faint", message));
  },
});

async function cancelCell(session: Session, run: RunCustody, cell: string, grace: number): Promise<void> {
  await withMachine(session, run, async (remote, { orderCells }) => {
    const ordered = await orderCells(run, remote, "cancel", [cell], optionsFor(session, grace));
    if (session.json) session.printJson({ run: runId(run.ref), order: "cancel", ...ordered });
    else session.print(renderOrdered(ordered, session.paint));
  });
}

async function cancelAll(session: Session, run: RunCustody, grace: number): Promise<void> {
  await withMachine(session, run, async (remote, { cancelRun }) => {
    const live = await cancelRun(run, remote, optionsFor(session, grace));
    const cells = [...live.cells].map(([cell, { state }]) => ({ cell, state }));
    if (session.json) {
      session.printJson({ run: runId(run.ref), order: "cancel", cells, queue: live.writer === "alive" ? "running" : "none" });
      return;
    }
    const count = (state: string): number => cells.filter((cell) => cell.state === state).length;
    session.print(`${runId(run.ref)}: nothing runs any more. ${count("complete")} complete, ${count("cancelled")} cancelled, ${count("failed")} failed. The instance stands, and bills.`);
    session.print("  next: holdfast retry --failed (goes on from the newest checkpoints)\n  next: holdfast pull, holdfast approve, pulumi destroy");
  });
}

function seconds(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError("whole seconds, for example 300");
  return Number(text);
}
