/** What stands at Lambda: a run by the names under which everything of it was made, when nothing else remembers it; or every machine. */
import type { EndpointRef, RunRef } from "../../custody/formats";
import type { PlanStorage } from "../../profiles/plan";
import { isNamedFor } from "../naming";
import type { FoundMachine, FoundResource, FoundRun } from "../platformContract";
import { storageMonthlyUsd, usdPerGibMonth } from "./api/prices";
import type { Filesystem, Instance, SshKey } from "./api/types";
import type { Connection } from "./connection";
import { accountOf } from "./connection";
import { launchTag, tagOf } from "./instance/launchTag";

/** Three requests. An instance on its way out cannot be read any more and is not found. */
export async function findRun({ client, endpoint }: Connection, ref: EndpointRef, run: RunRef, storage: Pick<PlanStorage, "mode" | "name">): Promise<FoundRun> {
  const instances = (await client.listInstances()).filter((instance) => !gone.has(instance.status) && isNamedFor(run, launchNameOf(instance)));
  const filesystems = (await client.listFilesystems()).filter((filesystem) => instances.some((instance) => mounts(instance, filesystem)) || isItsStorage(filesystem, run, storage));
  const keys = (await client.listSshKeys()).filter((key) => isNamedFor(run, key.name));
  const made = accountOf(endpoint, ref);
  const reachable = instances.find((instance) => instance.status === "active" && typeof instance.ip === "string");
  return {
    resources: [
      ...keys.map((key) => keyResource(key, made)),
      ...filesystems.map((filesystem) => filesystemResource(filesystem, storage, made)),
      ...instances.map((instance) => instanceResource(instance, filesystems, made)),
    ],
    machine: reachable === undefined ? null : { instance: reachable.id, host: reachable.ip ?? "", port: endpoint.sshPort, user: "ubuntu" },
    mounts: filesystems.filter((filesystem) => reachable !== undefined && mounts(reachable, filesystem)).map(({ id, mount_point: mountPoint }) => ({ filesystemId: id, mountPoint })),
  };
}

/** One request. */
export async function listMachines({ client, endpoint }: Connection, ref: EndpointRef): Promise<FoundMachine[]> {
  const instances = (await client.listInstances()).filter(({ status }) => !gone.has(status));
  return instances.map((instance) => ({
    id: instance.id, name: instance.name, status: instance.status, launchName: tagOf(instance, launchTag),
    address: typeof instance.ip === "string" ? { host: instance.ip, port: endpoint.sshPort, user: "ubuntu" } : null,
    hourlyUsd: instance.instance_type.price_cents_per_hour / 100,
    details: { type: instance.instance_type.name, region: instance.region.name, ...accountOf(endpoint, ref) },
  }));
}

const gone: ReadonlySet<string> = new Set(["terminated", "terminating", "preempted"]);

const launchNameOf = (instance: Instance): string => tagOf(instance, launchTag) ?? instance.name;

const mounts = (instance: Instance, filesystem: Filesystem): boolean =>
  instance.file_system_mounts?.some((mount) => mount.file_system_id === filesystem.id) ?? instance.file_system_names.includes(filesystem.name);

/** Created storage has the configured name with 8 hex digits behind it (intents.ts, uniqueName). */
function isItsStorage(filesystem: Filesystem, run: RunRef, { mode, name }: Pick<PlanStorage, "mode" | "name">): boolean {
  switch (mode) {
    case "create":
      return isNamedFor(run, filesystem.name) || (filesystem.name.startsWith(`${name}-`) && /^[0-9a-f]{8}$/.test(filesystem.name.slice(name.length + 1)));
    case "existing":
      return filesystem.name === name;
    case "adopt":
      return filesystem.id === name;
    default:
      return mode satisfies never;
  }
}

type Made = ReturnType<typeof accountOf>;

const keyResource = (key: SshKey, made: Made): FoundResource => ({ role: "sshKey", kind: "LambdaSshKey", id: key.id, name: key.name, details: { ...made } });

function filesystemResource(filesystem: Filesystem, storage: Pick<PlanStorage, "mode">, made: Made): FoundResource {
  const monthlyUsd = storageMonthlyUsd(filesystem.bytes_used ?? null);
  return {
    role: "filesystem", kind: "LambdaFilesystem", id: filesystem.id, name: filesystem.name, ...(monthlyUsd === null ? {} : { monthlyUsd }),
    details: { region: filesystem.region.name, mountPoint: filesystem.mount_point, owned: storage.mode === "create", usdPerGibMonth, ...made },
  };
}

const instanceResource = (instance: Instance, filesystems: readonly Filesystem[], made: Made): FoundResource => ({
  role: "instance", kind: "LambdaInstance", id: instance.id, name: launchNameOf(instance), hourlyUsd: instance.instance_type.price_cents_per_hour / 100,
  details: { type: instance.instance_type.name, region: instance.region.name, sshKeyName: instance.ssh_key_names[0], filesystemId: filesystems.find((filesystem) => mounts(instance, filesystem))?.id, ...made },
});
