/** holdfast audit: asks the vendor what bills now and holds it against the ledgers. Deletes nothing. */
import { Command } from "commander";
import type { EndpointRef } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { BillingReport } from "../../providers/audit/billing";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { exitCodes } from "../exitCodes";
import { renderAudit } from "../render/audit";
import type { Project } from "../runs/project";
import { knownRuns, openProject } from "../runs/project";
import { selectRun } from "../runs/select";
import type { Session } from "../terminal";

export interface AuditedRun {
  readonly run: string;
  readonly endpoint: EndpointRef;
  readonly report: BillingReport;
}

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
  const unexpected = audited.some(({ report }) => report.unexpected.length > 0 || report.openIntents.length > 0);
  return unexpected ? exitCodes.refused : undefined;
}

export async function auditRuns(session: Session, project: Project, text: string | undefined): Promise<AuditedRun[]> {
  const { auditBilling } = await import("../../providers/audit/billing.js");
  const known = knownRuns(project.custody);
  const refs = text === undefined ? known.filter((run) => run.state !== "unreadable").map((run) => run.ref) : [selectRun(text, known, "audit")];
  if (refs.length === 0) {
    throw new UserError("This project's custody knows no run yet, so there is no account to ask.", { code: "nothing-to-do", next: ["pulumi up (or npm run up)"] });
  }
  const audited: AuditedRun[] = [];
  for (const ref of refs) {
    const run = project.custody.run(ref);
    const { endpoint } = run.view();
    audited.push({ run: runId(ref), endpoint, report: await auditBilling(run, endpoint, { clock: session.clock, projectRoot: project.root }) });
  }
  return withoutSiblings(audited);
}

/** What stands for one run of the project is not another run's concern. Pure. */
export function withoutSiblings(audited: readonly AuditedRun[]): AuditedRun[] {
  const claimed = new Set(audited.flatMap(({ report }) => [...report.standing, ...report.kept].map((billable) => billable.id)));
  const free = <T extends { readonly id: string }>(list: readonly T[]): T[] => list.filter((billable) => !claimed.has(billable.id));
  return audited.map((entry) => ({ ...entry, report: { ...entry.report, unexpected: free(entry.report.unexpected), others: free(entry.report.others) } }));
}
