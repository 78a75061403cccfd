/** From the launch to a machine that accepts connections, under one deadline. */
import { UserError } from "../../../custody/userError";
import type { Context } from "../../kind";
import type { Connection, LambdaEdges } from "../connection";
import { isLambdaError } from "../api/errors";
import { lookAtInstance } from "../gone";
import type { Instance } from "../api/types";

/** 8-GPU machines have taken 25 minutes; single ones 2 to 5, once 14. */
export const bootDeadlineSeconds = 30 * 60;
const pollSeconds = 10;

/** Why an instance did not come up: it reports itself broken, it is gone, or it takes too long. */
export class BootFailure extends UserError {
  constructor(
    readonly why: "unhealthy" | "lost" | "deadline",
    message: string,
    next: readonly string[],
    /** The last look; null when it is gone. */
    readonly instance: Instance | null,
  ) {
    super(message, { next, code: `lambda-boot-${why}` });
    this.name = "BootFailure";
  }
}

export interface Booting {
  readonly id: string;
  readonly name: string;
  readonly hourlyUsd: number;
}

/** Resolves with an instance that is `active`, has an address and whose sshd's port is open. Throws BootFailure. */
export async function waitForBoot(connection: Connection, booting: Booting, context: Pick<Context, "say">, probePort: LambdaEdges["probePort"]): Promise<Instance & { ip: string }> {
  const { time, endpoint } = connection;
  const deadline = time.deadline(bootDeadlineSeconds, 60);
  let last: Instance | null = null;
  let said = "";
  for (;;) {
    const look = await lookWhileWaiting(connection, booting.id);
    if (look === "unanswered") {
      if (deadline.passed()) throw tooSlow(booting, last, deadline.elapsed());
    } else if (look.gone !== null) {
      throw lost(booting, look.gone, null);
    } else {
      last = look.instance;
      const { status, ip } = look.instance;
      if (status === "terminating" || status === "preempted") throw lost(booting, `status ${status}`, look.instance);
      if (status === "unhealthy") await confirmUnhealthy(connection, booting, look.instance);
      // Services have opened both before and after `active`, so both are waited for.
      if (status === "active" && isAddress(ip) && (await probePort(ip, endpoint.sshPort))) return { ...look.instance, ip };
      said = sayOnce(context, said, `${booting.name}: ${status}${isAddress(ip) ? `, ${ip}` : ", no address yet"}${status === "active" && isAddress(ip) ? `, waiting for port ${endpoint.sshPort}` : ""}`);
      if (deadline.passed()) throw tooSlow(booting, look.instance, deadline.elapsed());
    }
    await time.sleep(pollSeconds);
  }
}

const isAddress = (ip: string | null | undefined): ip is string => typeof ip === "string" && ip !== "";

function sayOnce(context: Pick<Context, "say">, said: string, message: string): string {
  if (message !== said) context.say(message);
  return message;
}

/** A look that fails says nothing about the instance; the deadline bounds how long that is waited out. */
async function lookWhileWaiting(connection: Connection, id: string): Promise<Awaited<ReturnType<typeof lookAtInstance>> | "unanswered"> {
  try {
    return await lookAtInstance(connection, id);
  } catch (error) {
    if (isLambdaError(error, "transport", "rate-limit")) return "unanswered";
    throw error;
  }
}

const unhealthyAgainAfterSeconds = 20;

/** One `unhealthy` may be a passing reading; a second one in a row is believed. */
async function confirmUnhealthy(connection: Connection, booting: Booting, first: Instance): Promise<void> {
  await connection.time.sleep(unhealthyAgainAfterSeconds);
  const again = await lookWhileWaiting(connection, booting.id);
  if (again === "unanswered" || (again.gone === null && again.instance.status !== "unhealthy")) return;
  throw new BootFailure("unhealthy", `Instance ${booting.name} (${booting.id}) came up unhealthy.`, ["pulumi up (launches another)"], again.instance ?? first);
}

const lost = (booting: Booting, how: string, instance: Instance | null): BootFailure =>
  new BootFailure("lost", `Instance ${booting.name} (${booting.id}) vanished while it booted: ${how}.`, ["pulumi up (launches another)"], instance);

const tooSlow = (booting: Booting, instance: Instance | null, seconds: number): BootFailure =>
  new BootFailure(
    "deadline",
    `Instance ${booting.name} (${booting.id}) does not accept connections ${Math.round(seconds / 60)} minutes after its launch (status ${instance?.status ?? "unknown"}, ${isAddress(instance?.ip) ? `address ${instance.ip}` : "no address"}). It bills $${booting.hourlyUsd.toFixed(2)}/h.`,
    ["pulumi up (waits for it again)", "pulumi destroy (terminates it; no job ran on it)"],
    instance,
  );
