/**
 * The billing audit: everything depends on it, so it is created first (credentials proven before anything is bought) and
 * deleted last (proof that nothing bills, or the list of what does). It has no read: refresh cannot make it vanish.
 */
import { isDeepStrictEqual } from "node:util";
import { runId } from "../../custody";
import type { EndpointRef } from "../../custody/formats";
import type { RunCustody } from "../../custody";
import { UserError } from "../../custody/userError";
import type { Binding, Context, Kind } from "../kind";
import type { Billable } from "../platformContract";
import { platformSource } from "../platformSource";
import type { BillingReport } from "./billing";
import { declarePlan } from "../declare";
import { auditBilling, listBillables } from "./billing";
import { assertNotMoved, forgetComponent, rememberComponent } from "./component";

export type AuditInputs = {
  readonly binding: Binding;
  readonly endpoint: EndpointRef;
  readonly planSha256: string;
  /** URN of the component that the run is in the program; absent in state of before it was kept. */
  readonly component?: string;
};
export type AuditOutputs = AuditInputs & { readonly openedAt: string };

export const billingAudit: Kind<AuditInputs, AuditOutputs> = {
  diff(olds, news) {
    return { changes: !isDeepStrictEqual([olds.binding, olds.endpoint, olds.planSha256, olds.component], [news.binding, news.endpoint, news.planSha256, news.component]) };
  },

  async create(inputs, context) {
    const made = context.run(inputs.binding);
    assertNotMoved(made, inputs.component ?? null);
    // One read of the account: a wrong key or an inactive account is found before anything is bought.
    await listBillables(inputs.endpoint, context.projectRoot);
    declarePlan(made, inputs);
    rememberComponent(made, inputs.component ?? null);
    const { project, stack, run } = inputs.binding;
    return { id: `audit-${project}-${stack}-${run}`, outs: { ...inputs, openedAt: context.clock.now().toISOString() } };
  },

  update(_id, olds, news, context) {
    rememberComponent(context.run(news.binding), news.component ?? null);
    return Promise.resolve({ ...news, openedAt: olds.openedAt });
  },

  async delete(_id, olds, context) {
    const run = context.run(olds.binding);
    const report = await auditBilling(run, olds.endpoint, { clock: context.clock, projectRoot: context.projectRoot });
    for (const line of describeAudit(run, report)) context.say(line);
    const wrong = [...report.unexpected, ...report.standing];
    if (wrong.length > 0 || report.openIntents.length > 0) throw stillBilling(run, wrong, report.openIntents);
    close(run, report, context);
    forgetComponent(run);
    (await platformSource(olds.endpoint.platform)).removePrivateKeys(run);
  },
};

/** The report as lines for a terminal; prices per month, the command that removes each. */
export function describeAudit(run: RunCustody, report: BillingReport): string[] {
  const keptHow = new Map(run.view().leftovers.map((leftover) => [leftover.id, leftover.remove]));
  const priced = (billable: Billable, remove = billable.remove): string => {
    const price = billable.monthlyUsd ?? (billable.hourlyUsd === null ? null : billable.hourlyUsd * 730);
    return `${billable.kind} ${billable.name} (${billable.id}): ${price === null ? "price unknown" : `$${price.toFixed(2)} a month`}; ${remove}`;
  };
  const cost = report.usdSoFar === null ? "" : ` It cost about $${report.usdSoFar.toFixed(2)}.`;
  const nothing = report.unexpected.length + report.standing.length + report.kept.length === 0;
  return [
    `Billing audit of ${runId(run.ref)}: ${nothing ? "nothing of this run bills any more." : "something of this run still bills:"}${cost}`,
    ...report.standing.map((billable) => `  still stands: ${priced(billable)}`),
    ...report.unexpected.map((billable) => `  unexpected: ${priced(billable)}`),
    // A leftover's own text says whose it is and what to look at first; the vendor's raw command does not.
    ...report.kept.map((billable) => `  kept on purpose: ${priced(billable, keptHow.get(billable.id))}`),
    ...(report.others.length === 0 ? [] : [`  not of this run, left alone: ${report.others.length} (holdfast audit lists them)`]),
  ];
}

function stillBilling(run: RunCustody, wrong: readonly Billable[], intents: readonly string[]): UserError {
  return new UserError(
    `The billing audit of ${runId(run.ref)} is not clean: ${count(wrong.length, "resource")} still billing that should be gone, ${count(intents.length, "launch intent")} open. The audit stays in state until it is.`,
    {
      code: "still-billing",
      next: [...wrong.map((billable) => billable.remove), ...intents.map((intent) => `look for ${intent} in the vendor's console (its launch was never confirmed)`), "pulumi destroy (again)"],
    },
  );
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;

function close(run: RunCustody, report: BillingReport, context: Context): void {
  const grant = run.view().openGrant;
  if (grant) run.append("grant.closed", { grant: grant.id, why: `all deletions confirmed by the billing audit at ${context.clock.now().toISOString()}` });
  run.append("audit.closed", { billing: report.unexpected.length + report.standing.length, leftovers: report.kept.length, usd: report.usdSoFar });
}
