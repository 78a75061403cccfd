/** The project a command works in: its custody store, its runs, and the one that is meant. */
import type { Custody, RunCustody, RunView } from "../../custody";
import type { RunRef } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import type { Session } from "../terminal";
import type { KnownRun, RunState } from "./select";
import { selectRun } from "./select";
import { keepCopies } from "./shareEvidence";

export interface Project {
  readonly root: string;
  readonly custody: Custody;
}

/**
 * Throws UserError outside a project. Without a shared store it never creates one here: then there are no runs. `only`: the run
 * that is meant, when that is known before its ledger is read.
 */
export async function openProject(session: Session, only?: RunRef): Promise<Project> {
  const { openCustody, projectRootFrom } = await import("../../custody/index.js");
  const { keepShared } = await import("./sharedStores.js");
  const root = projectRootFrom(session.terminal.cwd, session.env);
  await keepShared(session, root, only);
  const custody = openCustody(root, { clock: session.clock });
  keepCopies(session, custody);
  return { root, custody };
}

/** The run that `text` names, or the only live one. `command` is for the hints in the error. */
export async function openRun(session: Session, text: string | undefined, command: string): Promise<Project & { run: RunCustody }> {
  const project = await openProject(session, text === undefined ? undefined : fullRef(text));
  const ref = selectRun(text, knownRuns(project.custody), command);
  return { ...project, run: project.custody.run(ref) };
}

/** A run that is named in full: no other has to be looked at to know which it is. */
function fullRef(text: string): RunRef | undefined {
  const [project, stack, name, ...more] = text.split("/");
  return project && stack && name && more.length === 0 ? { project, stack, name } : undefined;
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

/** Something of it stands at the vendor, or may: a launch whose reply is not known, or an `up` that has just begun. Storage of others that it used and left is not its own. */
export function isLive(view: RunView): boolean {
  const others = new Set(view.auditClosed === null ? [] : view.leftovers.filter(({ owned }) => !owned).map(({ id }) => id));
  if ([...view.resources.values()].some(({ role, id }) => !ownRoles.has(role) && !others.has(id))) return true;
  if (view.openIntents.length > 0) return true;
  return !view.auditClosed && view.deleted.length === 0;
}
