/** Before anything is launched: what did an earlier, interrupted create leave? An instance of this run is taken over, never doubled. */
import { UserError } from "../../../custody/userError";
import { isStillAllowed, specsOf } from "../capacity";
import { terminateCommand } from "../billables";
import { lookAtInstance } from "../gone";
import { assertSameAccount, madeIn } from "../connection";
import { abandonIntent, leftIntents, lookUntilSettled } from "../intents";
import type { Instance } from "../api/types";
import type { LaunchContext } from "./launch";
import { allLaunched, recordLaunched } from "./launch";
import type { LaunchInputs, Launched } from "./properties";
import { launchedOf } from "./properties";

const isLive = (instance: Instance): boolean => instance.status !== "terminated" && instance.status !== "terminating";

/**
 * The instance of an open intent, or the one that the ledger calls live although state lost it; null when there is none.
 * Throws UserError when one stands that does not match the inputs: two instances of one run are never made.
 */
export async function adoptInstance(launch: LaunchContext): Promise<Launched | null> {
  return (await adoptFromIntents(launch)) ?? (await adoptFromLedger(launch));
}

async function adoptFromIntents(launch: LaunchContext): Promise<Launched | null> {
  const { inputs, connection, run, context } = launch;
  const { client, time } = connection;
  let adopted: Launched | null = null;
  for (const left of leftIntents(run, inputs.role, time)) {
    context.say(`looking for ${left.name}, whose launch was never confirmed`);
    const all = await lookUntilSettled(time, left.settlesInSeconds, async () => allLaunched(await client.listInstances(), left.name));
    const [found, ...others] = (all ?? []).filter(isLive);
    if (found === undefined) {
      await abandonIntent(connection, run, left, all === null ? "no instance of that name at Lambda" : `its instance ${all[0].id} is ${all[0].status}`);
      continue;
    }
    const launched = launchedOf(found, left.name, time.now().toISOString());
    recordLaunched(launch, left.intent, launched, others.map((instance) => instance.id));
    if (adopted !== null) throw standsInTheWay(found, launch, "a second unconfirmed launch of this run was found");
    assertMatches(found, launch);
    adopted = launched;
    context.say(`taking over instance ${found.name} (${found.id})`);
  }
  return adopted;
}

async function adoptFromLedger(launch: LaunchContext): Promise<Launched | null> {
  const { inputs, connection, run, context } = launch;
  const view = run.view();
  const known = view.resources.get(inputs.role);
  if (known === undefined) return null;
  const look = await lookAtInstance(connection, known.id);
  if (look.gone !== null || !isLive(look.instance)) {
    if (look.gone !== null) await assertSameAccount(connection, madeIn(view, known.details ?? {}), `Instance ${known.name} (${known.id})`);
    run.append("resource.lost", { role: inputs.role, id: known.id, why: look.gone ?? `status ${look.instance.status}` });
    // Another one of the role may stand: what one launch made twice.
    return adoptFromLedger(launch);
  }
  assertMatches(look.instance, launch);
  context.say(`taking over instance ${known.name} (${known.id}), which the ledger names and the stack's state does not`);
  const launchedAt = known.details?.["launchedAt"];
  return launchedOf(look.instance, known.name, typeof launchedAt === "string" ? launchedAt : known.since);
}

function assertMatches(instance: Instance, launch: LaunchContext): void {
  const mismatch = mismatchOf(instance, launch.inputs);
  if (mismatch !== null) throw standsInTheWay(instance, launch, mismatch);
}

/** What cannot be changed on a running instance and differs from what is asked; null when it can serve. */
export function mismatchOf(instance: Instance, inputs: LaunchInputs): string | null {
  if (!instance.ssh_key_names.includes(inputs.sshKeyName)) return `it accepts the key ${instance.ssh_key_names.join(", ")}, not ${inputs.sshKeyName}`;
  const mounted = instance.file_system_mounts?.some((mount) => mount.file_system_id === inputs.filesystem.id) ?? instance.file_system_names.includes(inputs.filesystem.name);
  if (!mounted) return `it does not mount the file system ${inputs.filesystem.name}`;
  const specs = specsOf({ type: instance.instance_type, regions: [] });
  if (!isStillAllowed({ specs, region: instance.region.name }, inputs.candidates, inputs.requirement)) return `it is a ${specs.type} in ${instance.region.name}, which is not among the candidates`;
  return null;
}

const standsInTheWay = (instance: Instance, { connection }: LaunchContext, why: string): UserError =>
  new UserError(
    `This run already has instance ${instance.name} (${instance.id}, ${instance.instance_type.name}, $${(instance.instance_type.price_cents_per_hour / 100).toFixed(2)}/h), which cannot serve: ${why}. No second one is launched beside it.`,
    {
      next: [
        "restore the config it was launched with and run pulumi up: it is taken over, and can then be changed",
        `or, when nothing on it is needed: ${terminateCommand(connection.endpoint, instance.id)}`,
      ],
      code: "lambda-instance-exists",
    },
  );
