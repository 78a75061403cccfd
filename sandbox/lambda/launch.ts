// Judging a launch, in the vendor's order: names and ids in the request, then quota, then capacity (file systems are looked up
// before capacity, seen live). Returns what to build, or throws the ApiFault that Lambda would answer with.
import type { Knobs } from "../knobs.js";
import { grantsLaunch } from "./capacity.js";
import { defaultImage, findImage, type Image } from "./catalog/images.js";
import { findInstanceType, type InstanceTypeRow } from "./catalog/instanceTypes.js";
import { findRegion, type Region } from "./catalog/regions.js";
import * as errors from "./errors.js";
import { parseId, type LaunchBody } from "./requests.js";
import { holdsResources, type FileSystemRecord, type LambdaState, type SshKeyRecord } from "./state.js";

export interface LaunchPlan {
  readonly row: InstanceTypeRow;
  readonly region: Region;
  readonly key: SshKeyRecord;
  readonly image: Image;
  readonly fileSystems: readonly { readonly id: string; readonly name: string; readonly mountPoint: string }[];
  readonly rulesetIds: readonly string[];
}

export function judgeLaunch(body: LaunchBody, state: LambdaState, knobs: Knobs, capacitySinceSeconds: number): LaunchPlan {
  if (body.quantity !== undefined && body.quantity > 1) throw errors.invalidParameters("Requested too many instances.");
  const mounts = (body.file_system_mounts ?? []).map((mount, index) => ({
    id: parseId(mount.file_system_id, `request body at 'file_system_mounts.${index}.file_system_id'`),
    mountPoint: mount.mount_point,
  }));
  const rulesetIds = (body.firewall_rulesets ?? []).map(({ id }, index) => parseId(id, `request body at 'firewall_rulesets.${index}.id'`));

  const row = findInstanceType(body.instance_type_name);
  if (!row) throw errors.launchResourceNotFound(`Instance type '${body.instance_type_name}' does not exist`);
  const region = findRegion(body.region_name);
  if (!region) throw errors.launchResourceNotFound(`Region '${body.region_name}' does not exist`);
  const key = Object.values(state.sshKeys).find(({ name }) => name === body.ssh_key_names[0]);
  if (!key) throw errors.launchResourceNotFound(`SSH key with name '${body.ssh_key_names[0]}' does not exist`);
  const image = body.image ? findImage(body.image, region.name, row.architecture) : defaultImage(region.name, row.architecture);
  if (!image) throw errors.launchResourceNotFound(`Image ${JSON.stringify(body.image ?? "default")} does not exist in region '${region.name}'`);
  const fileSystems = attach(body.file_system_names ?? [], mounts, state, region);
  for (const id of rulesetIds) {
    if (state.rulesets[id]?.regionName !== region.name) throw errors.launchResourceNotFound(`Firewall ruleset '${id}' does not exist in region '${region.name}'`);
  }

  const running = Object.values(state.instances).filter(holdsResources).length;
  if (knobs.quota.instances !== null && running >= knobs.quota.instances) throw errors.quotaExceeded();
  if (!grantsLaunch(row, region.name, knobs, capacitySinceSeconds)) throw errors.insufficientCapacity();
  return { row, region, key, image, fileSystems, rulesetIds };
}

export function defaultMountPoint(fileSystem: { readonly name: string }): string {
  return `/lambda/nfs/${fileSystem.name}`;
}

/** Names mount at the default place; a file system that is also listed with a mount point goes there instead. */
function attach(names: readonly string[], mounts: readonly { id: string; mountPoint: string }[], state: LambdaState, region: Region): LaunchPlan["fileSystems"] {
  const attached = new Map<string, { id: string; name: string; mountPoint: string }>();
  for (const name of names) {
    const found = Object.values(state.fileSystems).find((one) => one.name === name && one.regionName === region.name);
    if (!found) throw errors.launchResourceNotFound(`Filesystem with name '${name}' does not exist in region '${region.name}'`);
    attached.set(found.id, entry(found, defaultMountPoint(found)));
  }
  for (const { id, mountPoint } of mounts) {
    const found = state.fileSystems[id];
    if (!found) throw errors.launchResourceNotFound(`Filesystem '${id}' does not exist`);
    if (found.regionName !== region.name) throw errors.fileSystemInWrongRegion(found.name, region.name);
    attached.set(id, entry(found, mountPoint));
  }
  const places = [...attached.values()].map(({ mountPoint }) => mountPoint.replace(/\/+/g, "/").replace(/\/$/, ""));
  if (new Set(places).size < places.length) throw errors.invalidParameters("Error in request body at 'file_system_mounts': two filesystems share one mount point");
  return [...attached.values()];
}

function entry({ id, name }: FileSystemRecord, mountPoint: string): LaunchPlan["fileSystems"][number] {
  return { id, name, mountPoint };
}
