/**
 * As which component of the program a run is declared. Moved under another parent without an alias it would be taken over under
 * its new name, and the old name, which the program dropped, would then be asked to end it.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runId, writeFileDurably, type RunCustody } from "../../custody";
import { UserError } from "../../custody/userError";

const pathOf = (run: RunCustody): string => join(run.dir, "component");

/** `urn`: null in state of before this was asked. Throws UserError when the run stands as another component; nothing was made then. */
export function assertNotMoved(run: RunCustody, urn: string | null): void {
  const path = pathOf(run);
  const known = existsSync(path) ? readFileSync(path, "utf8").trim() : null;
  if (known === null || urn === null || known === urn) return;
  throw new UserError(`Run ${runId(run.ref)} stands as ${known}, and the program now declares it as ${urn}: it has another parent, or is declared twice. Nothing was created.`, {
    code: "run-moved",
    next: [
      "put it back where it was in the program",
      `or keep the new place, and say so: new TrainingRun(..., { aliases: [${JSON.stringify(known)}] })`,
      `or, when nothing in the stack's state has that name any more: rm ${path}`,
    ],
  });
}

export function rememberComponent(run: RunCustody, urn: string | null): void {
  if (urn !== null) writeFileDurably(pathOf(run), `${urn}\n`);
}

/** The run has ended: the next one may be declared anywhere. */
export const forgetComponent = (run: RunCustody): void => { rmSync(pathOf(run), { force: true }); };
