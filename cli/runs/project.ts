/** The project a command works in: its custody store, its runs, and the one that is meant. */
import type { Custody, RunCustody, RunView } from "../../custody";
import type { RunRef } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Session } from "../terminal";
import type { KnownRun, RunState } from "./select";
import { selectRun } from "./select";

export interface Project {
  readonly root: string;
  readonly custody: Custody;
}

/** Throws UserError outside a project. Never creates a store: without one there are no runs. */
export async function openProject(session: Session): Promise<Project> {
  const { openCustody, projectRootFrom } = await import("../../custody/index.js");
  const root = projectRootFrom(session.terminal.cwd, session.env);
  return { root, custody: openCustody(root, { clock: session.clock }) };
}

/** The run that `text` names, or the only live one. `command` is for the hints in the error. */
export async function openRun(session: Session, text: string | undefined, command: string): Promise<Project & { run: RunCustody }> {
  const project = await openProject(session);
  const ref = selectRun(text, knownRuns(project.custody), command);
  return { ...project, run: project.custody.run(ref) };
}

export function knownRuns(custody: Custody): KnownRun[] {
  return custody.runs().map((ref) => ({ ref, state: stateOf(custody, ref) }));
}

function stateOf(custody: Custody, ref: RunRef): RunState {
  try {
    return isLive(custody.run(ref).view()) ? "live" : "ended";
  } catch (error) {
    // A broken chain is reported by the command that opens the run; here it only must not hide the other runs.
    if (error instanceof UserError) return "unreadable";
    throw error;
  }
}

/** The tool's own resources bill nothing and do not make a run live. */
const ownRoles: ReadonlySet<string> = new Set(["gate", "audit", "job"]);

/** Something of it stands at the vendor, or may: a launch whose reply is not known, or an `up` that has just begun. */
export function isLive(view: RunView): boolean {
  if ([...view.resources.values()].some((resource) => !ownRoles.has(resource.role))) return true;
  if (view.openIntents.length > 0) return true;
  return !view.auditClosed && view.deleted.length === 0;
}
