/** holdfast audit: asks the vendor what bills now and holds it against the ledgers. Deletes nothing. */
import { Command } from "commander";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { exitCodes } from "../exitCodes";
import { renderAudit } from "../render/audit";
import { auditRuns } from "../runs/audit";
import { openProject } from "../runs/project";
import type { Session } from "../terminal";

export function auditCommand(cli: Cli): Command {
  return new Command("audit")
    .summary("ask the vendor what bills now, and who expects it")
    .description("ask the vendor what bills now, and whether the ledgers expect it")
    .argument("[run]", "one run; without it every run of this project")
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast audit", "exit code 3 when something bills that no ledger expects"]))
    .action(cli.action((session, [run]: [string | undefined]) => audit(session, run)));
}

async function audit(session: Session, text: string | undefined): Promise<ExitCode | undefined> {
  const project = await openProject(session);
  const audited = await auditRuns(session, project, text);
  if (session.json) session.printJson({ runs: audited });
  else session.print(renderAudit(audited, { paint: session.paint, width: session.width }));
  const unexpected = audited.some(({ report, orphaned }) => report.unexpected.length > 0 || report.openIntents.length > 0 || orphaned.length > 0);
  return unexpected ? exitCodes.refused : undefined;
}
