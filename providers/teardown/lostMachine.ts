/** A machine that does not answer may be gone: then nobody waits for it, and its storage is read some other way. */
import type { RunCustody } from "../../custody";
import { UserError } from "../../custody/userError";
import type { ReaderEdges } from "../platformContract";
import { platformSource } from "../platformSource";

/**
 * Asks the vendor, and writes the loss into the ledger when it is certain. False when the machine stands, or nobody can tell:
 * an API that does not answer proves nothing.
 */
export async function noticeLostMachine(run: RunCustody, edges: ReaderEdges): Promise<boolean> {
  const view = run.view();
  const instance = view.resources.get("instance");
  if (instance === undefined) return false;
  try {
    const how = await (await platformSource(view.endpoint.platform)).goneMachine(run, edges);
    if (how === null) return false;
    run.append("resource.lost", { role: instance.role, id: instance.id, why: how });
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}
