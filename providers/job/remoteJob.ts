/** The job on an instance: one resource for the whole roster. Placing it is idempotent; moving it to another instance is an update. */
import { existsSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { join } from "node:path";
import type { EndpointRef, PlannedDeletion } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { RunCustody } from "../../custody";
import type { Binding, Context, Kind } from "../kind";
import { PartialCreate, runOf } from "../kind";
import { loadPlan } from "../planStore";
import { declarePlan } from "../declare";
import { openSshRemote } from "../ssh/remote";
import { authorizeDeletion } from "../teardown/authorize";
import { jobPlace, runDirectory, sessionName } from "./layout";
import { deadQueue } from "./deadQueue";
import { grantLease } from "./lease";
import { handOver, prepareEdit, recordRemoved, sayEdits } from "./liveEdit";
import type { JobContent, PlacedJob } from "./place";
import { checkInputs, pushInputs } from "./pushInputs";
import type { SecretMarks } from "./secrets";
import { compareSecrets, sayUnknownSecrets, SEND_SECRETS, writeSecrets } from "./secrets";
import { awaitMachine, locateJob, preflight, pushJob, startQueue } from "./place";
import type { JobSource } from "./source";
import { stopQueue } from "./stop";

export type RemoteJobInputs = {
  readonly binding: Binding;
  readonly endpoint: EndpointRef;
  readonly planSha256: string;
  readonly code: JobSource["code"];
  /** Absent in state of before there were marks. */
  readonly secrets?: SecretMarks;
  /** No machine, and perhaps no storage, while they wait for capacity. */
  readonly machine: Machine | { readonly [K in keyof Machine]: K extends "sshKeyName" ? string : null };
  readonly tier: Tier | { readonly [K in keyof Tier]: null };
};

interface Machine {
  readonly instanceId: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly sshKeyName: string;
}

interface Tier {
  readonly mountPoint: string;
  readonly filesystemId: string;
}

type Placeable = RemoteJobInputs & { readonly machine: Machine; readonly tier: Tier };

const canPlace = (inputs: RemoteJobInputs): inputs is Placeable => inputs.machine.instanceId !== null && inputs.tier.mountPoint !== null;

export type RemoteJobOutputs = RemoteJobInputs & {
  /** null while there is no storage yet. */
  readonly directory: string | null;
  readonly session: string;
  /** Marks of the values that are on the instance: inputs hold those of whoever typed the last update. */
  readonly secretsSent?: SecretMarks;
  /** Null until a start was seen to succeed. */
  readonly place: PlacedJob | null;
};

/** Seconds to wait for the first SSH answer: the instance is active already, sshd may follow a little later. */
const firstAnswerSeconds = 180;

export const remoteJob: Kind<RemoteJobInputs, RemoteJobOutputs> = {
  diff(olds, news) {
    const secrets = compareSecrets(sentBefore(olds), news.secrets, process.env);
    const note = sayUnknownSecrets(secrets);
    return { changes: !isDeepStrictEqual(essence(olds), essence(news)) || secrets.rotated.length > 0, ...(note === undefined ? {} : { note }) };
  },

  /** A reboot, or a kill, ends the queue and nothing on the instance starts it again. */
  async stall(_id, olds, context) {
    const run = context.run(olds.binding);
    return olds.place !== null && canPlace(olds) && startedOn(run, olds) ? deadQueue(connect(run, olds, context, 1), olds.place) : null;
  },

  async create(inputs, context) {
    const id = jobId(inputs.binding);
    return { id, outs: await place(id, inputs, context, null) };
  },

  async update(id, olds, news, context) {
    return place(id, news, context, olds);
  },

  async delete(id, olds, context) {
    const run = context.run(olds.binding);
    const deletion: PlannedDeletion = { role: "job", id, verb: "delete", tiersLost: [] };
    const { grantId } = await authorizeDeletion(context, olds.binding, olds.endpoint, deletion, olds);
    const stopped = await stopIfReachable(run, olds, context);
    run.append("resource.deleted", { role: "job", kind: "RemoteJob", id, verb: "delete", grant: grantId, confirmed: stopped });
  },
};

const sentBefore = (olds: RemoteJobOutputs): SecretMarks | undefined => olds.secretsSent ?? olds.secrets;

const jobId = (binding: Binding): string => `job-${binding.run}`;

const essence = ({ binding, endpoint, planSha256, code, machine, tier }: RemoteJobInputs): RemoteJobInputs => ({ binding, endpoint, planSha256, code, machine, tier });

async function place(id: string, inputs: RemoteJobInputs, context: Context, olds: RemoteJobOutputs | null): Promise<RemoteJobOutputs> {
  const run = context.run(inputs.binding);
  if (!canPlace(inputs)) return waitForMachine(run, inputs, context);
  const target = locateJob(contentOf(inputs, context));
  // Whatever is placed anew is given every value.
  const outs: RemoteJobOutputs = { ...inputs, directory: target.directory, session: target.session, place: withoutFiles(target), ...(inputs.secrets === undefined ? {} : { secretsSent: inputs.secrets }) };
  if (olds?.place && startedOn(run, inputs) && sameWork(olds.place, target) && !(await standsStill(run, olds.place, inputs, context))) {
    const secretsSent = await sendRotated(run, olds, inputs, context);
    declarePlan(run, inputs);
    return { ...outs, place: olds.place, secretsSent };
  }
  const remote = connect(run, inputs, context);
  try {
    await awaitMachine(remote, context.clock, firstAnswerSeconds);
    // A refused edit leaves state and run as they were: it throws before anything is recorded.
    const edit = run.view().jobEverStarted ? await prepareEdit(remote, run, olds?.planSha256 ?? null, contentOf(inputs, context), target) : null;
    if (edit !== null && (await handOver(remote, run, edit, recordPlace(run, inputs, target), context)) === "done") {
      declarePlan(run, inputs);
      await run.copyTo(remote, `${target.directory}/custody`);
      return outs;
    }
    try {
      await start(remote, run, inputs, target, context);
      if (edit !== null) {
        recordRemoved(run, edit);
        sayEdits(edit, context);
      }
      declarePlan(run, inputs);
      return outs;
    } catch (error) {
      // The session or its data may exist: state must know the job, so that the next update starts it again and a destroy asks.
      throw new PartialCreate(id, { ...outs, place: null }, error);
    }
  } finally {
    await remote.close();
  }
}

/** A machine that does not answer is believed: an edit of budget or teardown needs none. */
async function standsStill(run: RunCustody, before: PlacedJob, inputs: Placeable, context: Context): Promise<boolean> {
  try {
    return (await deadQueue(connect(run, inputs, context, 1), before)) !== null;
  } catch (error) {
    if (!(error instanceof RemoteUnreachable || error instanceof UserError)) throw error;
    return false;
  }
}

/** Cells that start from now on have the new values; nothing is started again for them. Returns the marks of what is there then. */
async function sendRotated(run: RunCustody, olds: RemoteJobOutputs, inputs: Placeable, context: Context): Promise<SecretMarks> {
  const before = sentBefore(olds) ?? {};
  const { rotated: names, unknown } = compareSecrets(before, inputs.secrets, process.env);
  if (names.length === 0) return before;
  // They are written as a whole: what is left as it is could only be left by leaving all of it.
  if (unknown.length > 0) {
    context.say(`note: ${names.join(", ")} changed, and was not sent: it goes together with ${unknown.join(", ")} (${SEND_SECRETS}=1 pulumi up sends all of them)`);
    return before;
  }
  const remote = connect(run, inputs, context);
  try {
    await awaitMachine(remote, context.clock, firstAnswerSeconds);
    await writeSecrets(remote, contentOf(inputs, context), process.env);
    context.say(`new values of ${names.join(", ")} are on the instance; a cell that runs keeps what it started with`);
    return { ...before, ...inputs.secrets };
  } finally {
    await remote.close();
  }
}

/** Where the job is from now on, as readers of the instance find it. */
const recordPlace = (run: RunCustody, inputs: RemoteJobInputs, target: ReturnType<typeof locateJob>) => (): void => {
  run.append("resource.created", { role: "job", kind: "RemoteJob", id: jobId(inputs.binding), name: target.session, details: { ...withoutFiles(target) } });
};

/** There is no machine to put the job on: an edit counts from now on, and the update that brings a machine starts it. */
function waitForMachine(run: RunCustody, inputs: RemoteJobInputs, context: Context): RemoteJobOutputs {
  const plan = loadPlan(run, inputs.planSha256);
  declarePlan(run, inputs);
  context.say("the job waits for its machine");
  return { ...inputs, directory: inputs.tier.mountPoint === null ? null : runDirectory(plan, inputs.tier.mountPoint), session: sessionName(runOf(inputs.binding)), place: null };
}

/** Whether a job of this run was ever started on this very instance; before that there is nothing there to stop. */
const startedOn = (run: RunCustody, { machine }: RemoteJobInputs): boolean => run.view().lastJobStart?.instance === machine.instanceId;

/** Nothing that reaches the instance differs: an edit of budget, teardown or capacity must not start a closed queue again. */
const sameWork = (olds: PlacedJob, news: PlacedJob): boolean => olds.spec === news.spec && olds.code === news.code && olds.directory === news.directory;

async function start(remote: Remote, run: RunCustody, inputs: Placeable, target: ReturnType<typeof locateJob>, context: Context): Promise<void> {
  const content = contentOf(inputs, context);
  context.say(`pushing scripts, code and spec to ${remote.description}`);
  await pushJob(remote, content, target);
  await preflight(remote, content, target);
  await checkInputs(remote, content, target);
  await pushInputs(remote, content, context.projectRoot, (message) => { context.say(message); });
  await writeSecrets(remote, content, process.env);
  recordPlace(run, inputs, target)();
  // From this line on data may exist, whatever becomes of the start.
  run.append("job.started", {
    instance: inputs.machine.instanceId,
    directory: target.directory,
    cells: content.plan.cells.map((cell) => cell.name),
    codeSha256: inputs.code.sha256,
    specSha256: target.specSha256,
    scriptsSha256: target.scriptsSha256,
  });
  grantLease(run, content.plan);
  await startQueue(remote, target, context.clock);
  await run.copyTo(remote, `${target.directory}/custody`);
  context.say(`job started: ${content.plan.cells.length} cells, log ${target.directory}/logs/queue.log`);
}

async function stopIfReachable(run: RunCustody, outs: RemoteJobOutputs, context: Context): Promise<string> {
  // From the ledger: a start that failed half-way left no place in state, and may have left a queue.
  const place = jobPlace(run.view());
  if (place === null || !canPlace(outs) || !startedOn(run, outs)) return "never started on this instance";
  const remote = connect(run, outs, context);
  try {
    return await stopQueue(remote, place);
  } catch (error) {
    // The grant was sealed on what the gate saw; a machine that is gone by now has no writer either.
    if (error instanceof RemoteUnreachable) return `the machine does not answer: ${error.reason}`;
    throw error;
  } finally {
    await remote.close();
  }
}

function connect(run: RunCustody, inputs: Placeable, context: Context, attempts?: number): Remote {
  const { machine } = inputs;
  const own = join(run.paths.ssh, machine.sshKeyName);
  return openSshRemote(
    {
      host: machine.host,
      port: machine.port,
      user: machine.user,
      // Private keys stay on the machine that made them: elsewhere a person's own key opens (access.authorizedKeys).
      keyPath: existsSync(own) ? own : null,
      knownHostsPath: join(run.paths.ssh, "known_hosts"),
      hostKeyAlias: machine.instanceId,
    },
    { clock: context.clock, ...(attempts === undefined ? {} : { attempts }) },
  );
}

const contentOf = (inputs: Placeable, context: Context): JobContent => ({
  run: runOf(inputs.binding),
  plan: loadPlan(context.run(inputs.binding), inputs.planSha256),
  codeDirectory: join(context.projectRoot, inputs.code.directory),
  codeSha256: inputs.code.sha256,
  codeWithout: inputs.code.without,
  mountPoint: inputs.tier.mountPoint,
  filesystemId: inputs.tier.filesystemId,
});

function withoutFiles(target: ReturnType<typeof locateJob>): PlacedJob {
  const { specFiles: _files, ...rest } = target;
  return rest;
}
