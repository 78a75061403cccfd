/** What each verb of a teardown keeps, loses and leaves billing: one table for `plan` and `approve`. Pure. */
import type { PlannedDeletion } from "../../custody/formats";
import type { Plan, PlanDeletion } from "../../profiles/plan";
import type { Paint } from "./paint";
import { renderTable } from "./table";
import { formatUsd } from "./units";

export interface TeardownRow {
  readonly role: string;
  /** The vendor's name and id where the resource stands; null in a plan. */
  readonly resource: { readonly name: string; readonly id: string } | null;
  readonly verb: string;
  readonly irreversible: boolean;
  /** Titles, not ids. */
  readonly kept: readonly string[];
  readonly lost: readonly string[];
  /** Meters that this verb leaves running. */
  readonly billing: readonly { readonly meter: string; readonly usdPerMonth: number | null }[];
}

/** Titles of tiers, meters and roles, from the profile; an id without a title is shown as it is. */
export interface Titles {
  readonly tier: (id: string) => string;
  readonly meter: (id: string) => string;
  readonly role: (id: string) => string;
}

export const plainTitles: Titles = { tier: (id) => id, meter: (id) => id, role: (id) => id };

export function titlesOf(profile: {
  readonly tiers: readonly { readonly id: string; readonly title: string }[];
  readonly meters: readonly { readonly id: string; readonly title: string }[];
  readonly roles: readonly { readonly role: string; readonly title: string }[];
}): Titles {
  return {
    tier: (id) => profile.tiers.find((tier) => tier.id === id)?.title ?? id,
    meter: (id) => profile.meters.find((meter) => meter.id === id)?.title ?? id,
    role: (id) => profile.roles.find((role) => role.role === id)?.title ?? id,
  };
}

export function plannedRows(plan: Plan, titles: Titles): TeardownRow[] {
  return plan.teardown.deletions.map((deletion) => rowOf(deletion.role, null, deletion.verb, deletion.tiersLost, deletion, titles));
}

/** Rows of what really stands; a resource the plan does not know shows only what is certain. */
export function standingRows(deletions: readonly PlannedDeletion[], plan: Plan | null, nameOf: (deletion: PlannedDeletion) => string, titles: Titles): TeardownRow[] {
  return deletions.map((deletion) => {
    const planned = plan?.teardown.deletions.find((candidate) => candidate.role === deletion.role && candidate.verb === deletion.verb);
    return rowOf(deletion.role, { name: nameOf(deletion), id: deletion.id }, deletion.verb, deletion.tiersLost, planned, titles);
  });
}

function rowOf(role: string, resource: TeardownRow["resource"], verb: string, lost: readonly string[], planned: PlanDeletion | undefined, titles: Titles): TeardownRow {
  return {
    role: titles.role(role),
    resource,
    verb,
    irreversible: planned?.irreversible ?? true,
    kept: (planned?.tiersKept ?? []).filter((tier) => !lost.includes(tier)).map(titles.tier),
    lost: [...lost.map(titles.tier), ...(planned?.tiersInDoubt ?? []).map((tier) => `perhaps ${titles.tier(tier)}`)],
    billing: (planned?.metersAfter ?? []).filter((after) => after.state === "continues").map((after) => ({ meter: titles.meter(after.meter), usdPerMonth: after.usdPerMonth })),
  };
}

/** `nothing` is said only where it is known: a verb that touches no tier shows a dash. */
export function renderTeardown(rows: readonly TeardownRow[], options: { paint: Paint; width: number | undefined; indent?: number }): string {
  const { paint } = options;
  const standing = rows.some((row) => row.resource !== null);
  const head = [standing ? "resource" : "what", "verb", "keeps", "loses", "goes on billing"];
  return renderTable(
    head,
    rows.map((row) => [
      row.resource === null || row.resource.name === "" ? row.role : `${row.role} ${row.resource.name}`,
      row.verb,
      row.kept.length === 0 ? "-" : paint("good", row.kept.join(", ")),
      row.lost.length === 0 ? "-" : paint("bad", row.lost.join(", ")),
      row.billing.length === 0 ? "-" : paint("warn", row.billing.map(({ meter, usdPerMonth }) => `${meter}${usdPerMonth === null ? "" : ` ${formatUsd(usdPerMonth)}/month`}`).join(", ")),
    ]),
    options,
  );
}
