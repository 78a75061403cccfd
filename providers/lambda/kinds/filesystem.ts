/** A Lambda file system: created for the run, handed over to it, or somebody else's, which is used and never deleted. */
import type { EndpointRef } from "../../../custody/formats";
import type { RunCustody } from "../../../custody/store";
import { UserError } from "../../../custody/userError";
import { grantCovers } from "../../../custody/view";
import type { Binding, CheckFailure, Context, Kind } from "../../kind";
import { NotYet } from "../../kind";
import type { Plan } from "../../../profiles/plan";
import { keptVerb, plannedDeletion } from "../../teardown/deletions";
import { deleteFilesystemCommand } from "../billables";
import type { Candidate, Requirement } from "../capacity";
import { sayWaiting } from "../capacityWait";
import type { Connection, LambdaEdges } from "../connection";
import { accountMark, accountOf, assertSameAccount, madeIn, whenAllowed } from "../connection";
import { isLambdaError } from "../api/errors";
import { chooseRegion } from "../filesystem/region";
import { removeFilesystem } from "../filesystem/remove";
import { isUnlisted } from "../gone";
import { abandonIntent, leftIntents, lookUntilSettled, lostReplySeconds, openIntent, uniqueName } from "../intents";
import { storageMonthlyUsd, usdPerGibMonth } from "../api/prices";
import type { Filesystem } from "../api/types";
import { haveInputsChanged, replacingInputs } from "./identity";

export type FilesystemInputs = {
  readonly binding: Binding;
  readonly endpoint: EndpointRef;
  readonly role: "filesystem";
  /** `create` makes one. `adopt` (by id) takes one over: from then on it is the run's. `existing` (by name) uses one that is never deleted. */
  readonly mode: "create" | "existing" | "adopt";
  /** create: the name is this, a dash and 8 hex digits. existing: its name. adopt: its id. */
  readonly name: string;
  /** null: where an instance that fits can be launched now. */
  readonly region: string | null;
  /** What will be launched beside it: it can be mounted in its own region only. */
  readonly candidates: readonly Candidate[];
  readonly requirement: Requirement;
  readonly maxHourlyUsd: number | null;
  /** How long to wait for a region that lists capacity, the same as for the launch. Absent: one look. */
  readonly maxWaitSeconds?: number;
  /** Of it, what one update takes. Absent: all of it. */
  readonly maxLockSeconds?: number;
  readonly verb: string;
  readonly tier: string;
  readonly tiersLost: readonly string[];
  /** Made for several runs: nobody's emptiness is believed unseen. */
  readonly shared?: boolean;
  /** teardown.storage: keep. It outlives the run, and its price is recorded as a leftover. */
  readonly keep: boolean;
};

export type FilesystemOutputs = FilesystemInputs & {
  readonly filesystemId: string;
  readonly filesystemName: string;
  readonly filesystemRegion: string;
  readonly mountPoint: string;
  /** Whether it is this run's, made or handed over. Others are never deleted. */
  readonly owned: boolean;
  readonly account: string;
  readonly missing: boolean;
};

