/** What ending a run deletes, resource by resource: the plan's teardown applied to what really stands. Pure. */
import type { PlannedDeletion } from "../../custody/formats";
import type { RunView } from "../../custody";
import type { Plan } from "../../profiles/plan";

/** Roles that only this tool knows; the vendor bills nothing for them and no tier is lost with them. */
const ownRoles: ReadonlySet<string> = new Set(["gate", "audit"]);

/** What a rescue made and ends itself: no part of the stack, and never among what a teardown deletes. */
export const readerRoles: ReadonlySet<string> = new Set(["rescue", "rescueKey"]);

/** Of storage that stays. */
export const keptVerb = "keep";

/**
 * Verb and lost tiers of one role at the end of the run. A role that the teardown does not name (the key, the job, storage
 * that is kept) loses no tier.
 */
export function plannedDeletion(plan: Pick<Plan, "teardown"> | null, role: string): { verb: string; tiersLost: readonly string[] } {
  const planned = plan?.teardown.deletions.find((deletion) => deletion.role === role);
  if (planned) return { verb: planned.verb, tiersLost: planned.tiersLost };
  return { verb: role === "filesystem" ? keptVerb : "delete", tiersLost: [] };
}

/**
 * Everything that goes when the run ends: the ledger's live resources with the verbs of its newest plan. `alsoKnown` are
 * deletions that state knows and the ledger may not (custody of another machine). What the ledger saw go is not asked for
 * again, and a resource that both know goes by the ledger's verb: consent to two fates of one thing could never be given.
 */
export function deletionsAtEnd(view: RunView, alsoKnown: readonly PlannedDeletion[] = []): PlannedDeletion[] {
  const plan = view.plan as Plan | null;
  const key = ({ role, id }: { readonly role: string; readonly id: string }): string => `${role}\0${id}`;
  const gone = new Set(view.deleted.map(key));
  const found = new Map<string, PlannedDeletion>();
  for (const deletion of alsoKnown) if (!gone.has(key(deletion))) found.set(key(deletion), deletion);
  for (const { role, id } of view.live) if (!ownRoles.has(role) && !readerRoles.has(role)) found.set(key({ role, id }), { role, id, ...plannedDeletion(plan, role) });
  return [...found.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/**
 * Deletions of things that the ledger never recorded. Everything this tool makes is in the ledger before state hears of it, so
 * state that knows more means that the ledger here is an old copy: what it does not know of cannot be accounted for.
 */
export function unknownToLedger(view: RunView, deletions: readonly PlannedDeletion[]): PlannedDeletion[] {
  const recorded = new Set([...view.live, ...view.deleted].map(({ id }) => id));
  return deletions.filter(({ id }) => !recorded.has(id));
}
