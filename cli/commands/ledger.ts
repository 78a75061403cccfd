/** holdfast ledger: what was done to a run, line by line; the chain is verified before anything is shown. */
import { Command } from "commander";
import type { Cli } from "../cli";
import { examples, jsonOption, runArgument, runArgumentHelp } from "../cli";
import { renderLedger } from "../render/ledger";
import { openRun } from "../runs/project";

export function ledgerCommand(cli: Cli): Command {
  return new Command("ledger")
    .summary("the run's hash-chained record, line by line")
    .description("show the run's hash-chained record: launches, pulls, receipts, refusals, deletions")
    .argument(runArgument, runArgumentHelp)
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast ledger digits", "one readable line per entry"], ["holdfast ledger digits --json", "the entries as they were written"]))
    .action(
      cli.action(async (session, [text]: [string | undefined]) => {
        const { run } = await openRun(session, text, "ledger");
        const entries = run.entries();
        if (session.json) session.printJson(entries);
        else session.print(renderLedger(entries, { paint: session.paint, width: session.width }));
        return undefined;
      }),
    );
}
