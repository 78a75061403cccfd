/** After something was signed: the copies of the evidence beside the artifacts are renewed, for whoever takes over from elsewhere. */
import { statSync } from "node:fs";
import type { Custody, RunCustody } from "../../custody";
import { runId } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Session } from "../terminal";

/** Ledgers whose last line is beside the artifacts, or could not be brought there and was told: once per command is enough. */
const settled = new Map<string, string | undefined>();

const headOf = (run: RunCustody): string | undefined => run.entries().at(-1)?.hash;

/**
 * Sees to it that what a command recorded of any run is beside its artifacts when the command has ended, however it ended: a pull
 * that found a damaged file says so there too.
 */
export function keepCopies(session: Session, custody: Custody): void {
  const sizes = new Map(custody.runs().map((ref) => [runId(ref), sizeOf(custody.run(ref))]));
  session.atEnd(async () => {
    for (const ref of custody.runs()) {
      const run = custody.run(ref);
      if (sizes.get(runId(ref)) === sizeOf(run) || settled.get(run.paths.ledger) === headOf(run)) continue;
      await shareEvidence(session, run);
    }
  });
}

const sizeOf = (run: RunCustody): number => statSync(run.paths.ledger, { throwIfNoEntry: false })?.size ?? 0;

/** The evidence here is what counts: a copy that cannot be renewed is told and fails nothing. */
export async function shareEvidence(session: Session, run: RunCustody, opened?: Remote): Promise<void> {
  settled.set(run.paths.ledger, headOf(run));
  const { jobPlace } = await import("../../providers/job/layout.js");
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const place = jobPlace(run.view());
  const remote = opened ?? remoteForRun(run, { clock: session.clock, attempts: 1 });
  if (place === null || remote === null) return;
  try {
    await run.copyTo(remote, `${place.directory}/custody`);
  } catch (error) {
    if (!(error instanceof RemoteUnreachable || error instanceof UserError)) throw error;
    session.note(session.notePaint("warn", `The copies of the evidence on the durable tier were not renewed: ${error.message}`));
  } finally {
    if (opened === undefined) await remote.close();
  }
}
