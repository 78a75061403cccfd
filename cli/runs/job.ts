/** The machine that a run's job lives on, for a command that does something there. */
import type { RunCustody } from "../../custody";
import { assertNotAdopted } from "../../custody/adopted";
import { runId } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Session } from "../terminal";

/** Calls `act` with the connection and what can be ordered; closes the connection whatever happens. Throws UserError `no-machine`. */
export async function withMachine(session: Session, run: RunCustody, act: (remote: Remote, orders: typeof import("../../providers/job/orders.js")) => Promise<void>): Promise<void> {
  assertNotAdopted(run, "an order to its queue, and there is none");
  const { remoteForRun } = await import("../../providers/ssh/forRun.js");
  const remote = remoteForRun(run, { clock: session.clock });
  if (remote === null) throw new UserError(`No machine of ${runId(run.ref)} is known to stand.`, { code: "no-machine", next: ["holdfast ls", "pulumi up (brings the run back)"] });
  try {
    await act(remote, await import("../../providers/job/orders.js"));
  } finally {
    await remote.close();
  }
}
