/** A Lambda instance: launched once, adopted when a reply or a process was lost, terminated only when that is allowed. */
import type { PlannedDeletion } from "../../../custody/formats";
import type { RunCustody } from "../../../custody/store";
import { UserError } from "../../../custody/userError";
import { grantCovers } from "../../../custody/view";
import type { Kind } from "../../kind";
import { NotYet, PartialCreate } from "../../kind";
import { isStillAllowed } from "../capacity";
import { sayWaiting, takePatience, waitingForStorage } from "../capacityWait";
import type { Connection, LambdaEdges } from "../connection";
import { whenAllowed } from "../connection";
import { adoptInstance } from "../instance/adopt";
import { BootFailure, waitForBoot } from "../instance/boot";
import type { Attempts, LaunchContext } from "../instance/launch";
import { launchWithinBounds } from "../instance/launch";
import { isBeyondHelp, lookAtOurs, lostSince } from "../instance/lost";
import type { InstanceInputs, InstanceOutputs, Launched, LaunchInputs } from "../instance/properties";
import { canLaunch, checkInstance, outputsOf, unlaunched } from "../instance/properties";
import { terminateAndConfirm } from "../instance/terminate";
import type { Instance } from "../api/types";
import { haveInputsChanged, isSameJson, replacingInputs } from "./identity";

export type { InstanceInputs, InstanceOutputs } from "../instance/properties";

export const instanceKind = (edges: LambdaEdges): Kind<InstanceInputs, InstanceOutputs> => ({
  check: checkInstance,

  /** Tags, user data and further keys count at launch: their change is kept for the next one and replaces nothing. */
  diff(olds, news) {
    const replaces = replacingInputs(olds, news);
    if (olds.missing) replaces.push("missing");
    if (olds.sshKeyName !== news.sshKeyName) replaces.push("sshKeyName");
    if (olds.filesystem.id !== (news.filesystem as Partial<InstanceInputs["filesystem"]>).id) replaces.push("filesystem");
    if (!isSameJson(olds.image, news.image)) replaces.push("image");
    if (!isSameJson(olds.firewallRulesetIds, news.firewallRulesetIds)) replaces.push("firewallRulesetIds");
    if (!isStillAllowed({ specs: olds.specs, region: olds.instanceRegion }, news.candidates, news.requirement)) {
      replaces.push(isSameJson(olds.candidates, news.candidates) ? "requirement" : "candidates");
    }
    const newKeys = replaces.length === 0 && !isSameJson(olds.authorizedKeys, news.authorizedKeys);
    return { changes: replaces.length > 0 || haveInputsChanged(olds, news), replaces, ...(newKeys ? { note: keysComeAtBoot } : {}) };
  },

  async drift(id, olds, context) {
    return lostSince(await edges.connect(olds.endpoint, context), id, olds);
  },

  async create(inputs, context) {
    const run = context.run(inputs.binding);
    if (!canLaunch(inputs)) throw new NotYet(waitingForStorage(run), unlaunched);
    const connection = await edges.connect(inputs.endpoint, context);
    const launch: LaunchContext = { inputs, connection, run, context };
    let adopted = await adoptInstance(launch);
    const patience = takePatience(run, inputs.role, inputs.capacity, connection.time);
    const attempts: Attempts = { used: patience.attempts, max: inputs.capacity.maxAttempts };
    for (;;) {
      const launched = adopted ?? (await launchWithinBounds(launch, attempts, patience));
      adopted = null;
      if ("until" in launched) {
        context.say(sayWaiting(launched));
        throw new NotYet(launched, unlaunched);
      }
      try {
        return { id: launched.id, outs: await boot(edges, launch, launched) };
      } catch (error) {
        const discarded = await discardAtBoot(launch, launched, error);
        if (!discarded) throw new PartialCreate(launched.id, outputsOf(inputs, launched, error instanceof BootFailure ? error.instance : null, connection), error);
        if (attempts.used >= attempts.max) throw error;
        context.say(`${error instanceof Error ? error.message : String(error)} Launching another.`);
        adopted = await adoptInstance(launch);
      }
    }
  },

  async read(id, olds, context) {
    const connection = await edges.connect(olds.endpoint, context);
    const run = context.run(olds.binding);
    const look = await lookAtOurs(connection, id, olds);
    if (look.gone !== null || look.instance.status === "preempted") {
      recordGone(run, olds, look.gone ?? "status preempted");
      return { ...olds, status: look.instance?.status ?? "terminated", missing: true };
    }
    return observe(run, olds, look.instance, connection);
  },

  /** Also what follows a create that failed half-way: it waits for the boot again. */
  async update(id, olds, news, context) {
    // A file system that is gone takes its instance with it: that is a replacement, and never gets here.
    if (!canLaunch(news)) throw new Error(`instance ${id} without a file system`);
    const connection = await edges.connect(news.endpoint, context);
    const run = context.run(news.binding);
    const look = await lookAtOurs(connection, id, olds);
    if (look.gone !== null || isBeyondHelp(look.instance)) {
      if (look.gone !== null) recordGone(run, olds, look.gone);
      throw new UserError(`Instance ${olds.instanceName} (${id}) is gone: ${look.gone ?? look.instance.status}.`, { next: ["pulumi up (launches another; the file system and what is on it stay)"], code: "lambda-instance-gone" });
    }
    const renamed = await rename(connection, look.instance, olds, news);
    const isUp = renamed.status === "active" && olds.status === "active" && olds.ip === renamed.ip;
    const seen = isUp ? renamed : await waitForBoot(connection, { id, name: olds.instanceName, hourlyUsd: olds.hourlyUsd }, context, edges.probePort).catch(inPlace);
    return observe(run, { ...olds, ...news }, seen, connection);
  },

  async delete(id, olds, context) {
    const connection = await edges.connect(olds.endpoint, context);
    const run = context.run(olds.binding);
    const look = await lookAtOurs(connection, id, olds);
    if (look.gone !== null || isBeyondHelp(look.instance)) {
      // Nothing is left to decide about. What is going is waited for, since its file system is in use until then.
      const confirmed = look.gone ?? (await terminateAndConfirm(connection, { id, name: olds.instanceName }));
      recordGone(run, olds, confirmed);
      return;
    }
    const { grantId } = await edges.authorizeDeletion(context, olds.binding, olds.endpoint, deletionOf(olds), olds);
    const confirmed = await terminateAndConfirm(connection, { id, name: olds.instanceName });
    run.append("resource.deleted", { role: olds.role, kind: "LambdaInstance", id, verb: olds.verb, grant: grantId, confirmed });
  },
});

