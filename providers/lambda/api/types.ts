/**
 * What this tool reads of Lambda's answers. Lenient on purpose: the vendor adds fields and statuses without changing the
 * version (live records already carry undeclared ones), so only what is used is read, nothing is rejected for being new,
 * and `jupyter_token`, `jupyter_url` and `private_key` are dropped here: the list of instances carries working logins.
 */
import { z } from "zod";
import type { components, paths } from "./contract";

const region = z.object({ name: z.string() });

const instanceType = z.object({
  name: z.string(),
  description: z.string().default(""),
  gpu_description: z.string().default(""),
  /** Integer cents per hour of the whole instance. */
  price_cents_per_hour: z.number(),
  /** Live since 2026-08, not in the contract. */
  architecture: z.string().optional(),
  specs: z.object({ vcpus: z.number(), memory_gib: z.number(), storage_gib: z.number(), gpus: z.number() }),
});

/** `booting | active | unhealthy | terminated | terminating | preempted`, and whatever comes next: unknown means still live. */
const status = z.string().default("unknown");

export const instanceSchema = z.object({
  id: z.string(),
  status,
  name: z.string().default(""),
  // Absent until the machine has one; some clients have seen null.
  ip: z.string().nullish(),
  hostname: z.string().nullish(),
  ssh_key_names: z.array(z.string()).default([]),
  file_system_names: z.array(z.string()).default([]),
  file_system_mounts: z.array(z.object({ mount_point: z.string(), file_system_id: z.string() })).nullish(),
  region,
  instance_type: instanceType,
  actions: z.object({ terminate: z.object({ available: z.boolean(), reason_code: z.string().optional() }).optional() }).optional(),
  tags: z.array(z.object({ key: z.string(), value: z.string() })).nullish(),
  firewall_rulesets: z.array(z.object({ id: z.string() })).nullish(),
  is_reserved: z.boolean().nullish(),
});

export const instanceTypesSchema = z.record(z.string(), z.object({ instance_type: instanceType, regions_with_capacity_available: z.array(region) }));

export const sshKeySchema = z.object({ id: z.string(), name: z.string(), public_key: z.string() });

export const filesystemSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** Read, never derived: it was `/home/ubuntu/<name>` once and is `/lambda/nfs/<name>` now. */
  mount_point: z.string(),
  region,
  is_in_use: z.boolean().default(false),
  /** Refreshed every few hours. */
  bytes_used: z.number().nullish(),
  created: z.string().optional(),
});

export const imageSchema = z.object({ id: z.string(), family: z.string(), name: z.string().default(""), version: z.string().default(""), architecture: z.string().default("x86_64"), region });

export const regionSchema = z.object({ name: z.string(), description: z.string().default("") });

export const firewallRulesetSchema = z.object({
  id: z.string(),
  name: z.string(),
  region,
  rules: z.array(z.object({ protocol: z.string(), port_range: z.array(z.number()).nullish(), source_network: z.string(), description: z.string().default("") })).default([]),
  instance_ids: z.array(z.string()).default([]),
});

export type Instance = z.output<typeof instanceSchema>;
export type InstanceType = z.output<typeof instanceType>;
/** A type and where it can be launched now. Capacity is advisory: a listed type may be refused. */
export interface OfferedType {
  readonly type: InstanceType;
  readonly regions: readonly string[];
}
export type SshKey = z.output<typeof sshKeySchema>;
export type Filesystem = z.output<typeof filesystemSchema>;
export type Image = z.output<typeof imageSchema>;
export type Region = z.output<typeof regionSchema>;
export type FirewallRuleset = z.output<typeof firewallRulesetSchema>;

type Schemas = components["schemas"];
type JsonBody<Operation> = Operation extends { requestBody: { content: { "application/json": infer Body } } } ? Body : never;

/** Requests are the contract's own: what is sent must be exact. */
export type LaunchRequest = JsonBody<paths["/api/v1/instance-operations/launch"]["post"]>;
export type CreateFilesystemRequest = JsonBody<paths["/api/v1/filesystems"]["post"]>;
export type AddSshKeyRequest = JsonBody<paths["/api/v1/ssh-keys"]["post"]>;
export type CreateFirewallRulesetRequest = JsonBody<paths["/api/v1/firewall-rulesets"]["post"]>;
export type FirewallRule = Schemas["FirewallRule"];

/** Fails to compile when the contract stops giving what is read above. */
type Accepts<Input, Contract extends Input> = Contract;
export type ContractIsReadable = [
  Accepts<z.input<typeof instanceSchema>, Schemas["Instance"]>,
  Accepts<z.input<typeof instanceTypesSchema>, Schemas["InstanceTypes"]>,
  Accepts<z.input<typeof sshKeySchema>, Schemas["SSHKey"]>,
  Accepts<z.input<typeof filesystemSchema>, Schemas["Filesystem"]>,
  Accepts<z.input<typeof imageSchema>, Schemas["Image"]>,
  Accepts<z.input<typeof regionSchema>, Schemas["Region"]>,
  Accepts<z.input<typeof firewallRulesetSchema>, Schemas["FirewallRuleset"]>,
];
