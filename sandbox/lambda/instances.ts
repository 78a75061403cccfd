// Instances from launch to oblivion: what the API's calls and the passing of time do to them and to their machines.
import { randomBytes, randomInt } from "node:crypto";
import { writeFileSync, mkdirSync } from "node:fs";
import type { InstanceEvent, SandboxCore } from "../core.js";
import { spend } from "../knobs.js";
import { closeMeter, openInstanceMeter } from "../meter.js";
import { recordAudit } from "./audit.js";
import { findInstanceType } from "./catalog/instanceTypes.js";
import { authorizedKeysOf } from "./cloudConfig.js";
import { conflict, instanceNotFound } from "./errors.js";
import { judgeLaunch, type LaunchPlan } from "./launch.js";
import { isMoving, needsAnswer, nextStep, type MachineFacts, type Step } from "./lifecycle.js";
import { parseId, type LaunchBody } from "./requests.js";
import { newId, type InstanceDeadlines, type InstanceRecord, type LambdaState } from "./state.js";

/** Processes inside get this long to end after TERM when a guest is shut down or rebooted (real milliseconds). */
const shutdownGraceMs = 2_000;

export class LambdaInstances {
  constructor(
    private readonly core: SandboxCore,
    private readonly state: LambdaState,
  ) {}

  /** Commits a launch and returns the new instance's id; throws the ApiFault that refuses it. */
  launch(body: LaunchBody): string {
    const { core, state } = this;
    const plan = judgeLaunch(body, state, core.knobs(), (core.clock.now() - core.store.state.capacitySinceMs) / 1000);
    const id = newId();
    const machine = core.host.add({
      ...{ id, authorizedKeys: [plan.key.publicKey, ...authorizedKeysOf(body.user_data)] },
      mounts: plan.fileSystems.map((one) => ({ fileSystemId: one.id, mountPoint: one.mountPoint })),
      ...(body.hostname === undefined ? {} : { hostname: body.hostname }),
    });
    state.instances[id] = this.newRecord(id, body, plan, machine.address);
    if (body.user_data !== undefined) this.storeUserData(id, body.user_data);
    recordAudit(core, state, "instance", "launch", id);
    core.store.save();
    core.kick();
    return id;
  }

  find(id: string): InstanceRecord {
    const instance = this.state.instances[id];
    if (!instance || this.core.knobs().unseenInstances.includes(id)) throw instanceNotFound();
    return instance;
  }

  /** All or none: one unknown id refuses the whole request. */
  findAll(ids: readonly string[]): InstanceRecord[] {
    return ids.map((id, index) => parseId(id, `request body at 'instance_ids.${index}'`)).map((id) => this.find(id));
  }

  listed(): InstanceRecord[] {
    const now = this.core.clock.now();
    const { unseenInstances } = this.core.knobs();
    return Object.values(this.state.instances).filter(({ id, due }) => now >= due.listed && !unseenInstances.includes(id));
  }

  terminate(instances: readonly InstanceRecord[]): void {
    const { core, state } = this;
    for (const instance of instances) {
      if (instance.status === "terminating" || instance.status === "terminated") continue;
      instance.status = "terminating";
      instance.restartDueMs = null;
      instance.due.terminated = core.clock.now() + core.knobs().terminateSeconds * 1000;
      closeMeter(core.store.state.meter, core.clock, instance.id);
      recordAudit(core, state, "instance", "terminate", instance.id);
    }
    core.store.save();
    core.kick();
  }

  /** Throws 409 when one of them cannot be restarted now. */
  async restart(instances: readonly InstanceRecord[]): Promise<void> {
    const { core, state } = this;
    if (instances.some(({ status, restartDueMs }) => (status !== "active" && status !== "unhealthy") || restartDueMs !== null)) throw conflict();
    for (const instance of instances) {
      instance.restartDueMs = core.clock.now() + core.knobs().restartSeconds * 1000;
      recordAudit(core, state, "instance", "restart", instance.id);
    }
    await Promise.all(instances.map(({ id }) => core.host.reboot(id, shutdownGraceMs)));
    core.store.save();
    core.kick();
  }

  /** True while something is on its way. */
  async tick(): Promise<boolean> {
    const instances = Object.values(this.state.instances);
    // All of them to their end, so that no two ticks work on one instance.
    const outcomes = await Promise.allSettled(instances.map((instance) => this.advance(instance)));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
    return instances.some(isMoving);
  }

  async befall(instance: InstanceRecord, event: InstanceEvent): Promise<void> {
    const { id } = instance;
    switch (event) {
      case "crash":
        await this.core.host.powerOff(id, { keepPower: true });
        break;
      case "poweroff":
        await this.core.host.powerOff(id, { keepPower: true, graceMs: shutdownGraceMs });
        break;
      case "reboot":
        if (instance.status === "active") instance.restartDueMs = this.core.clock.now();
        await this.core.host.reboot(id, shutdownGraceMs);
        break;
      case "unhealthy":
        this.become(instance, "unhealthy");
        break;
      case "preempt":
        await this.take(instance, { do: "become", status: "preempted" });
        break;
      default: {
        const unknown: never = event;
        throw new Error(`unknown event ${String(unknown)}`);
      }
    }
    this.core.store.save();
    this.core.kick();
  }

  private async advance(instance: InstanceRecord): Promise<void> {
    const { core } = this;
    // A step may make the next one due at once; each strictly moves on, so this ends.
    for (;;) {
      const facts = await this.factsOf(instance);
      const step = core.host.isBusy(instance.id) ? undefined : nextStep(instance, core.clock.now(), facts);
      if (!step) return;
      await this.take(instance, step);
      core.store.save();
      if (step.do === "forget") return;
    }
  }

