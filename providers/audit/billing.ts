/** What bills at the vendor, held against what the run's ledger says should. */
import type { EndpointRef } from "../../custody/formats";
import { ADOPTED_ROLE, type LiveResource, type RunCustody } from "../../custody";
import type { Clock } from "../../custody/clock";
import { isNamedFor } from "../naming";
import type { Billable } from "../platformContract";
import { platformSource } from "../platformSource";
import { noticeLostMachine } from "../teardown/lostMachine";

export interface BillingReport {
  readonly at: string;
  /** Of this run, and not known to its ledger as standing or as kept: nobody would ever delete it. */
  readonly unexpected: readonly Billable[];
  /** Of this run, standing as the ledger says. */
  readonly standing: readonly Billable[];
  /** Kept on purpose when the run ended: owned, with its price. */
  readonly kept: readonly Billable[];
  /** Not of this run: other people's work, or what was made by hand. */
  readonly others: readonly Billable[];
  /** Standing by the ledger, and twice not in the vendor's list: ended in its console, or in another account than this key's. */
  readonly missing: readonly LiveResource[];
  /** Launch intents nobody confirmed or abandoned. */
  readonly openIntents: readonly string[];
  /** What the run cost so far by the ledger's times and rates; a bound, the vendor's bill is exact. */
  readonly usdSoFar: number | null;
}

/** Everything the vendor bills for this account. Throws UserError for a platform that cannot be asked. */
export async function listBillables(endpoint: EndpointRef, projectRoot: string): Promise<readonly Billable[]> {
  return (await platformSource(endpoint.platform)).listBillables(endpoint, projectRoot);
}

/** Looks at the vendor and sorts what it bills. Never deletes anything: a name is a hint, not a permission. */
export async function auditBilling(run: RunCustody, endpoint: EndpointRef, options: { clock: Clock; projectRoot: string }): Promise<BillingReport> {
  const source = await platformSource(endpoint.platform);
  if (run.view().openIntents.length > 0) await source.settleIntents(run, endpoint, options.projectRoot);
  const billables = await source.listBillables(endpoint, options.projectRoot);
  await noticeEndedExtras(run, billables, options);
  const view = run.view();
  const standingIds = new Set(view.live.map((resource) => resource.id));
  // Storage that is not this run's is left as it was found: it is nobody's mistake that it bills.
  const keptIds = new Set(view.leftovers.map((leftover) => leftover.id));
  const everOurs = new Set(view.deleted.map((deleted) => deleted.id));
  // Another checkout may have a run of the same name in this account: what its custody accounts for is not ours to end.
  const foreign = ({ custody }: Billable): boolean => custody !== null && custody !== view.custodyId;
  const ours = (billable: Billable): boolean => everOurs.has(billable.id) || (isNamedFor(run.ref, billable.launchName ?? billable.name) && !foreign(billable));
  return {
    at: options.clock.now().toISOString(),
    standing: billables.filter((billable) => standingIds.has(billable.id) && !keptIds.has(billable.id)),
    kept: billables.filter((billable) => keptIds.has(billable.id)),
    unexpected: billables.filter((billable) => !standingIds.has(billable.id) && !keptIds.has(billable.id) && ours(billable)),
    others: billables.filter((billable) => !standingIds.has(billable.id) && !keptIds.has(billable.id) && !ours(billable)),
    missing: await missingAt(view.live.filter(({ role }) => billingRoles.has(role)), billables, () => source.listBillables(endpoint, options.projectRoot)),
    openIntents: view.openIntents.map((intent) => intent.intent),
    usdSoFar: costSoFar(view, options.clock.now()),
  };
}

const billingRoles: ReadonlySet<string> = new Set(["instance", "filesystem", "rescue"]);

async function missingAt(live: readonly LiveResource[], listed: readonly Billable[], again: () => Promise<readonly Billable[]>): Promise<LiveResource[]> {
  const absent = (resources: readonly LiveResource[], list: readonly Billable[]): LiveResource[] => resources.filter(({ id }) => !list.some((billable) => billable.id === id));
  const once = absent(live, listed);
  return once.length === 0 ? [] : absent(once, await again());
}

/** What one launch made twice, or was adopted, and a person ended since: no resource of a stack would ever say so, and it would cost on in the ledger. */
async function noticeEndedExtras(run: RunCustody, billables: readonly Billable[], { clock, projectRoot }: { clock: Clock; projectRoot: string }): Promise<void> {
  const view = run.view();
  const listed = new Set(billables.map(({ id }) => id));
  const isExtra = ({ role, id }: LiveResource): boolean => role === ADOPTED_ROLE || (role === "instance" && id !== view.resources.get("instance")?.id);
  const extras = view.live.filter((resource) => isExtra(resource) && !listed.has(resource.id));
  for (const extra of extras) await noticeLostMachine(run, { clock, projectRoot, say: () => undefined }, extra);
}

/** Hours between creation and deletion (or now) times the recorded hourly rate, summed; null when no rate is known. */
export function costSoFar(view: ReturnType<RunCustody["view"]>, now: Date): number | null {
  const spans = [
    ...view.live.map((resource) => ({ ...resource, until: now.toISOString() })),
    ...view.deleted.map((deleted) => ({ ...deleted, until: deleted.deletedAt })),
  ];
  const known = spans.filter((span) => span.hourlyUsd !== undefined);
  if (known.length === 0) return null;
  return known.reduce((sum, span) => sum + (span.hourlyUsd ?? 0) * ((Date.parse(span.until) - Date.parse(span.since)) / 3_600_000), 0);
}
