/** Where the keeper's copies of artifacts go, and whether they are there tomorrow. Pure. */
import { hostname } from "node:os";
import { join } from "node:path";
import { COPIES_VARIABLE, copyPlacesOf, takesArtifacts, type CopyPlaces, type RunView } from "../../custody";
import type { RunRef } from "../../custody/formats";
import type { Plan } from "../../profiles/plan";
import { deletionsAtEnd } from "../../providers/teardown/deletions";

export interface Copies {
  /** The run's own folder; null: where `holdfast pull` puts it, in the custody folder. */
  readonly target: string | null;
  readonly places: CopyPlaces;
}

/** `to`: a folder for all runs, which whoever names it knows to outlive this machine; without it, the one that the environment names. */
export function copiesOf(run: RunRef, to: string | null, env: NodeJS.ProcessEnv): Copies {
  const places = copyPlacesOf({ ...env, ...(to === null ? {} : { [COPIES_VARIABLE]: to }) }, hostname());
  return { target: places.shared === null ? null : join(places.shared, run.project, run.stack, run.name), places };
}

/** false: this machine is thrown away when the keeper ends, and so is what lies on it. */
export const areLasting = ({ places }: Copies): boolean => places.shared !== null || !places.temporary;

/** A copy on a machine that is thrown away would be the only one once the storage is gone. */
export function wouldLoseTheOnlyCopy(view: RunView, copies: Copies): boolean {
  const durable = (view.plan as Plan | null)?.durable.tier ?? null;
  return !areLasting(copies) && deletionsAtEnd(view).some((deletion) => takesArtifacts(deletion, durable));
}
