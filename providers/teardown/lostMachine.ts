/** A machine that does not answer may be gone: then nobody waits for it, and its storage is read some other way. */
import type { LiveResource, RunCustody } from "../../custody";
import { UserError } from "../../custody/userError";
import type { ReaderEdges } from "../platformContract";
import { platformSource } from "../platformSource";

/**
 * Asks the vendor, and writes the loss into the ledger when it is certain. False when the machine stands, or nobody can tell:
 * an API that does not answer proves nothing. Default: the newest instance of the run.
 */
export async function noticeLostMachine(run: RunCustody, edges: ReaderEdges, machine: LiveResource | undefined = run.view().resources.get("instance")): Promise<boolean> {
  if (machine === undefined) return false;
  try {
    const how = await (await platformSource(run.view().endpoint.platform)).goneMachine(run, machine.id, edges);
    if (how === null) return false;
    run.append("resource.lost", { role: machine.role, id: machine.id, why: how });
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}
