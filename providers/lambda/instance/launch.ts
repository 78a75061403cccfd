/**
 * Waits for capacity and launches, within the stated wait, number of calls and price. A launch has no idempotency key:
 * each call stands in the ledger first, under a unique name, and an unknown outcome is resolved by looking for that name.
 */
import type { CapacityWaiting } from "../../../custody/formats";
import type { RunCustody } from "../../../custody/store";
import type { UserError } from "../../../custody/userError";
import type { Context } from "../../kind";
import { terminateCommand } from "../billables";
import type { Choice, Choices } from "../capacity";
import { chooseCapacity, specsOf } from "../capacity";
import type { Patience } from "../capacityWait";
import { awaitedOf, endWait, keepWaiting } from "../capacityWait";
import type { Connection } from "../connection";
import { accountOf } from "../connection";
import { isLambdaError, LambdaError } from "../api/errors";
import { lookUntilSettled, lostReplySeconds, openIntent, uniqueName } from "../intents";
import type { Instance, LaunchRequest, OfferedType } from "../api/types";
import { impossibleCapacity, noCapacity } from "./capacityErrors";
import { custodyTag, launchTag } from "./launchTag";
import type { LaunchInputs, Launched } from "./properties";
import { launchedOf } from "./properties";

const pollSeconds = 10;

/** Launch calls left, shared by all launches of one create. */
export interface Attempts {
  used: number;
  readonly max: number;
}

export interface LaunchContext {
  readonly inputs: LaunchInputs;
  readonly connection: Connection;
  readonly run: RunCustody;
  readonly context: Pick<Context, "say" | "assertEngineAlive">;
}

/**
 * One instance, recorded in the ledger, or the wait for one when this update has waited long enough (nothing exists then).
 * Throws UserError when the whole wait is over or no candidate can ever do (nothing exists then either), and LambdaError
 * "ambiguous" when nobody can say whether one exists (its intent then stays open).
 */
export async function launchWithinBounds(launch: LaunchContext, attempts: Attempts, patience: Patience): Promise<Launched | CapacityWaiting> {
  const { inputs, connection, run, context } = launch;
  const { time } = connection;
  const region = inputs.filesystem.region;
  const refusedNow = new Set<string>();
  const refusals: string[] = [];
  const giveUp = (error: UserError): UserError => {
    endWait(run, inputs.role, error.message);
    return error;
  };
  for (let waiting = false; ; ) {
    const lastLook = patience.ended();
    const offers = await listOffers(connection, lastLook);
    const choices = offers === null ? null : chooseCapacity(offers, { ...inputs, region, maxHourlyUsd: inputs.capacity.maxHourlyUsd });
    if (choices !== null && choices.available.length === 0 && choices.awaited.length === 0) throw giveUp(impossibleCapacity(choices, region));
    const choice = choices?.available.find((each) => !refusedNow.has(each.type));
    const outOfCalls = attempts.used >= attempts.max && choice !== undefined;
    if (choices !== null && (outOfCalls || (choice === undefined && lastLook))) {
      if (!outOfCalls && !patience.over()) return keepWaiting(run, inputs.role, patience, { region, attempts: attempts.used, awaited: awaitedOf(choices) });
      throw giveUp(noCapacity(choices, { region, waitedSeconds: patience.waitedSeconds(), attempts: attempts.used, refusals }));
    }
    if (choices === null || choice === undefined) {
      if (!waiting) context.say(waitingFor(choices, region, inputs.capacity.maxLockSeconds));
      waiting = true;
      refusedNow.clear();
      await time.sleep(pollSeconds);
      continue;
    }
    attempts.used++;
    context.say(`launching ${choice.type} in ${choice.region} at $${choice.hourlyUsd.toFixed(2)}/h (call ${attempts.used} of at most ${attempts.max})`);
    const outcome = await launchOnce(launch, choice, offers ?? []);
    if ("id" in outcome) return outcome;
    refusals.push(`${choice.type}: ${outcome.refused.message}`);
    // The listing is advisory: refused right after being listed is ordinary. Others first, then this one again.
    refusedNow.add(choice.type);
  }
}

/** null: the listing failed for now; in a wait of hours that is no reason to give up. */
async function listOffers({ client }: Connection, lastChance: boolean): Promise<OfferedType[] | null> {
  try {
    return await client.listInstanceTypes();
  } catch (error) {
    if (lastChance || !isLambdaError(error, "transport", "rate-limit")) throw error;
    return null;
  }
}

const waitingFor = (choices: Choices | null, region: string, seconds: number): string =>
  choices === null ? "Lambda does not answer; waiting" : `no capacity in ${region} for ${[...choices.awaited, ...choices.available.map((choice) => choice.type)].join(", ")}; waiting at most ${seconds} s`;