const keysComeAtBoot = "note: access.authorizedKeys are put on an instance when it boots: the one that stands accepts the keys of before, and the next one these (until then by hand: holdfast ssh, then ~/.ssh/authorized_keys)";

/** What an update can suggest: it cannot launch another instance in place of this one. */
function inPlace(error: unknown): never {
  if (!(error instanceof BootFailure) || error.why === "deadline") throw error;
  throw new UserError(error.message, { next: ["pulumi up (replaces it; the file system and what is on it stay)"], code: error.code, cause: error });
}

async function boot(edges: LambdaEdges, { inputs, connection, run, context }: LaunchContext, launched: Launched): Promise<InstanceOutputs> {
  const instance = await waitForBoot(connection, { id: launched.id, name: launched.launchName, hourlyUsd: launched.hourlyUsd }, context, edges.probePort);
  const outs = outputsOf(inputs, launched, instance, connection);
  recordAddress(run, outs);
  context.say(`${outs.instanceName} is up: ${outs.instanceType} in ${outs.instanceRegion}, ${outs.user}@${instance.ip}:${outs.sshPort}, $${outs.hourlyUsd.toFixed(2)}/h`);
  return outs;
}

/**
 * An instance that is broken from the start and never carried a job is worth nothing and bills: it goes without asking.
 * True when it is confirmed gone; false leaves it to the caller, with state knowing it.
 */
async function discardAtBoot({ inputs, connection, run, context }: LaunchContext, launched: Launched, error: unknown): Promise<boolean> {
  if (!(error instanceof BootFailure) || error.why === "deadline" || carriedJob(run, launched.id)) return false;
  if (error.why === "lost" && error.instance === null) {
    run.append("resource.lost", { role: inputs.role, id: launched.id, why: error.message });
    return true;
  }
  context.say(`${error.message} It is terminated: no job ran on it.`);
  try {
    const confirmed = await terminateAndConfirm(connection, { id: launched.id, name: launched.launchName });
    run.append("resource.deleted", { role: inputs.role, kind: "LambdaInstance", id: launched.id, verb: "terminate", grant: null, confirmed: `${error.why} at boot, before any job; ${confirmed}` });
    return true;
  } catch (failure) {
    context.say(`terminating ${launched.launchName} failed: ${failure instanceof Error ? failure.message : String(failure)}`);
    return false;
  }
}

const carriedJob = (run: RunCustody, instance: string): boolean => run.entries().some((entry) => entry.kind === "job.started" && (entry.data as { instance?: string }).instance === instance);

function observe(run: RunCustody, outs: InstanceOutputs, instance: Instance, connection: Connection): InstanceOutputs {
  const seen: InstanceOutputs = {
    ...outs,
    instanceName: instance.name === "" ? outs.instanceName : instance.name,
    status: instance.status,
    ip: instance.ip ?? null,
    sshPort: connection.endpoint.sshPort,
    hourlyUsd: instance.instance_type.price_cents_per_hour / 100,
    missing: false,
  };
  recordAddress(run, seen);
  return seen;
}

/** Addresses are looked up again after every launch and refresh; the ledger keeps the newest. */
function recordAddress(run: RunCustody, outs: InstanceOutputs): void {
  // The run's own address is not that of a machine which only reads its storage.
  if (outs.ip === null || outs.role !== "instance") return;
  const known = run.view().address;
  const address = { instance: outs.instanceId, host: outs.ip, port: outs.sshPort, user: outs.user };
  if (known === null || !isSameJson({ ...known }, address)) run.append("address.changed", address);
}

/** The name's last part stays, so that it remains unique and recognisable. */
async function rename({ client, time }: Connection, instance: Instance, olds: InstanceOutputs, news: LaunchInputs): Promise<Instance> {
  const wanted = `${news.name}-${olds.launchName.slice(-8)}`;
  if (news.name === olds.name || instance.name === wanted) return instance;
  return whenAllowed(time, () => client.renameInstance(instance.id, wanted));
}

const deletionOf = (olds: InstanceOutputs): PlannedDeletion => ({ role: olds.role, id: olds.instanceId, verb: olds.verb, tiersLost: olds.tiersLost });

/** Gone before anybody asked here. When the gate had allowed it, an earlier attempt did it and only the record is late. */
function recordGone(run: RunCustody, olds: InstanceOutputs, how: string): void {
  const view = run.view();
  if (!view.live.some((resource) => resource.role === olds.role && resource.id === olds.instanceId)) return;
  const grant = view.openGrant;
  if (grant !== null && grantCovers(grant, deletionOf(olds))) {
    run.append("resource.deleted", { role: olds.role, kind: "LambdaInstance", id: olds.instanceId, verb: olds.verb, grant: grant.id, confirmed: how });
  } else {
    run.append("resource.lost", { role: olds.role, id: olds.instanceId, why: how });
  }
}
