/** What ending a run deletes, resource by resource: the plan's teardown applied to what really stands. Pure. */
import type { PlannedDeletion } from "../../custody/formats";
import type { RunView } from "../../custody";
import type { Plan } from "../../profiles/plan";

/** Roles that only this tool knows; the vendor bills nothing for them and no tier is lost with them. */
const ownRoles: ReadonlySet<string> = new Set(["gate", "audit"]);

/**
 * Verb and lost tiers of one role at the end of the run. A role that the teardown does not name (the key, the job, storage
 * that is kept) loses no tier.
 */
export function plannedDeletion(plan: Plan | null, role: string): { verb: string; tiersLost: readonly string[] } {
  const planned = plan?.teardown.deletions.find((deletion) => deletion.role === role);
  if (planned) return { verb: planned.verb, tiersLost: planned.tiersLost };
  return { verb: role === "filesystem" ? "keep" : "delete", tiersLost: [] };
}

/**
 * Everything that goes when the run ends, from the ledger's live resources and the plan's teardown. `alsoKnown` are
 * deletions that state knows and the ledger may not (custody of another machine): the union counts.
 */
export function deletionsAtEnd(view: RunView, alsoKnown: readonly PlannedDeletion[] = []): PlannedDeletion[] {
  const plan = view.plan as Plan | null;
  const found = new Map<string, PlannedDeletion>();
  const add = (deletion: PlannedDeletion): void => {
    found.set(`${deletion.role}\0${deletion.id}\0${deletion.verb}`, deletion);
  };
  for (const resource of view.live) {
    if (ownRoles.has(resource.role)) continue;
    add({ role: resource.role, id: resource.id, ...plannedDeletion(plan, resource.role) });
  }
  for (const deletion of alsoKnown) add(deletion);
  return [...found.values()].sort((a, b) => (a.role < b.role ? -1 : a.role > b.role ? 1 : a.id < b.id ? -1 : 1));
}
