/** A run is brought back as it was declared last, or not at all: a checkout that nobody looks at may be older than the run, or ahead of it. */
import type { RunCustody } from "../custody";
import { runId } from "../custody/formats";
import { UserError } from "../custody/userError";
import type { Plan, PlanCell } from "../profiles/plan";

/** Environment variable for programs: the id of the run that is brought back. Its update changes nothing else. */
export const BRINGS_BACK = "HOLDFAST_BRINGS_BACK";

/**
 * Throws UserError `not-as-declared` when this update only brings the run back (BRINGS_BACK) and would edit it: cells that others
 * added would be taken out, and those that have not begun would get this checkout's configuration and code.
 */
export function assertAsDeclared(run: RunCustody, plan: Plan, env: NodeJS.ProcessEnv): void {
  if (env[BRINGS_BACK] !== runId(run.ref)) return;
  const declared = run.entries().length === 0 ? null : (run.view().plan as Plan | null);
  const differences = declared === null ? [] : differencesBetween(declared, plan);
  if (differences.length === 0) return;
  throw new UserError(`This checkout is not what ${runId(run.ref)} was declared from last, so it does not bring it back. Nothing was changed.\n${differences.map((line) => `  - ${line}`).join("\n")}`, {
    code: "not-as-declared",
    next: ["git pull (or check out what the last pulumi up was typed in)", "pulumi up (a person decides: it applies this checkout)"],
  });
}

/** One line each; capacity, budget and what else nothing is lost by may differ. Pure. */
export function differencesBetween(declared: Plan, now: Plan): string[] {
  const [before, after] = [byName(declared.cells), byName(now.cells)];
  const changed = (key: "configSha256" | "inputsSha256" | "codeSha256"): string[] =>
    [...after].filter(([name, cell]) => (before.get(name) ?? cell)[key] !== cell[key]).map(([name]) => name);
  return [
    ...named("would take out", [...before.keys()].filter((name) => !after.has(name))),
    ...named("would add", [...after.keys()].filter((name) => !before.has(name))),
    ...named("would change the configuration of", changed("configSha256")),
    ...named("would change the inputs of", changed("inputsSha256")),
    ...named("has other code or setup for", changed("codeSha256")),
    ...(endOf(declared) === endOf(now) ? [] : ["has another teardown or storage"]),
  ];
}

const endOf = ({ teardown, storage }: Plan): string => JSON.stringify([teardown.verb, teardown.storage, teardown.require, storage.mode, storage.name, storage.region]);

const byName = (cells: readonly PlanCell[]): Map<string, PlanCell> => new Map(cells.map((cell) => [cell.name, cell]));

const named = (what: string, cells: readonly string[]): string[] =>
  cells.length === 0 ? [] : [`${what} ${cells.slice(0, 5).join(", ")}${cells.length > 5 ? ` and ${cells.length - 5} more` : ""}`];