  private async factsOf(instance: InstanceRecord): Promise<MachineFacts> {
    const { host, clock, store } = this.core;
    const { id } = instance;
    const alive = host.isAlive(id);
    return {
      alive,
      answers: alive && needsAnswer(instance, clock.now()) && (await host.answers(id)),
      bootOwed: store.state.machines[id]?.bootOwed ?? false,
      request: alive ? undefined : host.powerRequest(id),
    };
  }

  private async take(instance: InstanceRecord, step: Step): Promise<void> {
    const { core } = this;
    const { id } = instance;
    switch (step.do) {
      case "power-on":
        await this.bootMachine(instance);
        instance.booted = true;
        return;
      case "power-off":
        await core.host.powerOff(id);
        return;
      case "boot-again":
        instance.restartDueMs = core.clock.now();
        await this.bootMachine(instance);
        return;
      case "restarted":
        instance.restartDueMs = null;
        if (instance.status === "unhealthy") this.become(instance, "active");
        return;
      case "become":
        if (step.status === "terminated" || step.status === "preempted") await core.host.remove(id);
        this.become(instance, step.status);
        return;
      case "forget":
        Reflect.deleteProperty(this.state.instances, id);
        return;
      default: {
        const unknown: never = step;
        throw new Error(`unknown step ${JSON.stringify(unknown)}`);
      }
    }
  }

  /** A machine that this host cannot boot is the vendor's fault: it shows as unhealthy, and the reason goes to the daemon's log. */
  private async bootMachine(instance: InstanceRecord): Promise<void> {
    try {
      await this.core.host.powerOn(instance.id);
    } catch (error) {
      instance.restartDueMs = null;
      this.become(instance, "unhealthy");
      this.core.store.save();
      throw error;
    }
  }

  private become(instance: InstanceRecord, status: InstanceRecord["status"]): void {
    const { core } = this;
    const { due } = instance;
    const now = core.clock.now();
    const { meter } = core.store.state;
    instance.status = status;
    if (status === "active" && instance.firstHealthy === null) {
      instance.firstHealthy = core.clock.realIso();
      due.unhealthy = due.unhealthyAfterSeconds === null ? null : now + due.unhealthyAfterSeconds * 1000;
      due.preempt = due.preemptAfterSeconds === null ? null : now + due.preemptAfterSeconds * 1000;
    } else {
      // A repaired instance does not fall ill of the same deadline again.
      due.unhealthy = null;
    }
    if (status === "active" || status === "unhealthy") {
      // Whether a boot that never became healthy is billed is unknown; the pessimistic reading is that it is.
      const cents = findInstanceType(instance.typeName)?.type.price_cents_per_hour ?? 0;
      openInstanceMeter(meter, core.clock, { id: instance.id, name: instance.name ?? instance.id, usdPerHour: cents / 100 });
    }
    if (status === "preempted") closeMeter(meter, core.clock, instance.id);
    if (status === "terminated") {
      const after = core.knobs().afterTerminated;
      due.forgotten = after === "404" ? now : now + after.listedSeconds * 1000;
    }
  }

  private newRecord(id: string, body: LaunchBody, plan: LaunchPlan, address: string): InstanceRecord {
    const knobs = this.core.knobs();
    return {
      ...{ id, typeName: plan.row.type.name, regionName: plan.region.name, imageId: plan.image.id },
      ...(body.name === undefined ? {} : { name: body.name }),
      ...(body.hostname === undefined ? {} : { hostname: body.hostname }),
      ...(body.tags === undefined ? {} : { tags: body.tags.map(({ key, value }) => ({ key, value })) }),
      ...{ sshKeyId: plan.key.id, sshKeyName: plan.key.name, fileSystems: plan.fileSystems, rulesetIds: plan.rulesetIds },
      ...{ address, privateAddress: `10.19.${randomInt(0, 256)}.${randomInt(1, 255)}`, jupyterToken: randomBytes(16).toString("hex") },
      ...{ status: "booting", booted: false, restartDueMs: null, firstHealthy: null },
      becomesUnhealthyAtBoot: spend(knobs, "unhealthyOnBoot"),
      due: this.deadlines(),
    };
  }

  private deadlines(): InstanceDeadlines {
    const knobs = this.core.knobs();
    const now = this.core.clock.now();
    const { ip, sshLead, active } = knobs.bootSeconds;
    const outlier = knobs.bootOutlier.count > 0;
    if (outlier) knobs.bootOutlier.count -= 1;
    const activeSeconds = outlier ? knobs.bootOutlier.activeSeconds : active;
    const at = (seconds: number): number => now + seconds * 1000;
    return {
      ...{ terminable: at(knobs.terminateUnavailableSeconds), listed: at(knobs.listLagSeconds), ip: at(ip) },
      ...{ power: at(Math.max(0, activeSeconds - sshLead)), active: at(activeSeconds) },
      ...{ unhealthyAfterSeconds: knobs.unhealthyAfterSeconds, preemptAfterSeconds: knobs.preemptAfterSeconds },
      ...{ unhealthy: null, preempt: null, terminated: null, forgotten: null },
    };
  }

  /** Kept beside the instance's disk, readable by its owner only; never logged. */
  private storeUserData(id: string, userData: string): void {
    const own = this.core.layout.instance(id);
    mkdirSync(own.dir, { recursive: true, mode: 0o700 });
    writeFileSync(own.userData, userData, { mode: 0o600 });
  }
}