async function launchOnce(launch: LaunchContext, choice: Choice, offers: readonly OfferedType[]): Promise<Launched | { refused: LambdaError }> {
  const { inputs, connection, run, context } = launch;
  const { client, time } = connection;
  const launchName = uniqueName(inputs.name);
  const intent = openIntent(run, {
    role: inputs.role,
    name: launchName,
    request: { type: choice.type, region: choice.region, hourlyUsd: choice.hourlyUsd, sshKeyName: inputs.sshKeyName, filesystemId: inputs.filesystem.id, ...accountOf(connection.endpoint, inputs.endpoint) },
  });
  const request = { sent: false };
  try {
    // Asked at the last moment: pacing may have waited, and whoever wanted this may have gone.
    const ids = await client.launch(launchRequest(inputs, choice, launchName), {
      beforeSend: async () => {
        await context.assertEngineAlive();
        request.sent = true;
      },
    });
    const [id, ...others] = ids;
    if (id === undefined) throw new LambdaError("ambiguous", "Lambda answered the launch without an instance.", { status: 200, vendorCode: null, next: [] });
    const offer = offers.find((each) => each.type.name === choice.type);
    if (offer === undefined) throw new Error(`launched ${choice.type}, which was not offered`);
    const launched: Launched = { id, launchName, launchedAt: time.now().toISOString(), type: choice.type, region: choice.region, specs: specsOf(offer), hourlyUsd: choice.hourlyUsd };
    recordLaunched(launch, intent, launched, others);
    return launched;
  } catch (error) {
    if (request.sent && isLambdaError(error, "ambiguous")) return resolveLostReply(launch, intent, launchName, error);
    // Definitely not launched, or never asked for. Anything unforeseen leaves the intent open: the next create looks.
    if (!request.sent || error instanceof LambdaError) run.append("intent.abandoned", { intent, why: error instanceof Error ? error.message : String(error) });
    if (isLambdaError(error, "capacity")) return { refused: error };
    // Too fast, or no connection: both prove that nothing was launched, so another call may be made.
    if (isLambdaError(error, "rate-limit", "transport")) {
      await time.sleep(15);
      return { refused: error };
    }
    throw error;
  }
}

async function resolveLostReply(launch: LaunchContext, intent: string, launchName: string, error: LambdaError): Promise<Launched> {
  const { connection, context } = launch;
  const { client, time } = connection;
  context.say(`the reply to the launch was lost; looking for ${launchName}`);
  const found = await lookUntilSettled(time, lostReplySeconds, async () => allLaunched(await client.listInstances(), launchName));
  if (found === null) {
    throw new LambdaError("ambiguous", `Nobody knows whether instance ${launchName} exists: the launch had no usable reply, and it did not appear within ${lostReplySeconds} s. If it does appear, it bills. (${error.message})`, {
      ...error.details,
      next: [`pulumi up (looks for ${launchName} first, and takes it over when it is there)`, "holdfast audit (lists everything that bills)"],
    });
  }
  const [first, ...others] = found;
  const launched = launchedOf(first, launchName, time.now().toISOString());
  recordLaunched(launch, intent, launched, others.map((instance) => instance.id));
  return launched;
}

/** By the tag, which nobody can change, or by the name. null: none. */
export function allLaunched(instances: readonly Instance[], launchName: string): readonly [Instance, ...Instance[]] | null {
  const [first, ...others] = instances.filter((instance) => instance.tags?.some((tag) => tag.key === launchTag && tag.value === launchName) === true || instance.name === launchName);
  return first === undefined ? null : [first, ...others];
}

/**
 * One was asked for; should the vendor ever make more, each stands in the ledger as what it is, a live instance of the run,
 * so that the audit does not close while it bills. They come first: the newest of a role is the one that is used.
 */
export function recordLaunched(launch: LaunchContext, intent: string, launched: Launched, others: readonly string[]): void {
  const { inputs, connection, run, context } = launch;
  for (const id of [...others, launched.id]) {
    run.append("resource.created", {
      role: inputs.role,
      kind: "LambdaInstance",
      id,
      name: launched.launchName,
      hourlyUsd: launched.hourlyUsd,
      details: {
        ...{ type: launched.type, region: launched.region, launchedAt: launched.launchedAt },
        ...{ sshKeyName: inputs.sshKeyName, filesystemId: inputs.filesystem.id, ...accountOf(connection.endpoint, inputs.endpoint) },
      },
    });
  }
  // Last: until then whoever comes after a crash looks for the launch, and finds all of them.
  run.append("intent.confirmed", { intent, role: inputs.role, id: launched.id, name: launched.launchName });
  for (const id of others) context.say(`Lambda made another instance for the one that was asked for, ${id}, which bills and carries nothing; end it with: ${terminateCommand(connection.endpoint, id)}`);
}

function launchRequest(inputs: LaunchInputs, choice: Choice, launchName: string): LaunchRequest {
  const userData = userDataOf(inputs);
  return {
    region_name: choice.region,
    instance_type_name: choice.type,
    ssh_key_names: [inputs.sshKeyName],
    file_system_mounts: [{ file_system_id: inputs.filesystem.id, mount_point: inputs.filesystem.mountPoint }],
    name: launchName,
    image: inputs.image,
    tags: [
      { key: launchTag, value: launchName },
      { key: custodyTag, value: inputs.binding.custodyId },
      ...Object.entries(inputs.tags).map(([key, value]) => ({ key, value })),
    ],
    ...(inputs.firewallRulesetIds.length === 0 ? {} : { firewall_rulesets: inputs.firewallRulesetIds.map((id) => ({ id })) }),
    ...(userData === null ? {} : { user_data: userData }),
  };
}

/** The API takes exactly one key; further ones are installed by cloud-init at first boot. */
function userDataOf({ userData, authorizedKeys }: LaunchInputs): string | null {
  if (typeof userData === "string" && userData !== "") return userData;
  if (authorizedKeys.length === 0) return null;
  return ["#cloud-config", "ssh_authorized_keys:", ...authorizedKeys.map((key) => `  - ${JSON.stringify(key)}`), ""].join("\n");
}