export const filesystemKind = (edges: Pick<LambdaEdges, "connect" | "authorizeDeletion">): Kind<FilesystemInputs, FilesystemOutputs> => ({
  check: checkFilesystem,

  diff(olds, news) {
    const replaces = replacingInputs(olds, news);
    if (olds.mode !== news.mode) replaces.push("mode");
    if (olds.name !== news.name) replaces.push("name");
    if (news.region !== null && news.region !== olds.filesystemRegion) replaces.push("region");
    if (olds.missing) replaces.push("missing");
    // What chose the region counts at creation only, and how the run ends stands in the ledger's plan. As an update either would
    // make the outputs unknown in a preview, which then announces the replacement of everything that mounts the file system.
    const { candidates: _candidates, requirement: _requirement, maxHourlyUsd: _price, maxWaitSeconds: _wait, maxLockSeconds: _lock, keep: _keep, verb: _verb, tiersLost: _tiers, ...lasting } = news;
    return { changes: replaces.length > 0 || haveInputsChanged(olds, lasting), replaces };
  },

  async create(inputs, context) {
    const connection = await edges.connect(inputs.endpoint, context);
    const run = context.run(inputs.binding);
    const filesystem =
      inputs.mode === "create" ? ((await adoptOwn(connection, run, inputs)) ?? (await make(connection, run, inputs, context))) : await findExisting(connection, run, inputs);
    context.say(`file system ${filesystem.name} in ${filesystem.region.name}, mounted at ${filesystem.mount_point}`);
    return {
      id: filesystem.id,
      outs: {
        ...inputs,
        filesystemId: filesystem.id,
        filesystemName: filesystem.name,
        filesystemRegion: filesystem.region.name,
        mountPoint: filesystem.mount_point,
        owned: isOwn(inputs),
        account: accountMark(connection.endpoint),
        missing: false,
      },
    };
  },

  async read(id, olds, context) {
    const connection = await edges.connect(olds.endpoint, context);
    const missing = await isUnlisted(connection.time, () => connection.client.listFilesystems(), (filesystem) => filesystem.id === id);
    if (missing) await assertSameAccount(connection, olds, `File system ${olds.filesystemName}`);
    return { ...olds, missing };
  },

  update: (_id, olds, news) => Promise.resolve({ ...olds, ...news }),

  async delete(id, olds, context) {
    const connection = await edges.connect(olds.endpoint, context);
    const run = context.run(olds.binding);
    const { client, time } = connection;
    const listed = (await client.listFilesystems()).find((filesystem) => filesystem.id === id);
    if (listed === undefined && (await isUnlisted(time, () => client.listFilesystems(), (filesystem) => filesystem.id === id))) {
      await assertSameAccount(connection, olds, `File system ${olds.filesystemName}`);
      recordGone(run, id, olds, "not in the list, twice");
      return;
    }
    const end = endOf(run, olds);
    if (!olds.owned || end.keep) {
      // It stays in the ledger's live set too: it is neither deleted nor lost, and it bills.
      recordLeftover(run, connection, olds, listed ?? null);
      context.say(`file system ${olds.filesystemName} stays${olds.owned ? " (teardown.storage: keep)" : " (it is not this run's)"}; it bills $${usdPerGibMonth.toFixed(2)} per GiB and month`);
      return;
    }
    const { grantId } = await edges.authorizeDeletion(context, olds.binding, olds.endpoint, { role: olds.role, id, verb: end.verb, tiersLost: end.tiersLost }, olds);
    const confirmed = await removeFilesystem(connection, { id, name: olds.filesystemName });
    run.append("resource.deleted", { role: olds.role, kind: "LambdaFilesystem", id, verb: end.verb, grant: grantId, confirmed });
  },
});

/** As the gate reads it, from the newest plan that holds; by its own inputs where the ledger has none. */
function endOf(run: RunCustody, olds: FilesystemOutputs): Pick<FilesystemOutputs, "keep" | "verb" | "tiersLost"> {
  const plan = run.view().plan as Partial<Plan> | null;
  if (plan?.teardown === undefined) return olds;
  const { verb, tiersLost } = plannedDeletion({ teardown: plan.teardown }, olds.role);
  return { keep: verb === keptVerb, verb, tiersLost };
}

const isOwn = ({ mode }: FilesystemInputs): boolean => mode !== "existing";

function checkFilesystem({ mode, name, region }: FilesystemInputs): CheckFailure[] {
  const failures: CheckFailure[] = [];
  if (mode === "create" && !/^[a-zA-Z]+[0-9a-zA-Z-]{0,50}$/.test(name)) {
    failures.push({ property: "name", reason: `"${name}" is not a file system name: at most 51 letters, digits and dashes that begin with a letter (Lambda allows 60; 9 are added to make it unique)` });
  }
  if (name === "") failures.push({ property: "name", reason: mode === "adopt" ? "the file system's id is missing" : "the file system's name is missing" });
  if (region === "") failures.push({ property: "region", reason: "an empty region; leave it out to have one chosen where there is capacity" });
  return failures;
}

/** One that an interrupted create of this run made; null when there is none. */
async function adoptOwn(connection: Connection, run: RunCustody, inputs: FilesystemInputs): Promise<Filesystem | null> {
  const { client, time } = connection;
  for (const left of leftIntents(run, inputs.role, time)) {
    const found = await lookUntilSettled(time, left.settlesInSeconds, async () => (await client.listFilesystems()).find((filesystem) => filesystem.name === left.name) ?? null);
    if (found === null) {
      await abandonIntent(connection, run, left, "no file system of that name at Lambda");
      continue;
    }
    confirm(connection, run, left.intent, inputs, found);
    return found;
  }
  const view = run.view();
  const known = view.resources.get(inputs.role);
  if (known === undefined) return null;
  const found = (await client.listFilesystems()).find((filesystem) => filesystem.id === known.id) ?? null;
  if (found === null && (await isUnlisted(time, () => client.listFilesystems(), (filesystem) => filesystem.id === known.id))) {
    await assertSameAccount(connection, madeIn(view, known.details ?? {}), `File system ${known.name} (${known.id})`);
    run.append("resource.lost", { role: inputs.role, id: known.id, why: "not in the list, twice" });
  }
  if (found !== null && inputs.region !== null && found.region.name !== inputs.region) {
    throw new UserError(`This run already has file system ${found.name} in ${found.region.name}, but ${inputs.region} is asked for, and a file system cannot be moved.`, {
      next: [`pulumi config set --path holdfast:storage.region ${found.region.name}`, "or end the run first: pulumi destroy"],
      code: "lambda-filesystem-elsewhere",
    });
  }
  return found;
}

