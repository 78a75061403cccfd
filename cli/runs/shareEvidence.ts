/** After something was signed: the copies of the evidence beside the artifacts are renewed, for whoever takes over from elsewhere. */
import type { RunCustody } from "../../custody";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Session } from "../terminal";

/** The evidence here is what counts: a copy that cannot be renewed is told and fails nothing. */
export async function shareEvidence(session: Session, run: RunCustody, opened?: Remote): Promise<void> {
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
