/** Everything in the account that bills now, with the command that ends it. The billing audit compares it with the ledger. */
import type { Billable as AnyBillable } from "../platformContract";
import type { LambdaClient } from "./api/client";
import type { Endpoint } from "./endpoint";
import { custodyTag, launchTag, tagOf } from "./instance/launchTag";
import { storageMonthlyUsd } from "./api/prices";
import type { Filesystem, Instance } from "./api/types";

/** `monthlyUsd` is from the size that the vendor last counted, hours ago; null when it has not yet. */
export interface Billable extends AnyBillable {
  readonly kind: "instance" | "filesystem";
  readonly region: string;
  /** Vendor's status; a file system has none. */
  readonly status: string | null;
}

/** Instances in any state but `terminated` bill as far as anybody can prove; file systems bill as long as they exist. */
export async function listBillables({ client, endpoint }: { readonly client: LambdaClient; readonly endpoint: Endpoint }): Promise<Billable[]> {
  const instances = await client.listInstances();
  const filesystems = await client.listFilesystems();
  return [
    ...instances.filter((instance) => instance.status !== "terminated").map((instance) => billableInstance(instance, endpoint)),
    ...filesystems.map((filesystem) => billableFilesystem(filesystem, instances, endpoint)),
  ];
}

const billableInstance = (instance: Instance, endpoint: Endpoint): Billable => ({
  kind: "instance",
  id: instance.id,
  name: instance.name,
  region: instance.region.name,
  status: instance.status,
  hourlyUsd: instance.instance_type.price_cents_per_hour / 100,
  monthlyUsd: null,
  launchName: tagOf(instance, launchTag),
  custody: tagOf(instance, custodyTag),
  remove: terminateCommand(endpoint, instance.id),
});

/** A file system has no tags: it is its users', where they are all of one custody. */
function custodyOf(filesystem: Filesystem, instances: readonly Instance[]): string | null {
  const users = instances.filter(({ status, file_system_mounts: mounts }) => status !== "terminated" && mounts?.some((mount) => mount.file_system_id === filesystem.id) === true);
  const [only, ...others] = new Set(users.map((instance) => tagOf(instance, custodyTag)));
  return others.length === 0 ? (only ?? null) : null;
}

const billableFilesystem = (filesystem: Filesystem, instances: readonly Instance[], endpoint: Endpoint): Billable => ({
  kind: "filesystem",
  id: filesystem.id,
  name: filesystem.name,
  region: filesystem.region.name,
  status: null,
  hourlyUsd: null,
  monthlyUsd: storageMonthlyUsd(filesystem.bytes_used ?? null),
  launchName: null,
  custody: custodyOf(filesystem, instances),
  remove: deleteFilesystemCommand(endpoint, filesystem.id),
});

export const terminateCommand = (endpoint: Endpoint, id: string): string =>
  curl(endpoint, `-X POST -H 'content-type: application/json' -d '{"instance_ids":["${id}"]}' ${endpoint.baseUrl}/instance-operations/terminate`);

export const deleteFilesystemCommand = (endpoint: Endpoint, id: string): string => curl(endpoint, `-X DELETE ${endpoint.baseUrl}/filesystems/${id}`);

/** The key goes through curl's standard input: in its arguments every user of the machine could read it. */
const curl = (endpoint: Endpoint, rest: string): string => `printf 'user = "%s:"' "${endpoint.apiKeyInShell}" | curl -fsS -K - ${rest}`;