async function make(connection: Connection, run: RunCustody, inputs: FilesystemInputs, context: Context): Promise<Filesystem> {
  const { client, time } = connection;
  const region = inputs.region ?? (await chooseRegion(connection, run, inputs, context));
  if (typeof region !== "string") {
    context.say(sayWaiting(region));
    throw new NotYet(region, { filesystemId: null, filesystemName: null, filesystemRegion: null, mountPoint: null });
  }
  const name = uniqueName(inputs.name);
  await context.assertEngineAlive();
  const intent = openIntent(run, { role: inputs.role, name, request: { name, region, ...accountOf(connection.endpoint, inputs.endpoint) } });
  let filesystem: Filesystem | null;
  try {
    filesystem = await whenAllowed(time, () => client.createFilesystem({ name, region }));
  } catch (error) {
    if (!isLambdaError(error, "ambiguous")) {
      run.append("intent.abandoned", { intent, why: error instanceof UserError ? error.message : "the request failed" });
      throw error;
    }
    filesystem = await lookUntilSettled(time, lostReplySeconds, async () => (await client.listFilesystems()).find((listed) => listed.name === name) ?? null);
    // The intent stays open: the next create looks once more before it makes another.
    if (filesystem === null) throw error;
  }
  confirm(connection, run, intent, inputs, filesystem);
  return filesystem;
}

async function findExisting(connection: Connection, run: RunCustody, inputs: FilesystemInputs): Promise<Filesystem> {
  const all = await connection.client.listFilesystems();
  const matches = all.filter((filesystem) => (inputs.mode === "adopt" ? filesystem.id === inputs.name : filesystem.name === inputs.name) && (inputs.region === null || filesystem.region.name === inputs.region));
  const [found] = matches;
  if (found === undefined || matches.length > 1) {
    const list = all.map((filesystem) => `${filesystem.name} (${filesystem.id}, ${filesystem.region.name})`).join("; ") || "none";
    const what = `${inputs.mode === "adopt" ? "id" : "name"} ${JSON.stringify(inputs.name)}${inputs.region === null ? "" : ` in ${inputs.region}`}`;
    throw new UserError(`${matches.length > 1 ? "Several file systems have" : "No file system has"} ${what}. The account has: ${list}.`, {
      next: ["set holdfast:storage to one of these (storage.adopt takes an id), or to `create`"],
      code: "lambda-no-filesystem",
    });
  }
  record(connection, run, inputs, found);
  return found;
}

function confirm(connection: Connection, run: RunCustody, intent: string, inputs: FilesystemInputs, filesystem: Filesystem): void {
  record(connection, run, inputs, filesystem);
  // Last: until then whoever comes after a crash looks for it.
  run.append("intent.confirmed", { intent, role: inputs.role, id: filesystem.id, name: filesystem.name });
}

function record({ endpoint }: Connection, run: RunCustody, inputs: FilesystemInputs, filesystem: Filesystem): void {
  // Somebody else's is paid by them: counted here too, it would be counted twice.
  const monthlyUsd = isOwn(inputs) ? storageMonthlyUsd(filesystem.bytes_used ?? (inputs.mode === "create" ? 0 : null)) : 0;
  run.append("resource.created", {
    role: inputs.role,
    kind: "LambdaFilesystem",
    id: filesystem.id,
    name: filesystem.name,
    ...(monthlyUsd === null ? {} : { monthlyUsd }),
    details: {
      ...{ region: filesystem.region.name, mountPoint: filesystem.mount_point, tier: inputs.tier, owned: isOwn(inputs), made: inputs.mode === "create", ...(inputs.shared === true ? { shared: true } : {}), usdPerGibMonth },
      ...accountOf(endpoint, inputs.endpoint),
    },
  });
}

/** Gone before anybody asked here. When the gate had allowed it, an earlier attempt did it and only the record is late. */
function recordGone(run: RunCustody, id: string, olds: FilesystemOutputs, how: string): void {
  const grant = run.view().openGrant;
  const { verb, tiersLost } = endOf(run, olds);
  if (grant && grantCovers(grant, { role: olds.role, id, verb, tiersLost })) run.append("resource.deleted", { role: olds.role, kind: "LambdaFilesystem", id, verb, grant: grant.id, confirmed: how });
  else run.append("resource.lost", { role: olds.role, id, why: how });
}

function recordLeftover(run: RunCustody, { endpoint }: Connection, olds: FilesystemOutputs, listed: Filesystem | null): void {
  run.append("leftover.recorded", {
    kind: "filesystem",
    id: olds.filesystemId,
    name: olds.filesystemName,
    monthlyUsd: storageMonthlyUsd(listed?.bytes_used ?? null),
    owned: olds.owned,
    remove: olds.owned
      ? `holdfast audit (shows what it holds and costs; others may use it by now), then: ${deleteFilesystemCommand(endpoint, olds.filesystemId)}`
      : "it is not this run's (storage.existing): it was there before and stays; whoever made it decides about it",
  });
}
