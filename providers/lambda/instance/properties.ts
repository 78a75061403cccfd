/** Inputs and outputs of an instance, and the rules its inputs obey. */
import type { EndpointRef } from "../../../custody/formats";
import type { Binding, CheckFailure } from "../../kind";
import type { Candidate, Requirement, TypeSpecs } from "../capacity";
import { specsOf } from "../capacity";
import type { WaitBounds } from "../capacityWait";
import type { Connection } from "../connection";
import { accountMark } from "../connection";
import type { Instance } from "../api/types";
import { launchTag } from "./launchTag";

/** What a launch needs; see InstanceInputs. */
export type LaunchInputs = {
  readonly binding: Binding;
  readonly endpoint: EndpointRef;
  /** `rescue`: it only reads storage, and carries no job. */
  readonly role: "instance" | "rescue";
  readonly sshKeyName: string;
  /** Mounted at launch, which is the only moment when that is possible. */
  readonly filesystem: { readonly id: string; readonly name: string; readonly region: string; readonly mountPoint: string };
  /** In order of preference; empty: whatever meets `requirement`, cheapest first. */
  readonly candidates: readonly Candidate[];
  readonly requirement: Requirement;
  /** Attempts are launch calls. The price limit counts at launch and not afterwards. */
  readonly capacity: WaitBounds & { readonly maxAttempts: number; readonly maxHourlyUsd: number | null };
  readonly image: { readonly family: string } | { readonly id: string };
  /** The name at Lambda is this, a dash and 8 hex digits. */
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly firewallRulesetIds: readonly string[];
  /** cloud-init text for the first boot. It is kept in state: put no secret in it. */
  readonly userData?: string | null;
  readonly verb: string;
  readonly tier: string;
  readonly tiersLost: readonly string[];
  /** OpenSSH public keys to install at boot besides the run's own. */
  readonly authorizedKeys: readonly string[];
};

/** A file system that waits for a region with capacity does not exist yet, and nothing can be launched beside it. */
export type InstanceInputs = Omit<LaunchInputs, "filesystem"> & {
  readonly filesystem: LaunchInputs["filesystem"] | { readonly id: null; readonly name: null; readonly region: null; readonly mountPoint: null };
};

/** Whether there is something to launch beside. */
export const canLaunch = (inputs: InstanceInputs): inputs is LaunchInputs => inputs.filesystem.id !== null;

/** What is not known before the launch. */
export const unlaunched = { instanceId: null, instanceName: null, instanceType: null, instanceRegion: null, hourlyUsd: null, ip: null, sshPort: null, user: null } as const;

export type InstanceOutputs = LaunchInputs & {
  readonly instanceId: string;
  /** Name at Lambda now. */
  readonly instanceName: string;
  /** The unique name it was launched under, also its tag: never changes. */
  readonly launchName: string;
  readonly instanceType: string;
  readonly instanceRegion: string;
  readonly specs: TypeSpecs;
  readonly hourlyUsd: number;
  /** Vendor's status when last seen. */
  readonly status: string;
  /** null until the vendor has given it an address. */
  readonly ip: string | null;
  readonly sshPort: number;
  readonly user: "ubuntu";
  /** ISO 8601, when the launch call returned; the API does not tell. */
  readonly launchedAt: string;
  readonly account: string;
  /** True when it is gone without having been deleted here. */
  readonly missing: boolean;
};

/** What the launch itself tells, before the instance was ever seen. */
export interface Launched {
  readonly id: string;
  readonly launchName: string;
  readonly launchedAt: string;
  readonly type: string;
  readonly region: string;
  readonly specs: TypeSpecs;
  readonly hourlyUsd: number;
}

export function launchedOf(instance: Instance, launchName: string, launchedAt: string): Launched {
  return {
    id: instance.id,
    launchName,
    launchedAt,
    type: instance.instance_type.name,
    region: instance.region.name,
    specs: specsOf({ type: instance.instance_type, regions: [] }),
    hourlyUsd: instance.instance_type.price_cents_per_hour / 100,
  };
}

/** Complete outputs at any moment after the launch: `seen` is null while the instance was never looked at. */
export function outputsOf(inputs: LaunchInputs, launched: Launched, seen: Instance | null, { endpoint }: Connection): InstanceOutputs {
  return {
    ...inputs,
    instanceId: launched.id,
    instanceName: seen === null || seen.name === "" ? launched.launchName : seen.name,
    launchName: launched.launchName,
    instanceType: launched.type,
    instanceRegion: launched.region,
    specs: launched.specs,
    hourlyUsd: seen === null ? launched.hourlyUsd : seen.instance_type.price_cents_per_hour / 100,
    status: seen?.status ?? "booting",
    ip: seen?.ip ?? null,
    sshPort: endpoint.sshPort,
    user: "ubuntu",
    launchedAt: launched.launchedAt,
    account: accountMark(endpoint),
    missing: false,
  };
}

export function checkInstance(inputs: InstanceInputs): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const fail = (property: string, reason: string): void => void failures.push({ property, reason });
  if (!/^.{1,55}$/.test(inputs.name)) fail("name", `"${inputs.name}" has ${inputs.name.length} characters; 1 to 55 are allowed (Lambda allows 64; 9 are added to make it unique)`);
  for (const [key, value] of Object.entries(inputs.tags)) {
    // One bad tag makes the vendor refuse the whole launch.
    if (!/^[a-z][a-z0-9:-]{1,54}$/.test(key)) fail(`tags.${key}`, `"${key}" is not 2 to 55 lower-case letters, digits, dashes or colons that begin with a letter`);
    if (key.startsWith("lambda-ai-") || key === launchTag) fail(`tags.${key}`, "this tag is reserved");
    if (value.length > 128) fail(`tags.${key}`, `its value has ${value.length} characters; at most 128 are allowed`);
  }
  const { maxAttempts, maxWaitSeconds, maxLockSeconds, maxHourlyUsd } = inputs.capacity;
  if (!(maxAttempts >= 1)) fail("capacity.maxAttempts", `${maxAttempts}; at least 1 is needed to launch anything`);
  if (!(maxWaitSeconds >= 0)) fail("capacity.maxWaitSeconds", `${maxWaitSeconds}; 0 or more seconds are allowed`);
  if (!(maxLockSeconds >= 0)) fail("capacity.maxLockSeconds", `${maxLockSeconds}; 0 or more seconds are allowed`);
  if (maxHourlyUsd !== null && !(maxHourlyUsd > 0)) fail("capacity.maxHourlyUsd", `${maxHourlyUsd}; more than 0, or null for no limit`);
  if (typeof inputs.userData === "string" && inputs.userData !== "") {
    if (inputs.authorizedKeys.length > 0) fail("authorizedKeys", "cannot be combined with userData: list the keys there, under ssh_authorized_keys");
    if (Buffer.byteLength(inputs.userData) > 1_000_000) fail("userData", "is larger than Lambda's limit of 1 MB");
  }
  for (const [index, key] of inputs.authorizedKeys.entries()) {
    if (!/^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( [^\r\n]*)?$/.test(key)) fail(`authorizedKeys[${index}]`, "is not one line of an OpenSSH public key");
  }
  return failures;
}
