/** What every platform's component is given and gives back. A second platform implements this and adds a line to trainingRun.ts. */
import type * as pulumi from "@pulumi/pulumi";
import type { CapacityWaiting, EndpointRef } from "../custody/formats";
import type { Plan } from "../profiles/plan";
import type { StackConfig } from "../profiles";
import type { SecretMarks } from "../providers/job/secrets";
import type { JobSource } from "../providers/job/source";
import type { Binding } from "../providers/kind";

export interface PlatformRunArgs {
  readonly binding: Binding;
  readonly endpoint: EndpointRef;
  readonly plan: Plan;
  readonly planSha256: string;
  readonly config: StackConfig;
  readonly code: JobSource["code"];
  /** Marks of the job's secrets as they are here. */
  readonly secrets: SecretMarks;
}

export interface PlatformRunOutputs {
  /** Where the artifacts durably live, e.g. `/lambda/nfs/NAME/holdfast/...`. null while the storage waits for capacity. */
  readonly directory: pulumi.Output<string | null>;
  /** `user@host:port` of the machine; a sentence while there is none. */
  readonly address: pulumi.Output<string>;
  /** What was rented, e.g. `gpu_1x_a10 in us-east-1`. */
  readonly machine: pulumi.Output<string>;
  readonly hourlyUsd: pulumi.Output<number>;
  /** What is waited for, since when and until when; null once the machine stands. */
  readonly waiting: pulumi.Output<CapacityWaiting | null>;
}

/** What storage in a stack of its own is given, and gives back. */
export type StorageRunArgs = Pick<PlatformRunArgs, "binding" | "endpoint" | "plan" | "planSha256">;

export interface StorageOutputs {
  /** Its name at the vendor: what other stacks write as `storage: {existing: NAME}`. */
  readonly filesystem: pulumi.Output<string | null>;
  readonly region: pulumi.Output<string | null>;
  readonly mountPoint: pulumi.Output<string | null>;
}
