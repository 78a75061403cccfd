/** holdfast ls: every run this project's custody knows, in all stacks, with what it costs and what strikes next. */
import { Command } from "commander";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { exitCodes } from "../exitCodes";
import { renderOverview } from "../render/overview";
import { openProject } from "../runs/project";
import type { Session } from "../terminal";

export function lsCommand(cli: Cli): Command {
  return new Command("ls")
    .summary("all runs: cells, checkpoint age, $ per hour, $ so far, clocks")
    .description(
      "list the runs of all stacks: what they do, cells done, age of the newest checkpoint, dollars per hour and so far, next clock. " +
        "Asks no machine: cells and checkpoints are as they were last seen by ls --live, status or watch (exit code 4: there is no run)",
    )
    .option("--live", "only runs that stand, and ask their machines now, several at once")
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast ls", "at once, from the ledgers"], ["holdfast ls --live", "what runs now, as the machines say"], ["holdfast ls --json", "with all clocks of each run"]))
    .action(cli.action((session, _args: [], options: { live?: boolean }) => list(session, options.live === true)));
}

async function list(session: Session, live: boolean): Promise<ExitCode | undefined> {
  const { custody } = await openProject(session);
  const { overviewOfAll } = await import("../runs/overview.js");
  const runs = await overviewOfAll(session, custody, live);
  if (session.json) session.printJson({ runs });
  else if (runs.length === 0) session.print(live ? "No run is live." : "No runs yet. The first one begins with: pulumi up (or npm run up)");
  else session.print(renderOverview(runs, { paint: session.paint, width: session.width, now: session.clock.now() }));
  return runs.length === 0 ? exitCodes.notFound : undefined;
}
