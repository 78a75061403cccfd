/** Storage in a stack of its own, for runs of several stacks: each names it as `storage: {existing: NAME}`. */
import * as pulumi from "@pulumi/pulumi";
import { openCustody, projectRootFrom } from "../custody";
import type { StorageWishes } from "../profiles";
import { PROVISIONED, storagePlan } from "../profiles";
import { assertFreshBuild } from "../providers/build";
import { endpointOf } from "../providers/endpointOf";
import type { Binding } from "../providers/kind";
import { runOf } from "../providers/kind";
import { savePlan } from "../providers/planStore";
import { fromProgramsLine } from "../providers/callSite";
import { forPeople } from "./errors";
import { LambdaStorage } from "./lambda/lambdaStorage";
import { installLocks } from "./locks";
import type { StorageOutputs, StorageRunArgs } from "./platform";

export interface SharedStorageArgs extends Omit<StorageWishes, "platform" | "onDestroy"> {
  readonly platform: (typeof PROVISIONED)[number];
  /** What `pulumi destroy` of this stack does with it. Default: delete, which is refused while a run keeps data on it. */
  readonly onDestroy?: StorageWishes["onDestroy"];
}

const builders: Readonly<Record<(typeof PROVISIONED)[number], (name: string, args: StorageRunArgs, options: pulumi.ComponentResourceOptions) => StorageOutputs>> = {
  lambda: (name, args, options) => new LambdaStorage(name, args, options),
};

/**
 * Cost: by what lies on it, until it is deleted, whether mounted or not.
 *
 * @example new SharedStorage("team-data", { platform: "lambda", region: "us-east-1" });
 */
export class SharedStorage extends pulumi.ComponentResource implements StorageOutputs {
  readonly filesystem: pulumi.Output<string | null>;
  readonly region: pulumi.Output<string | null>;
  readonly mountPoint: pulumi.Output<string | null>;

  /** `name` is its name in custody: lower-case letters, digits and dashes. Throws RunError with every fault of the arguments at once. */
  constructor(name: string, args: SharedStorageArgs, options: pulumi.ComponentResourceOptions = {}) {
    const resolved = forPeople(() => resolveStorage(name, args));
    super("holdfast:index:SharedStorage", name, { platform: resolved.plan.platform }, fromProgramsLine(options));
    installLocks();
    const storage = builders[args.platform](name, resolved, { parent: this });
    this.filesystem = storage.filesystem;
    this.region = storage.region;
    this.mountPoint = storage.mountPoint;
    this.registerOutputs({ filesystem: this.filesystem, region: this.region, mountPoint: this.mountPoint });
  }
}

function resolveStorage(name: string, { onDestroy = "delete", ...wishes }: SharedStorageArgs): StorageRunArgs {
  assertFreshBuild();
  const custody = openCustody(projectRootFrom(process.cwd()), { create: true });
  const binding: Binding = { custodyId: custody.id, project: pulumi.getProject(), stack: pulumi.getStack(), run: name };
  const { plan, config } = storagePlan(runOf(binding), { ...wishes, onDestroy }, `storage "${name}"`);
  return { binding, plan, planSha256: savePlan(custody.run(runOf(binding)), plan), endpoint: endpointOf(config) };
}
