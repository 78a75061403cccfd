/** The run's SSH key at Lambda: made locally, unique per run, private half 0600 under custody and nowhere else. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createExclusively } from "../../../custody/disk/files";
import type { EndpointRef } from "../../../custody/formats";
import type { RunCustody } from "../../../custody/store";
import { UserError } from "../../../custody/userError";
import { grantCovers } from "../../../custody/view";
import type { Binding, Kind } from "../../kind";
import { runOf } from "../../kind";
import type { Connection, LambdaEdges } from "../connection";
import { terminateCommand } from "../billables";
import { accountMark, accountOf, assertSameAccount, madeIn, whenAllowed } from "../connection";
import { isLambdaError } from "../api/errors";
import { isUnlisted, lookAtInstance } from "../gone";
import { abandonIntent, leftIntents, lookUntilSettled, lostReplySeconds, openIntent, uniqueName } from "../intents";
import { removePrivateKeys } from "../privateKeys";
import { fingerprint, keyMaterial, makeSshKeyPair } from "../sshKeyPair";
import type { Instance, SshKey } from "../api/types";
import { haveInputsChanged, replacingInputs } from "./identity";

export type SshKeyInputs = {
  readonly binding: Binding;
  readonly endpoint: EndpointRef;
  /** `rescueKey`: of a machine that only reads storage. */
  readonly role: "sshKey" | "rescueKey";
  /** The name at Lambda is this, a dash and 8 hex digits. At most 55 characters. */
  readonly namePrefix: string;
};

export type SshKeyOutputs = SshKeyInputs & {
  readonly keyId: string;
  /** Also the private key's file name in the run's `ssh` folder. */
  readonly name: string;
  readonly publicKey: string;
  readonly fingerprint: string;
  readonly account: string;
  readonly missing: boolean;
};

export const sshKeyKind = (edges: Pick<LambdaEdges, "connect">): Kind<SshKeyInputs, SshKeyOutputs> => ({
  check: ({ namePrefix }) =>
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,54}$/.test(namePrefix)
      ? []
      : [{ property: "namePrefix", reason: `"${namePrefix}" is not 1 to 55 letters, digits, dots, dashes or underscores that begin with a letter or digit` }],

  diff(olds, news) {
    const replaces = replacingInputs(olds, news);
    return { changes: olds.missing || replaces.length > 0 || haveInputsChanged(olds, news), replaces };
  },

  async create(inputs, context) {
    const connection = await edges.connect(inputs.endpoint, context);
    const run = context.run(inputs.binding);
    const key = (await adopt(connection, run, inputs)) ?? (await add(connection, run, inputs));
    return { id: key.id, outs: { ...inputs, ...observed(key, connection) } };
  },

  async read(_id, olds, context) {
    const connection = await edges.connect(olds.endpoint, context);
    const missing = await isUnlisted(connection.time, () => connection.client.listSshKeys(), (key) => key.id === olds.keyId);
    if (missing) await assertSameAccount(connection, olds, `SSH key ${olds.name}`);
    return { ...olds, missing };
  },

  /**
   * A key that somebody removed is put back under its name: a new one would cost the instance, which still accepts the
   * old. A new prefix only counts for the next key, since the API cannot rename one.
   */
  async update(_id, olds, news, context) {
    if (!olds.missing) return { ...olds, ...news };
    const connection = await edges.connect(news.endpoint, context);
    const { client, time } = connection;
    const listed = byMaterial(await client.listSshKeys(), keyMaterial(olds.publicKey));
    const key = listed ?? (await whenAllowed(time, () => client.addSshKey({ name: olds.name, public_key: olds.publicKey })));
    const run = context.run(news.binding);
    if (key.id !== olds.keyId) run.append("resource.lost", { role: olds.role, id: olds.keyId, why: "not in the list; put back under another id" });
    record(connection, run, news, key);
    return { ...olds, ...news, ...observed(key, connection) };
  },

  async delete(id, olds, context) {
    const connection = await edges.connect(olds.endpoint, context);
    const run = context.run(olds.binding);
    await assertNotTheLastWayIn(connection, run, id, olds);
    const confirmed = await remove(connection, olds);
    run.append("resource.deleted", { role: olds.role, kind: "LambdaSshKey", id: olds.keyId, verb: "delete", grant: null, confirmed });
    if (!removePrivateKeys(run, [olds.name])) context.say(`the private key ${join(run.paths.ssh, olds.name)} is kept: the ledger still has an instance of this run, which may accept nothing else`);
  },
});

