/** Where things of a run are: on the durable tier, on the instance's own disk, and what its session is called. Pure. */
import type { RunRef } from "../../custody/formats";
import type { Plan } from "../../profiles/plan";
import type { RunView } from "../../custody";

/** What the ledger keeps about a started job, and what every later reader of the instance needs. */
export interface JobPlace {
  /** Absolute run directory on the durable tier. */
  readonly directory: string;
  /** Content-hashed folders on the instance's own disk. */
  readonly scripts: string;
  readonly spec: string;
  readonly code: string;
  readonly session: string;
  readonly mountPoint: string;
  /** The resource that holds the durable tier. */
  readonly filesystemId: string;
}

/** `<mount>/holdfast/<project>/<stack>/<name>`, from the plan's template. */
export const runDirectory = (plan: Plan, mountPoint: string): string => plan.durable.runDirectoryTemplate.replaceAll("{mount}", mountPoint);

/** tmux session names may not contain dots or colons; run names cannot either. */
export const sessionName = (run: RunRef): string => `holdfast-${run.project}-${run.stack}-${run.name}`;

/** The job's place as the ledger has it; null before a job was ever placed. */
export function jobPlace(view: RunView): JobPlace | null {
  const details = view.resources.get("job")?.details ?? view.lastJob;
  return details === null ? null : (details as unknown as JobPlace);
}
