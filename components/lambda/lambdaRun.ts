/** A training run on Lambda: audit, key, file system, instance, job, gate; in this order, each depending on those before. */
import * as pulumi from "@pulumi/pulumi";
import type { CapacityWaiting, PlannedDeletion } from "../../custody/formats";
import { resourcePrefix } from "../../providers/naming";
import { plannedDeletion } from "../../providers/teardown/deletions";
import { teardownDigest } from "../../providers/gate/digest";
import { runOf } from "../../providers/kind";
import { fromProgramsLine } from "../../providers/callSite";
import { BillingAudit, nameInProgram } from "../billingAudit";
import { RemoteJob } from "../job";
import type { PlatformRunArgs, PlatformRunOutputs } from "../platform";
import { TeardownGate } from "../teardownGate";
import { LambdaFilesystem, LambdaFirewallRuleset, LambdaInstance, LambdaSshKey } from "./resources";

/**
 * Cost: the instance per minute from its first healthy state until it is terminated (there is no stop), the file system per
 * GiB-month until it is deleted, whether mounted or not.
 */
export class LambdaRun extends pulumi.ComponentResource implements PlatformRunOutputs {
  readonly directory: pulumi.Output<string | null>;
  readonly address: pulumi.Output<string>;
  readonly machine: pulumi.Output<string>;
  readonly hourlyUsd: pulumi.Output<number>;
  readonly waiting: pulumi.Output<CapacityWaiting | null>;

  private readonly prefix: string;
  /** URN of the run in the program. */
  private readonly component: Promise<string>;

  constructor(
    private readonly runName: string,
    private readonly args: PlatformRunArgs,
    options: pulumi.ComponentResourceOptions,
  ) {
    super("holdfast:lambda:LambdaRun", runName, { platform: args.plan.platform }, fromProgramsLine(options));
    this.prefix = resourcePrefix(runOf(args.binding));
    this.component = nameInProgram(options.parent ?? this);

    const audit = this.createAudit();
    const key = this.createKey(audit);
    const filesystem = this.createFilesystem(audit);
    const firewall = this.createFirewall(audit, filesystem);
    const instance = this.createInstance(audit, key, filesystem, firewall);
    const job = this.createJob(audit, key, filesystem, instance);
    this.createGate(audit, key, filesystem, firewall, instance, job);

    this.directory = job.directory;
    this.waiting = pulumi.output(instance.waiting).apply((waiting) => waiting ?? null);
    const none = "none yet: waiting for capacity";
    this.address = pulumi.all([instance.user, instance.ip, instance.sshPort]).apply(([user, ip, port]) => (user === null || ip === null ? none : `${user}@${ip}:${port}`));
    this.machine = pulumi.all([instance.instanceType, instance.instanceRegion]).apply(([type, region]) => (type === null ? none : `${type} in ${region}`));
    this.hourlyUsd = instance.hourlyUsd.apply((usd) => usd ?? 0);
    this.registerOutputs({ directory: this.directory, address: this.address, machine: this.machine, hourlyUsd: this.hourlyUsd, waiting: this.waiting });
  }

  private createAudit(): BillingAudit {
    const { binding, endpoint, planSha256 } = this.args;
    return new BillingAudit(`${this.runName}-audit`, { binding, endpoint, planSha256, component: this.component }, { parent: this });
  }

  private createKey(audit: BillingAudit): LambdaSshKey {
    const { binding, endpoint } = this.args;
    return new LambdaSshKey(`${this.runName}-key`, { binding, endpoint, role: "sshKey", namePrefix: this.prefix }, { parent: this, dependsOn: [audit] });
  }

  private createFilesystem(audit: BillingAudit): LambdaFilesystem {
    const { binding, endpoint, plan } = this.args;
    const deletion = plannedDeletion(plan, "filesystem");
    return new LambdaFilesystem(
      `${this.runName}-filesystem`,
      {
        binding,
        endpoint,
        role: "filesystem",
        mode: plan.storage.mode,
        name: plan.storage.name,
        region: plan.storage.region,
        candidates: plan.capacity.candidates,
        requirement: plan.resources,
        maxHourlyUsd: plan.capacity.maxHourlyUsd,
        maxWaitSeconds: plan.capacity.maxWaitSeconds,
        maxLockSeconds: plan.capacity.maxLockSeconds,
        verb: deletion.verb,
        tier: plan.durable.tier,
        tiersLost: deletion.tiersLost,
        keep: plan.teardown.storage === "keep" || plan.storage.mode === "existing",
      },
      { parent: this, dependsOn: [audit] },
    );
  }

