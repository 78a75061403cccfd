// What the Lambda side remembers. Times are vendor milliseconds unless they are ISO strings, which are real.
import { randomBytes } from "node:crypto";
import type { FirewallRule } from "./requests.js";

export interface LambdaState {
  instances: Record<string, InstanceRecord>;
  fileSystems: Record<string, FileSystemRecord>;
  sshKeys: Record<string, SshKeyRecord>;
  rulesets: Record<string, RulesetRecord>;
  globalRules: FirewallRule[];
  auditEvents: AuditEvent[];
  accountUserId: string;
}

export type InstanceStatus = "booting" | "active" | "unhealthy" | "terminating" | "terminated" | "preempted";

export interface InstanceRecord {
  readonly id: string;
  name?: string;
  readonly hostname?: string;
  readonly typeName: string;
  readonly regionName: string;
  readonly imageId: string;
  readonly sshKeyId: string;
  readonly sshKeyName: string;
  readonly fileSystems: readonly { readonly id: string; readonly name: string; readonly mountPoint: string }[];
  readonly tags?: readonly { readonly key: string; readonly value: string }[];
  readonly rulesetIds: readonly string[];
  readonly address: string;
  readonly privateAddress: string;
  readonly jupyterToken: string;
  status: InstanceStatus;
  /** Its machine was switched on; when it does not live any more it has ended by itself. */
  booted: boolean;
  /** Set while it boots again; until then it keeps its status. */
  restartDueMs: number | null;
  /** Real time of the first passed health check. */
  firstHealthy: string | null;
  readonly becomesUnhealthyAtBoot: boolean;
  readonly due: InstanceDeadlines;
}

export interface InstanceDeadlines {
  readonly terminable: number;
  readonly listed: number;
  readonly ip: number;
  readonly power: number;
  readonly active: number;
  /** Seconds after `active`; turned into deadlines when it becomes active. */
  readonly unhealthyAfterSeconds: number | null;
  readonly preemptAfterSeconds: number | null;
  unhealthy: number | null;
  preempt: number | null;
  terminated: number | null;
  /** When the record of a terminated instance disappears. */
  forgotten: number | null;
}

export interface FileSystemRecord {
  readonly id: string;
  readonly name: string;
  readonly regionName: string;
  readonly created: string;
  /** As the API shows it, and the vendor's time when that was counted. */
  bytesUsed?: number;
  bytesCountedMs?: number;
}

export interface SshKeyRecord {
  readonly id: string;
  readonly name: string;
  readonly publicKey: string;
}

export interface RulesetRecord {
  readonly id: string;
  name: string;
  readonly regionName: string;
  readonly created: string;
  rules: FirewallRule[];
}

/** As the API shows it. */
export interface AuditEvent {
  readonly service_name: string;
  readonly resource_name: string;
  readonly action: string;
  readonly catalog_version: string;
  readonly event_id: string;
  readonly event_time: string;
  readonly actor_lrn: string | null;
  readonly resource_lrns: readonly string[];
  readonly resource_owner_lrn: string | null;
  readonly request_api_key_lrn: string | null;
  readonly additional_details: Readonly<Record<string, string>>;
}

/** Default inbound rules: ICMP and SSH. */
export function emptyLambdaState(): LambdaState {
  return {
    ...{ instances: {}, fileSystems: {}, sshKeys: {}, rulesets: {}, auditEvents: [], accountUserId: newId() },
    globalRules: [
      { protocol: "icmp", source_network: "0.0.0.0/0", description: "Allow ICMP traffic from any IP" },
      { protocol: "tcp", port_range: [22, 22], source_network: "0.0.0.0/0", description: "Allow SSH from any IP" },
    ],
  };
}

/** A random UUID in the 32-hex form that Lambda's ids have. */
export function newId(): string {
  const bytes = randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex");
}

/** Statuses in which the instance still holds its file systems, its key, its rulesets and its quota. */
export function holdsResources(instance: InstanceRecord): boolean {
  return instance.status !== "terminated" && instance.status !== "preempted";
}