const observed = (key: SshKey, { endpoint }: Connection): Omit<SshKeyOutputs, keyof SshKeyInputs> => ({
  keyId: key.id,
  name: key.name,
  publicKey: key.public_key,
  fingerprint: fingerprint(key.public_key),
  account: accountMark(endpoint),
  missing: false,
});

/**
 * A key that an earlier, interrupted create made, if its private half is here; null otherwise. Never one that is being
 * replaced: a replacement deletes before it creates (components/lambda/resources.ts), so the ledger no longer names that one.
 */
async function adopt(connection: Connection, run: RunCustody, inputs: SshKeyInputs): Promise<SshKey | null> {
  const { client, time } = connection;
  for (const left of leftIntents(run, inputs.role, time)) {
    const material = ownMaterial(run, left.name);
    const found = material === null ? null : await lookUntilSettled(time, left.settlesInSeconds, async () => byMaterial(await client.listSshKeys(), material));
    if (found === null) {
      await abandonIntent(connection, run, left, material === null ? "its private key is not here" : "no such key at Lambda");
      continue;
    }
    confirm(connection, run, left.intent, inputs, found);
    return found;
  }
  const view = run.view();
  const known = view.resources.get(inputs.role);
  if (known === undefined) return null;
  const material = ownMaterial(run, known.name);
  const found = material === null ? null : byMaterial(await client.listSshKeys(), material);
  if (found === null) {
    await assertSameAccount(connection, { ...madeIn(view, known.details ?? {}), sshKeyName: known.name }, `SSH key ${known.name} (${known.id})`);
    run.append("resource.lost", { role: inputs.role, id: known.id, why: material === null ? "its private key is not here" : "no such key at Lambda" });
  }
  return found;
}

async function add(connection: Connection, run: RunCustody, inputs: SshKeyInputs): Promise<SshKey> {
  const { client, time } = connection;
  const name = uniqueName(inputs.namePrefix);
  const { project, stack, name: job } = runOf(inputs.binding);
  const pair = makeSshKeyPair(`holdfast-${project}-${stack}-${job}`);
  mkdirSync(run.paths.ssh, { recursive: true, mode: 0o700 });
  // Before the call: a key at Lambda whose private half was never written is of no use.
  createExclusively(join(run.paths.ssh, name), pair.privateKey, 0o600);
  createExclusively(join(run.paths.ssh, `${name}.pub`), `${pair.publicKey}\n`);
  const intent = openIntent(run, { role: inputs.role, name, request: { name, publicKey: pair.publicKey, ...accountOf(connection.endpoint, inputs.endpoint) } });
  let key: SshKey | null;
  try {
    key = await whenAllowed(time, () => client.addSshKey({ name, public_key: pair.publicKey }));
  } catch (error) {
    if (!isLambdaError(error, "ambiguous")) {
      run.append("intent.abandoned", { intent, why: error instanceof UserError ? error.message : "the request failed" });
      throw error;
    }
    const material = keyMaterial(pair.publicKey);
    key = await lookUntilSettled(time, lostReplySeconds, async () => byMaterial(await client.listSshKeys(), material));
    // The intent stays open: the next create looks once more before it makes another key.
    if (key === null) throw error;
  }
  confirm(connection, run, intent, inputs, key);
  return key;
}

function confirm(connection: Connection, run: RunCustody, intent: string, inputs: SshKeyInputs, key: SshKey): void {
  run.append("intent.confirmed", { intent, role: inputs.role, id: key.id, name: key.name });
  record(connection, run, inputs, key);
}

