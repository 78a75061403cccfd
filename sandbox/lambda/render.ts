// Records as the API shows them. A field without a value is absent, never null.
import type { Knobs } from "../knobs.js";
import { findInstanceType, type InstanceType } from "./catalog/instanceTypes.js";
import { findRegion, type Region } from "./catalog/regions.js";
import { defaultMountPoint } from "./launch.js";
import { holdsResources, type FileSystemRecord, type InstanceRecord, type LambdaState, type RulesetRecord, type SshKeyRecord } from "./state.js";

interface ActionAvailability {
  readonly available: boolean;
  readonly reason_code?: string;
  readonly reason_description?: string;
}

export function renderInstance(instance: InstanceRecord, nowMs: number, knobs: Knobs): object {
  const row = findInstanceType(instance.typeName);
  if (!row) throw new Error(`instance ${instance.id} has the unknown type ${instance.typeName}`);
  const reachable = nowMs >= instance.due.ip;
  const hostname = instance.hostname ?? (reachable ? instance.address : undefined);
  return {
    id: instance.id,
    ...(instance.name === undefined ? {} : { name: instance.name }),
    ...(reachable ? { ip: instance.address, private_ip: instance.privateAddress } : {}),
    status: instance.status === "booting" && knobs.unknownStatus !== null ? knobs.unknownStatus : instance.status,
    ssh_key_names: [instance.sshKeyName],
    file_system_names: instance.fileSystems.map(({ name }) => name),
    ...(instance.fileSystems.length === 0
      ? {}
      : { file_system_mounts: instance.fileSystems.map(({ id, mountPoint }) => ({ mount_point: mountPoint, file_system_id: id })) }),
    region: regionOf(instance.regionName),
    instance_type: renderInstanceType(row.type, row.architecture, knobs),
    ...(hostname === undefined ? {} : { hostname }),
    ...(instance.status === "active" ? jupyter(instance) : {}),
    actions: actionsOf(instance, nowMs),
    ...(instance.tags === undefined ? {} : { tags: instance.tags }),
    ...(instance.rulesetIds.length === 0 ? {} : { firewall_rulesets: instance.rulesetIds.map((id) => ({ id })) }),
    ...(knobs.extraFields ? liveExtras(instance) : {}),
  };
}

export function renderInstanceType(type: InstanceType, architecture: string, knobs: Knobs): object {
  return knobs.extraFields ? { ...type, architecture } : type;
}

export function renderFileSystem(fileSystem: FileSystemRecord, state: LambdaState): object {
  return {
    id: fileSystem.id,
    name: fileSystem.name,
    mount_point: defaultMountPoint(fileSystem),
    created: fileSystem.created,
    created_by: { id: state.accountUserId, email: "user@example.com", status: "active" },
    is_in_use: mountedBy(fileSystem.id, state).length > 0,
    region: regionOf(fileSystem.regionName),
    bytes_used: fileSystem.bytesUsed ?? 0,
  };
}

export function renderSshKey({ id, name, publicKey }: SshKeyRecord): object {
  return { id, name, public_key: publicKey };
}

export function renderRuleset(ruleset: RulesetRecord, state: LambdaState): object {
  const { id, name, rules, created } = ruleset;
  return { id, name, region: regionOf(ruleset.regionName), rules, created, instance_ids: instancesUsing(id, state).map((one) => one.id) };
}

/** Instances that keep a file system in use, terminating ones among them. */
export function mountedBy(fileSystemId: string, state: LambdaState): InstanceRecord[] {
  return Object.values(state.instances).filter((one) => holdsResources(one) && one.fileSystems.some(({ id }) => id === fileSystemId));
}

export function instancesUsing(rulesetId: string, state: LambdaState): InstanceRecord[] {
  return Object.values(state.instances).filter((one) => holdsResources(one) && one.rulesetIds.includes(rulesetId));
}

export function regionOf(name: string): Region {
  return findRegion(name) ?? { name, description: name };
}

function actionsOf(instance: InstanceRecord, nowMs: number): Record<string, ActionAvailability> {
  const available: ActionAvailability = { available: true };
  const all = (action: ActionAvailability, terminate = action): Record<string, ActionAvailability> => ({
    ...{ migrate: action, rebuild: action, restart: action, cold_reboot: action, terminate },
  });
  switch (instance.status) {
    case "booting": {
      const notLaunched = blocked("vm-has-not-launched", "This instance has not finished launching.");
      return all(notLaunched, nowMs >= instance.due.terminable ? available : notLaunched);
    }
    case "active":
    case "unhealthy":
      return instance.restartDueMs === null ? all(available) : all(blocked("vm-action-in-progress", "Another action is in progress."), available);
    case "terminating":
    case "terminated":
    case "preempted":
      return all(blocked("vm-is-terminating", "This instance is being terminated."));
    default: {
      const unknown: never = instance.status;
      throw new Error(`unknown instance status ${String(unknown)}`);
    }
  }
}

function blocked(reason_code: string, reason_description: string): ActionAvailability {
  return { available: false, reason_code, reason_description };
}

function jupyter({ id, jupyterToken }: InstanceRecord): object {
  return { jupyter_token: jupyterToken, jupyter_url: `https://jupyter-${id}.lambdaspaces.example/?token=${jupyterToken}` };
}

/** Seen in live records beyond the contract document, plus one field that nobody has seen yet. */
function liveExtras(instance: InstanceRecord): object {
  return {
    image: { id: instance.imageId },
    first_healthy: instance.firstHealthy,
    is_reserved: false,
    workspace_id: "00000000000040008000000000000001",
    sandbox_unknown_field: { nested: true },
  };
}
