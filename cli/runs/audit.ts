/** What the vendor bills, run by run of this project. */
import type { RunCustody, RunView } from "../../custody";
import type { EndpointRef } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { BillingReport } from "../../providers/audit/billing";
import type { Billable } from "../../providers/platformContract";
import type { Session } from "../terminal";
import type { Project } from "./project";
import { knownRuns } from "./project";
import type { StateResource } from "./pulumiState";
import { selectRun } from "./select";

export interface AuditedRun {
  readonly run: string;
  readonly endpoint: EndpointRef;
  readonly report: BillingReport;
  /** Standing by the ledger, and in no stack's state any more: no destroy would ever reach it. Empty when no state could be read. */
  readonly orphaned: readonly Billable[];
  /** Its machine was not made by Holdfast, which ends nothing of it. */
  readonly adopted: boolean;
}

/** One run, or all whose ledger can be read. Throws UserError when there is none. */
export async function auditRuns(session: Session, project: Project, text: string | undefined): Promise<AuditedRun[]> {
  const { auditBilling } = await import("../../providers/audit/billing.js");
  const { NO_API } = await import("../../providers/endpointOf.js");
  const { exportState } = await import("./pulumiState.js");
  const known = knownRuns(project.custody);
  const refs = text === undefined ? known.filter((run) => run.state !== "unreadable").map((run) => run.ref) : [selectRun(text, known, "audit")];
  if (refs.length === 0) {
    throw new UserError("This project's custody knows no run yet, so there is no account to ask.", { code: "nothing-to-do", next: ["pulumi up (or npm run up)"] });
  }
  const audited: AuditedRun[] = [];
  for (const ref of refs) {
    const run = project.custody.run(ref);
    const { endpoint, adopted } = run.view();
    const report = endpoint.api === NO_API ? unasked(run.view(), session.clock.now()) : await auditBilling(run, endpoint, { clock: session.clock, projectRoot: project.root });
    const state = adopted || report.standing.length === 0 ? null : await exportState(project.root, ref.stack, session.env);
    audited.push({ run: runId(ref), endpoint, report, adopted, orphaned: orphansOf(report, state) });
  }
  const all = withoutSiblings(audited);
  for (const [index, ref] of refs.entries()) record(project.custody.run(ref), all[index]);
  return all;
}

/** What went past every lock (surgery on the state, the vendor's console) stands in the ledger too, once: since when it was known. */
function record(run: RunCustody, audited: AuditedRun | undefined): void {
  if (audited === undefined || audited.adopted) return;
  const { orphaned, report } = audited;
  const named = (found: readonly { readonly kind: string; readonly name: string; readonly id: string }[]): string => found.map(({ kind, name, id }) => `${kind} ${name} (${id})`).join(", ");
  const found = [
    ...(orphaned.length === 0 ? [] : [`in no stack's state any more, so that no destroy would end it: ${named(orphaned)}`]),
    ...(report.unexpected.length === 0 ? [] : [`billing, and not known here: ${named(report.unexpected)}`]),
    ...(report.missing.length === 0 ? [] : [`not at the vendor any more, and nobody here ended it: ${named(report.missing.map((resource) => ({ ...resource, kind: resource.role })))}`]),
  ];
  if (found.length === 0) return;
  const note = `The audit found ${found.join("; ")}.`;
  if (!run.entries().some(({ kind, data }) => kind === "note" && (data as { text: string }).text === note)) run.append("note", { text: note });
}

/** A machine adopted by its address: nobody can be asked what it bills, so it counts as standing as long as somebody looks at it. Pure. */
function unasked(view: RunView, now: Date): BillingReport {
  const standing = view.live.map(({ id, name }): Billable => ({ kind: "machine", id, name, launchName: null, custody: null, region: null, hourlyUsd: null, monthlyUsd: null, remove: "where it was made" }));
  return { at: now.toISOString(), standing, kept: [], unexpected: [], others: [], missing: [], openIntents: [], usdSoFar: null };
}

/** What the state does not name. Without a state to look at nothing can be said, so nothing is. Pure. */
export function orphansOf(report: Pick<BillingReport, "standing">, state: readonly StateResource[] | null): Billable[] {
  if (state === null) return [];
  const named = new Set(state.map((resource) => resource.id));
  return report.standing.filter((billable) => !named.has(billable.id));
}

/** What stands for one run of the project is not another run's concern. Pure. */
export function withoutSiblings(audited: readonly AuditedRun[]): AuditedRun[] {
  const claimed = new Set(audited.flatMap(({ report }) => [...report.standing, ...report.kept].map((billable) => billable.id)));
  const free = <T extends { readonly id: string }>(list: readonly T[]): T[] => list.filter((billable) => !claimed.has(billable.id));
  return audited.map((entry) => ({ ...entry, report: { ...entry.report, unexpected: free(entry.report.unexpected), others: free(entry.report.others) } }));
}
