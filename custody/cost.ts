/** What a run has cost by its ledger: list prices times the time between creation and confirmed deletion. Pure. */
import type { LedgerEntry } from "./formats";

/** Of the run's present life: from its declaration on. */
export interface RunCost {
  readonly usdSoFar: number;
  /** Of what stands now, storage included. */
  readonly usdPerHour: number;
  /** Something stands whose price the ledger does not know, so both figures are lower bounds. */
  readonly incomplete: boolean;
}

/** Hours of a month for vendors that state monthly prices. */
const hoursPerMonth = 730;

/** Keys, the job and the tool's own resources have no meter. */
const unmetered: ReadonlySet<string> = new Set(["gate", "audit", "job", "sshKey", "rescueKey", "firewall"]);

export function costOf(entries: readonly LedgerEntry[], now: Date): RunCost {
  const standing = new Map<string, { usdPerHour: number | null; since: number }>();
  let usdSoFar = 0;
  let unknownEver = false;
  let over = false;
  const end = (id: string, at: number): void => {
    const resource = standing.get(id);
    if (!resource) return;
    usdSoFar += ((resource.usdPerHour ?? 0) * Math.max(0, at - resource.since)) / 3_600_000;
    standing.delete(id);
  };
  for (const entry of entries) {
    if (isKind(entry, "audit.closed")) over = true;
    else if (isKind(entry, "run.declared") && over) {
      // A run that begins anew has its whole budget; what its earlier life left standing is paid on.
      [usdSoFar, over, unknownEver] = [0, false, [...standing.values()].some((resource) => resource.usdPerHour === null)];
      for (const [id, resource] of standing) standing.set(id, { ...resource, since: Date.parse(entry.at) });
    } else if (isKind(entry, "resource.created")) {
      const { role, id, hourlyUsd, monthlyUsd } = entry.data;
      if (unmetered.has(role) || standing.has(id)) continue;
      const usdPerHour = hourlyUsd ?? (monthlyUsd === undefined ? null : monthlyUsd / hoursPerMonth);
      unknownEver ||= usdPerHour === null;
      standing.set(id, { usdPerHour, since: Date.parse(entry.at) });
    } else if (isKind(entry, "resource.deleted") || isKind(entry, "resource.lost")) {
      end(entry.data.id, Date.parse(entry.at));
    }
  }
  const usdPerHour = [...standing.values()].reduce((sum, resource) => sum + (resource.usdPerHour ?? 0), 0);
  for (const id of [...standing.keys()]) end(id, now.getTime());
  return { usdSoFar, usdPerHour, incomplete: unknownEver };
}

export function isKind<K extends LedgerEntry["kind"]>(entry: LedgerEntry, kind: K): entry is LedgerEntry<K> {
  return entry.kind === kind;
}
