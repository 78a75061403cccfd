/** What the generic parts (audit, teardown) ask of Lambda: what bills, what became of launches, whether storage is empty. */
import { systemClock } from "../../custody/clock";
import type { EndpointRef, RunRef } from "../../custody/formats";
import type { RunCustody } from "../../custody/store";
import { UserError } from "../../custody/userError";
import type { CapacityAsked, CapacityNow, FoundMachine, FoundRun, ReaderEdges } from "../platformContract";
import type { Billable } from "./billables";
import { listBillables as listBillablesAt } from "./billables";
import { chooseCapacity } from "./capacity";
import type { Connection } from "./connection";
import { assertSameAccount, connectLambda, madeIn } from "./connection";
import { isEmpty } from "./filesystem/empty";
import type { PlanStorage } from "../../profiles/plan";
import { findRun as findRunAt, listMachines as listMachinesAt } from "./findRun";
import { lookAtInstance } from "./gone";
import type { Unconfirmed } from "./settleIntents";
import { settleIntents as settleIntentsAt } from "./settleIntents";

export { removePrivateKeys } from "./privateKeys";
export { attachReader, detachReader, readerOffers } from "./reader";

const connect = (endpoint: EndpointRef, projectRoot: string): Promise<Connection> => connectLambda(endpoint, { projectRoot, clock: systemClock, say: () => undefined });

/** Everything in the account that bills now. Two requests. Throws UserError when there is no usable key. */
export async function listBillables(endpoint: EndpointRef, projectRoot: string): Promise<Billable[]> {
  return listBillablesAt(await connect(endpoint, projectRoot));
}

/** One request; see capacity.ts. */
export async function capacityNow(endpoint: EndpointRef, projectRoot: string, { resources, ...asked }: CapacityAsked): Promise<CapacityNow> {
  const { client } = await connect(endpoint, projectRoot);
  return chooseCapacity(await client.listInstanceTypes(), { ...asked, requirement: resources });
}

/** What stands of a run, by its names; see findRun.ts. */
export async function findRun(endpoint: EndpointRef, projectRoot: string, run: RunRef, storage: Pick<PlanStorage, "mode" | "name">): Promise<FoundRun> {
  return findRunAt(await connect(endpoint, projectRoot), endpoint, run, storage);
}

/** One request. */
export async function listMachines(endpoint: EndpointRef, projectRoot: string): Promise<FoundMachine[]> {
  return listMachinesAt(await connect(endpoint, projectRoot), endpoint);
}

/** Of an instance that the ledger calls live. Throws UserError when the API cannot be asked, or the key is another account's. */
export async function goneMachine(run: RunCustody, id: string, edges: ReaderEdges): Promise<string | null> {
  const view = run.view();
  const instance = view.live.find((resource) => resource.id === id);
  if (instance === undefined) return null;
  const connection = await connectLambda(view.endpoint, edges);
  const look = await lookAtInstance(connection, instance.id);
  if (look.gone === null) return null;
  await assertSameAccount(connection, madeIn(view, instance.details ?? {}), `Instance ${instance.name} (${instance.id})`);
  return look.gone;
}

/** Closes intents that made nothing and returns those that did; see settleIntents.ts. */
export async function settleIntents(run: RunCustody, endpoint: EndpointRef, projectRoot: string): Promise<Unconfirmed[]> {
  return settleIntentsAt(run, await connect(endpoint, projectRoot));
}

/**
 * Whether a file system holds nothing. `no`: bytes are counted on it. `yes`: nothing uses it, and 0 bytes or none are
 * counted. `unknown`: it is in use, not found, or the API cannot be reached or asked (no usable key).
 *
 * The vendor refreshes its count every few hours: a `yes` counts for file systems that this run made itself and never
 * started a job on, and for no others.
 */
export async function storageIsEmpty(endpoint: EndpointRef, projectRoot: string, filesystemId: string): Promise<"yes" | "no" | "unknown"> {
  try {
    return await isEmpty(await connect(endpoint, projectRoot), filesystemId);
  } catch (error) {
    if (error instanceof UserError) return "unknown";
    throw error;
  }
}
