/** Is the instance that state names still one that can carry the job? Looking only; what is lost is replaced on the next candidate. */
import type { Drift } from "../../kind";
import type { Instance } from "../api/types";
import type { Connection } from "../connection";
import { assertSameAccount } from "../connection";
import type { InstanceLook } from "../gone";
import { lookAtInstance } from "../gone";
import type { InstanceOutputs } from "./properties";

/** A look that counts "not found" only when this API key can see the run's other resources. Throws UserError otherwise. */
export async function lookAtOurs(connection: Connection, id: string, olds: InstanceOutputs): Promise<InstanceLook> {
  const look = await lookAtInstance(connection, id);
  if (look.gone !== null) {
    await assertSameAccount(connection, { endpoint: olds.endpoint, account: olds.account, sshKeyName: olds.sshKeyName, filesystemId: olds.filesystem.id }, `Instance ${olds.instanceName} (${id})`);
  }
  return look;
}

/** `preempted` is undocumented and taken as lost, machine and own disk; only its meter may still run. */
export const isBeyondHelp = ({ status }: Instance): boolean => status === "terminating" || status === "preempted";

/** One `unhealthy` may be a passing reading. */
const unhealthyAgainAfterSeconds = 10;

export async function lostSince(connection: Connection, id: string, olds: InstanceOutputs): Promise<Drift | null> {
  const look = await lookAtOurs(connection, id, olds);
  if (look.gone !== null) return lost(olds, `is gone (${look.gone})`);
  if (isBeyondHelp(look.instance)) return lost(olds, `is ${look.instance.status}`);
  if (look.instance.status !== "unhealthy") return null;
  await connection.time.sleep(unhealthyAgainAfterSeconds);
  const again = await lookAtOurs(connection, id, olds);
  if (again.gone === null && again.instance.status !== "unhealthy") return null;
  return lost(olds, "is unhealthy, stands and bills; replacing it needs a confirmation, restarting it in Lambda's console needs none");
}

const lost = (olds: InstanceOutputs, how: string): Drift => ({
  property: "status",
  why: `Instance ${olds.instanceName} (${olds.instanceId}) ${how}. In its place comes one on the first candidate with capacity in ${olds.filesystem.region}; the file system stays and the queue resumes.`,
});