  private createFirewall(audit: BillingAudit, filesystem: LambdaFilesystem): LambdaFirewallRuleset | null {
    const { binding, endpoint, config } = this.args;
    const rules = config.lambda.firewall;
    if (rules.length === 0) return null;
    return new LambdaFirewallRuleset(
      `${this.runName}-firewall`,
      { binding, endpoint, role: "firewall", namePrefix: this.prefix, region: filesystem.filesystemRegion, rules },
      { parent: this, dependsOn: [audit] },
    );
  }

  private createInstance(audit: BillingAudit, key: LambdaSshKey, filesystem: LambdaFilesystem, firewall: LambdaFirewallRuleset | null): LambdaInstance {
    const { binding, endpoint, plan, config } = this.args;
    const deletion = plannedDeletion(plan, "instance");
    return new LambdaInstance(
      `${this.runName}-instance`,
      {
        binding,
        endpoint,
        role: "instance",
        sshKeyName: key.name,
        filesystem: { id: filesystem.filesystemId, name: filesystem.filesystemName, region: filesystem.filesystemRegion, mountPoint: filesystem.mountPoint },
        candidates: plan.capacity.candidates,
        requirement: plan.resources,
        capacity: { maxWaitSeconds: plan.capacity.maxWaitSeconds, maxLockSeconds: plan.capacity.maxLockSeconds, maxAttempts: plan.capacity.maxAttempts, maxHourlyUsd: plan.capacity.maxHourlyUsd },
        image: config.lambda.image,
        name: this.prefix,
        tags: { "holdfast-run": `${binding.project}.${binding.stack}.${binding.run}` },
        firewallRulesetIds: firewall === null ? [] : [firewall.rulesetId],
        userData: null,
        verb: deletion.verb,
        tier: plan.ownDisk.tier,
        tiersLost: deletion.tiersLost,
        authorizedKeys: config.access.authorizedKeys,
      },
      { parent: this, dependsOn: [audit] },
    );
  }

  private createJob(audit: BillingAudit, key: LambdaSshKey, filesystem: LambdaFilesystem, instance: LambdaInstance): RemoteJob {
    const { binding, endpoint, planSha256, code, secrets } = this.args;
    return new RemoteJob(
      `${this.runName}-job`,
      {
        binding,
        endpoint,
        planSha256,
        code,
        secrets,
        machine: { instanceId: instance.instanceId, host: instance.ip, port: instance.sshPort, user: instance.user, sshKeyName: key.name },
        tier: { mountPoint: filesystem.mountPoint, filesystemId: filesystem.filesystemId },
      },
      { parent: this, dependsOn: [audit] },
    );
  }

  private createGate(audit: BillingAudit, key: LambdaSshKey, filesystem: LambdaFilesystem, firewall: LambdaFirewallRuleset | null, instance: LambdaInstance, job: RemoteJob): TeardownGate {
    const { binding, endpoint, plan } = this.args;
    const leaves = [key, filesystem, ...(firewall === null ? [] : [firewall]), instance, job];
    // What only waits to be made is no deletion, and the ledger does not know it.
    const made = (role: string, { id }: pulumi.CustomResource, proof: pulumi.Output<boolean>): pulumi.Output<{ role: string; id: string }[]> =>
      pulumi.all([id, proof]).apply(([known, isMade]) => (isMade ? [{ role, id: known }] : []));
    const isMade = (output: pulumi.Output<unknown>): pulumi.Output<boolean> => output.apply((value) => value !== null && value !== undefined);
    const known = pulumi.all([
      made("sshKey", key, isMade(key.id)),
      made("filesystem", filesystem, isMade(filesystem.filesystemId)),
      ...(firewall === null ? [] : [made("firewall", firewall, isMade(firewall.rulesetId))]),
      made("instance", instance, isMade(instance.instanceId)),
      made("job", job, isMade(job.place)),
    ]);
    const deletions = known.apply((roles) => roles.flat().map(({ role, id }): PlannedDeletion => ({ role, id, ...plannedDeletion(plan, role) })));
    return new TeardownGate(
      `${this.runName}-gate`,
      {
        binding,
        endpoint,
        holds: { filesystem: filesystem.filesystemId },
        deletions,
        cells: plan.cells.map((cell) => cell.name),
        teardownSha256: teardownDigest(plan),
      },
      { parent: this, dependsOn: [audit, ...leaves] },
    );
  }
}
