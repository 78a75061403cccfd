/** Which run a cell's name means. */
import type { Custody, RunCustody } from "../../custody";
import { UserError } from "../../custody/userError";
import { knownRuns } from "./project";
import { selectRun } from "./select";

/** The only run that has this cell: of the live ones, else of all; null where it is none or several. */
export function onlyRunWith(cell: string, custody: Custody): RunCustody | null {
  const readable = knownRuns(custody).flatMap(({ ref, state }) => (state === "unreadable" ? [] : [{ run: custody.run(ref), live: state === "live" }]));
  const having = readable.filter(({ run }) => run.view().roster.has(cell));
  const live = having.filter((candidate) => candidate.live);
  const [only, ...others] = live.length > 0 ? live : having;
  return only !== undefined && others.length === 0 ? only.run : null;
}

/** The run that `text` names; without one, the only one that has the cell, else the only live one. Throws UserError. */
export function runOfCell(custody: Custody, cell: string, text: string | undefined, command: string): RunCustody {
  const only = text === undefined ? onlyRunWith(cell, custody) : null;
  return only ?? custody.run(selectRun(text, knownRuns(custody), `${command} ${cell}`));
}

/** A word that is a run's name or a cell's. Both at once is a question back. Throws UserError. */
export function runOrCell(custody: Custody, word: string, command: string): { readonly run: RunCustody; readonly cell: string | null } {
  const named = runNamed(custody, word, command);
  const having = onlyRunWith(word, custody);
  if (named !== null && having !== null) {
    throw new UserError(`"${word}" is the name of a run and of a cell.`, {
      code: "run-ambiguous",
      next: [`holdfast ${command} ${word} ${having.ref.project}/${having.ref.stack}/${having.ref.name} (the cell)`, `holdfast ${command} ${named.ref.project}/${named.ref.stack}/${named.ref.name} (the whole run)`],
    });
  }
  if (named !== null) return { run: named, cell: null };
  if (having !== null) return { run: having, cell: word };
  return { run: custody.run(selectRun(undefined, knownRuns(custody), `${command} ${word}`)), cell: word };
}

function runNamed(custody: Custody, word: string, command: string): RunCustody | null {
  try {
    return custody.run(selectRun(word, knownRuns(custody), command));
  } catch (error) {
    if (error instanceof UserError && error.code === "run-not-found") return null;
    throw error;
  }
}
