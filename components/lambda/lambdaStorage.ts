/** Storage on Lambda in a stack of its own: audit, file system, gate. */
import * as pulumi from "@pulumi/pulumi";
import { teardownDigest } from "../../providers/gate/digest";
import { plannedDeletion } from "../../providers/teardown/deletions";
import { fromProgramsLine } from "../../providers/callSite";
import { BillingAudit, nameInProgram } from "../billingAudit";
import type { StorageOutputs, StorageRunArgs } from "../platform";
import { TeardownGate } from "../teardownGate";
import { LambdaFilesystem } from "./resources";

export class LambdaStorage extends pulumi.ComponentResource implements StorageOutputs {
  readonly filesystem: pulumi.Output<string | null>;
  readonly region: pulumi.Output<string | null>;
  readonly mountPoint: pulumi.Output<string | null>;

  constructor(
    private readonly storageName: string,
    private readonly args: StorageRunArgs,
    options: pulumi.ComponentResourceOptions,
  ) {
    super("holdfast:lambda:LambdaStorage", storageName, { platform: args.plan.platform }, fromProgramsLine(options));
    const { binding, endpoint, planSha256 } = args;
    const audit = new BillingAudit(`${storageName}-audit`, { binding, endpoint, planSha256, component: nameInProgram(options.parent ?? this) }, { parent: this });
    const filesystem = this.createFilesystem(audit);
    this.createGate(audit, filesystem);
    this.filesystem = filesystem.filesystemName;
    this.region = filesystem.filesystemRegion;
    this.mountPoint = filesystem.mountPoint;
    this.registerOutputs({ filesystem: this.filesystem, region: this.region, mountPoint: this.mountPoint });
  }

  private createFilesystem(audit: BillingAudit): LambdaFilesystem {
    const { binding, endpoint, plan } = this.args;
    const deletion = plannedDeletion(plan, "filesystem");
    return new LambdaFilesystem(
      `${this.storageName}-filesystem`,
      {
        ...{ binding, endpoint, role: "filesystem", mode: "create", shared: true, name: plan.storage.name, region: plan.storage.region },
        ...{ candidates: [], requirement: plan.resources, maxHourlyUsd: null },
        ...{ verb: deletion.verb, tier: plan.durable.tier, tiersLost: deletion.tiersLost, keep: plan.teardown.storage === "keep" },
      },
      { parent: this, dependsOn: [audit] },
    );
  }

  private createGate(audit: BillingAudit, filesystem: LambdaFilesystem): TeardownGate {
    const { binding, endpoint, plan } = this.args;
    const deletions = filesystem.id.apply((id) => [{ role: "filesystem", id, ...plannedDeletion(plan, "filesystem") }]);
    return new TeardownGate(
      `${this.storageName}-gate`,
      { binding, endpoint, holds: { filesystem: filesystem.filesystemId }, deletions, cells: [], teardownSha256: teardownDigest(plan) },
      { parent: this, dependsOn: [audit, filesystem] },
    );
  }
}
