/** Which run is meant: `project/stack/name`, a name, or nothing when exactly one run is live. Pure. */
import type { RunRef } from "../../custody/formats";
import { runId } from "../../custody/formats";
import { UserError } from "../../custody/userError";

export interface KnownRun {
  readonly ref: RunRef;
  readonly state: RunState;
}

/** live: something of it stands or may stand. unreadable: its ledger cannot be trusted, so it may live too. */
export type RunState = "live" | "ended" | "unreadable";

const mayLive = (run: KnownRun): boolean => run.state !== "ended";

/** Throws UserError: run-not-found, or run-ambiguous with the choices. */
export function selectRun(text: string | undefined, known: readonly KnownRun[], command: string): RunRef {
  const chosen = text === undefined ? unnamed(known) : matching(text, known);
  const [only] = chosen;
  if (only && chosen.length === 1) return only.ref;
  if (text === undefined) throw withoutName(chosen, known, command);
  if (chosen.length > 1) {
    throw new UserError(`"${text}" is the name of ${chosen.length} runs: ${chosen.map(describe).join(", ")}.`, {
      code: "run-ambiguous",
      next: chosen.map((run) => `holdfast ${command} ${runId(run.ref)}`),
    });
  }
  throw new UserError(
    known.length === 0
      ? `There is no run "${text}": this project's custody knows no run yet.`
      : `There is no run "${text}" in this project's custody. Known: ${known.map(describe).join(", ")}.`,
    { code: "run-not-found", next: known.length === 0 ? ["pulumi up (or npm run up)"] : ["holdfast ls"] },
  );
}

/** The live runs; with none live and only one run ever, that one. */
function unnamed(known: readonly KnownRun[]): readonly KnownRun[] {
  const live = known.filter(mayLive);
  return live.length === 0 && known.length === 1 ? known : live;
}

function matching(text: string, known: readonly KnownRun[]): readonly KnownRun[] {
  const exact = known.filter((run) => runId(run.ref) === text);
  if (exact.length > 0) return exact;
  const named = known.filter((run) => run.ref.name === text || `${run.ref.stack}/${run.ref.name}` === text);
  const live = named.filter(mayLive);
  // Of several runs with one name, the one that still stands is meant.
  return live.length > 0 ? live : named;
}

function withoutName(live: readonly KnownRun[], known: readonly KnownRun[], command: string): UserError {
  if (known.length === 0) {
    return new UserError("This project's custody knows no run yet.", { code: "run-not-found", next: ["pulumi up (or npm run up)"] });
  }
  const choices = live.length > 0 ? live : known;
  const message =
    live.length > 0
      ? `${live.length} runs are live, say which: ${choices.map(describe).join(", ")}.`
      : `No run is live; name the one you mean: ${choices.map(describe).join(", ")}.`;
  return new UserError(message, {
    code: live.length > 0 ? "run-ambiguous" : "run-not-found",
    next: choices.map((run) => `holdfast ${command} ${runId(run.ref)}`),
  });
}

const describe = (run: KnownRun): string => `${runId(run.ref)} (${run.state})`;
