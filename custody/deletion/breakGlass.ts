/** Does a signed override open the locks for this very deletion? Once, for what it names, in the life of the run it was signed in. Pure. */
import { runId, type BreakGlass, type Signed } from "../formats";
import { grantCovers } from "../view";
import { dateFault, otherRunData, type DeletionFacts, type Reason } from "./facts";
import { breakGlassVoid, nameDeletion } from "./reasons";

export interface BreakGlassAnswer {
  /** The newest one that covers everything asked for; null when none does. */
  readonly found: Signed<BreakGlass> | null;
  /** Why each of the others that a person may count on opens nothing. Expired ones are not told: they were meant to end. */
  readonly reasons: readonly Reason[];
}

export function judgeBreakGlass(facts: DeletionFacts): BreakGlassAnswer {
  const own = facts.breakGlass.filter(({ content }) => runId(content.run) === runId(facts.run) && dateFault(content.at, content.expiresAt, facts.now) === null);
  const judged = own.map((signed) => ({ signed, faults: faultsOf(facts, signed) }));
  return {
    found: judged.findLast(({ faults }) => faults.length === 0)?.signed ?? null,
    reasons: judged.filter(({ faults }) => faults.length > 0).map(({ signed, faults }) => breakGlassVoid(facts.run, signed.content.id, faults.join("; "))),
  };
}

function faultsOf(facts: DeletionFacts, signed: Signed<BreakGlass>): string[] {
  const { content } = signed;
  const { view } = facts;
  const faults: string[] = [];
  if (!signed.trusted) faults.push(signed.problem ?? "nobody who may break glass signed it");
  if (view.usedBreakGlass.has(content.id)) faults.push("it was already turned into a grant, and each opens the locks once");
  // Ids may be the same in a later life (an adopted file system); what lies there is not what was given up.
  if (!(Date.parse(content.at) >= Date.parse(view.declaredAt))) faults.push("it was signed before the run was brought up again");
  const unnamed = facts.deletions.filter((deletion) => !grantCovers(content, deletion));
  if (facts.deletions.length === 0) faults.push("nothing is to be deleted");
  if (unnamed.length > 0) faults.push(`it does not name ${unnamed.map((deletion) => `"${nameDeletion(deletion)}"${withTiers(deletion.tiersLost)}`).join(", ")}`);
  const others = new Set(otherRunData(facts).map((data) => data.owner ?? "").filter((owner) => !content.lost.includes(owner)));
  if (others.size > 0) faults.push(`it does not give up the data of ${[...others].join(", ")}`);
  return faults;
}

const withTiers = (tiers: readonly string[]): string => (tiers.length === 0 ? "" : ` with ${tiers.join(", ")}`);
