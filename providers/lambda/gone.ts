/**
 * Is it gone? The API has been seen to answer 404 once for what exists, so one 404 proves nothing: a second look and the
 * list must agree.
 */
import type { Connection } from "./connection";
import type { Instance } from "./api/types";

/** What was seen: the instance as it is, or how it is known to be gone (text for the ledger). */
export type InstanceLook = { readonly gone: null; readonly instance: Instance } | { readonly gone: string; readonly instance: null };

const secondLookAfterSeconds = 2;

export async function lookAtInstance({ client, time }: Connection, id: string): Promise<InstanceLook> {
  const first = await client.getInstance(id);
  if (first !== null) return seen(first);
  await time.sleep(secondLookAfterSeconds);
  const second = await client.getInstance(id);
  if (second !== null) return seen(second);
  const listed = (await client.listInstances()).find((instance) => instance.id === id);
  return listed === undefined ? { gone: "not found twice, and not in the list", instance: null } : seen(listed);
}

/** `terminated` ends billing and cannot be undone. `preempted` is lost as a machine, but nobody says its meter stopped. */
const seen = (instance: Instance): InstanceLook => (instance.status === "terminated" ? { gone: "status terminated", instance: null } : { gone: null, instance });

/** True when a list lacks the thing twice. Lambda has no single read for file systems and keys. */
export async function isUnlisted<T>(time: Connection["time"], list: () => Promise<readonly T[]>, isIt: (item: T) => boolean): Promise<boolean> {
  if ((await list()).some(isIt)) return false;
  await time.sleep(secondLookAfterSeconds);
  return !(await list()).some(isIt);
}
