/** A machine that is launched only to read a file system which no machine of its run can read any more, and then ended. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { RunCustody } from "../../custody/store";
import { UserError } from "../../custody/userError";
import type { Context } from "../kind";
import { resourcePrefix } from "../naming";
import type { Reader, ReaderEdges, ReaderOffer } from "../platformContract";
import type { Requirement } from "./capacity";
import { chooseCapacity } from "./capacity";
import { connectLambda } from "./connection";
import { probePort } from "./instance/portProbe";
import type { LaunchInputs } from "./instance/properties";
import { terminateAndConfirm } from "./instance/terminate";
import { instanceKind } from "./kinds/instance";
import { sshKeyKind } from "./kinds/sshKey";
import { settleIntents } from "./settleIntents";

/** Reading needs nothing but a network and a shell: the cheapest will do. */
const anything: Requirement = { gpu: null, cpus: null, memoryGiB: null, diskGiB: null };
const attempts = { maxWaitSeconds: 600, maxLockSeconds: 600, maxAttempts: 10 };

export async function readerOffers(run: RunCustody, edges: ReaderEdges): Promise<ReaderOffer[]> {
  const { client } = await connectLambda(run.view().endpoint, edges);
  const { region } = storageOf(run);
  const choices = chooseCapacity(await client.listInstanceTypes(), { candidates: [], requirement: anything, region, maxHourlyUsd: null });
  return [...choices.available];
}

export async function attachReader(run: RunCustody, maxHourlyUsd: number, edges: ReaderEdges): Promise<Reader> {
  const view = run.view();
  const { project, stack, name } = run.ref;
  const shared = { binding: { custodyId: view.custodyId, project, stack, run: name }, endpoint: view.endpoint };
  const prefix = `${resourcePrefix(run.ref)}-rescue`;
  const context = contextOf(run, edges);
  const filesystem = storageOf(run);
  const key = (await sshKeyKind({ connect: connectLambda }).create({ ...shared, role: "rescueKey", namePrefix: prefix }, context)).outs;
  const inputs: LaunchInputs = {
    ...shared,
    ...{ role: "rescue", sshKeyName: key.name, filesystem, candidates: [], requirement: anything, capacity: { ...attempts, maxHourlyUsd } },
    ...{ image: { family: "lambda-stack-24-04" }, name: prefix, tags: { "holdfast-run": `${project}.${stack}.${name}` }, firewallRulesetIds: [], authorizedKeys: [] },
    ...{ verb: "terminate", tier: "local", tiersLost: [] },
  };
  const { outs } = await instanceKind({ connect: connectLambda, probePort, authorizeDeletion: neverAsked }).create(inputs, context);
  if (outs.ip === null) throw new Error(`${outs.instanceName} came up without an address`);
  return { id: outs.instanceId, host: outs.ip, port: outs.sshPort, user: outs.user, keyPath: join(run.paths.ssh, key.name) };
}

export async function detachReader(run: RunCustody, edges: ReaderEdges): Promise<string[]> {
  const connection = await connectLambda(run.view().endpoint, edges);
  // A launch that nobody confirmed may have made a machine that bills: it is taken into the ledger to be ended.
  for (const left of await settleIntents(run, connection)) {
    if (left.role !== "rescue" && left.role !== "rescueKey") continue;
    run.append("resource.created", { role: left.role, kind: left.role === "rescue" ? "LambdaInstance" : "LambdaSshKey", id: left.id, name: left.name });
    run.append("intent.confirmed", { intent: left.intent, role: left.role, id: left.id, name: left.name });
  }
  const gone: string[] = [];
  for (const { id, name } of run.view().live.filter(({ role }) => role === "rescue")) {
    const confirmed = await terminateAndConfirm(connection, { id, name });
    run.append("resource.deleted", { role: "rescue", kind: "LambdaInstance", id, verb: "terminate", grant: null, confirmed });
    gone.push(`instance ${name} (${id}): ${confirmed}`);
  }
  for (const key of run.view().live.filter(({ role }) => role === "rescueKey")) {
    await removeKey(run, key, edges);
    gone.push(`SSH key ${key.name}: deleted`);
  }
  return gone;
}

/** With the machine nothing accepts it any more. */
async function removeKey(run: RunCustody, key: { readonly id: string; readonly name: string; readonly details?: Record<string, unknown> }, edges: ReaderEdges): Promise<void> {
  const view = run.view();
  const { project, stack, name } = run.ref;
  const account = key.details?.["account"];
  const outs = {
    ...{ binding: { custodyId: view.custodyId, project, stack, run: name }, endpoint: view.endpoint, role: "rescueKey" as const, namePrefix: resourcePrefix(run.ref) },
    ...{ keyId: key.id, name: key.name, publicKey: "", fingerprint: "", account: typeof account === "string" ? account : "", missing: false },
  };
  await sshKeyKind({ connect: connectLambda }).delete(key.id, outs, contextOf(run, edges));
  for (const file of [key.name, `${key.name}.pub`]) rmSync(join(run.paths.ssh, file), { force: true });
}

/** What an operation of a kind is given outside an engine. */
const contextOf = (run: RunCustody, { projectRoot, clock, say }: ReaderEdges): Context => ({
  ...{ projectRoot, clock, say },
  copies: () => { throw new Error("a reader deletes nothing that was copied"); },
  custody: () => { throw new Error("a reader has no other run"); },
  run: () => run,
  assertEngineAlive: () => Promise.resolve(),
});

const neverAsked = (): Promise<never> => Promise.reject(new Error("a reader holds nothing that could be lost"));

/** The run's file system as the ledger has it. Throws UserError when none stands. */
function storageOf(run: RunCustody): LaunchInputs["filesystem"] {
  const filesystem = run.view().resources.get("filesystem");
  const { region, mountPoint } = filesystem?.details ?? {};
  if (filesystem === undefined || typeof region !== "string" || typeof mountPoint !== "string") {
    throw new UserError("The ledger knows of no file system of this run that stands, so there is nothing to read.", { code: "nothing-to-do", next: ["holdfast audit (asks the vendor)", "holdfast recover --from-api"] });
  }
  return { id: filesystem.id, name: filesystem.name, region, mountPoint };
}
