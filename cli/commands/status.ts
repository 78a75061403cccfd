/** holdfast status: one look at a run. Asks the machine; where it does not answer, says so and shows what the ledger knows. */
import { Command } from "commander";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import type { ExitCode } from "../exitCodes";
import { exitCodes } from "../exitCodes";
import { renderStatus } from "../render/status";
import { openRun } from "../runs/project";
import type { StatusReport } from "../runs/status";
import { readStatus } from "../runs/status";
import type { Session } from "../terminal";

export function statusCommand(cli: Cli): Command {
  return new Command("status")
    .summary("cells, attempts, checkpoint age, disk, cost of a run")
    .description("show cells, attempts, checkpoint age, disk, writer and cost of a run")
    .argument(runArgument, runArgumentHelp)
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast status", "the live run"], ["holdfast status holdfast/dev/digits --json", "for programs; exit code 5 when the machine does not answer"]))
    .action(cli.action((session, [run]: [string | undefined]) => show(session, run)));
}

async function show(session: Session, text: string | undefined): Promise<ExitCode | undefined> {
  const { run } = await openRun(session, text, "status");
  const report = await readStatus(session, run);
  if (session.json) session.printJson(flatten(report));
  else session.print(renderStatus(report, { paint: session.paint, width: session.width }));
  return report.state === "live" && report.unreachable !== null && report.waiting === null ? exitCodes.unreachable : undefined;
}

/** For programs: what the machine said stands beside what the ledger says; null or empty when it did not answer. */
function flatten({ remote, ...known }: StatusReport): Record<string, unknown> {
  const silent = { writer: null, session: null, cells: [], heartbeat: null, closed: null, newestCheckpoint: null, bytesFree: null, bytesTotal: null, inodesFree: null };
  return { ...(remote ?? silent), ...known };
}