function record({ endpoint }: Connection, run: RunCustody, inputs: SshKeyInputs, key: SshKey): void {
  run.append("resource.created", { role: inputs.role, kind: "LambdaSshKey", id: key.id, name: key.name, details: { fingerprint: fingerprint(key.public_key), ...accountOf(endpoint, inputs.endpoint) } });
}

const byMaterial = (keys: readonly SshKey[], material: string): SshKey | null => keys.find((key) => keyMaterial(key.public_key) === material) ?? null;

function ownMaterial(run: RunCustody, name: string): string | null {
  const path = join(run.paths.ssh, name);
  return existsSync(path) && existsSync(`${path}.pub`) ? keyMaterial(readFileSync(`${path}.pub`, "utf8")) : null;
}

/**
 * The vendor may allow what must not happen here: an instance that stands accepts this key only, so with the key its results
 * would be out of reach while it bills. Throws a UserError unless the gate has allowed this very deletion.
 */
async function assertNotTheLastWayIn(connection: Connection, run: RunCustody, id: string, olds: SshKeyOutputs): Promise<void> {
  const grant = run.view().openGrant;
  // Put back by an update, it has another id at the vendor than in state.
  if (grant !== null && [id, olds.keyId].some((named) => grantCovers(grant, { role: olds.role, id: named, verb: "delete", tiersLost: [] }))) return;
  const standing = await standingWith(connection, run, olds.name);
  if (standing === null) return;
  throw new UserError(`Refused: SSH key ${olds.name} (${olds.keyId}) is the last way to pull from instance ${standing.name} (${standing.id}), which is ${standing.status} and was launched with it. The key was not deleted.`, {
    next: [
      "pulumi destroy (ends the run in order: pull and approval first, then the instance, then its key)",
      "to change the key: pulumi up --replace URN of the key (`pulumi stack --show-urns` lists them); the instance is replaced with it, which is asked for first",
      `or, when the instance is in no stack and nothing on it is needed: ${terminateCommand(connection.endpoint, standing.id)}`,
    ],
    code: "lambda-key-in-use",
  });
}

/** An instance that accepts the key and is not on its way out: in the account's list, or known to the ledger and found when asked for. */
async function standingWith(connection: Connection, run: RunCustody, name: string): Promise<Instance | null> {
  const stands = (instance: Instance): boolean => !["terminated", "terminating", "preempted"].includes(instance.status);
  const listed = await connection.client.listInstances();
  const found = listed.find((instance) => stands(instance) && instance.ssh_key_names.includes(name));
  if (found !== undefined) return found;
  const known = run.view().live.filter((resource) => resource.role === "instance" && resource.details?.["sshKeyName"] === name && !listed.some((instance) => instance.id === resource.id));
  for (const { id } of known) {
    const look = await lookAtInstance(connection, id);
    if (look.gone === null && stands(look.instance)) return look.instance;
  }
  return null;
}

/** Waits while an instance that is going down still refers to the key. Returns how it is known to be gone. */
async function remove(connection: Connection, olds: SshKeyOutputs): Promise<string> {
  const { client, time } = connection;
  const id = olds.keyId;
  const deadline = time.deadline(15 * 60, 30);
  let requested = false;
  for (;;) {
    if (await isUnlisted(time, () => client.listSshKeys(), (key) => key.id === id)) {
      if (!requested) await assertSameAccount(connection, olds, `SSH key ${olds.name}`);
      return "not in the list, twice";
    }
    if (deadline.passed()) {
      throw new UserError(`SSH key ${olds.name} (${id}) could not be deleted within 15 minutes; an instance may still refer to it.`, { next: ["pulumi destroy (tries again; a key costs nothing)"], code: "lambda-still-there" });
    }
    try {
      await client.deleteSshKey(id);
      requested = true;
    } catch (error) {
      if (!isLambdaError(error, "not-found", "conflict", "ambiguous", "transport", "rate-limit")) throw error;
      await time.sleep(10);
    }
  }
}
