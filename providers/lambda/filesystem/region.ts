/** Where to put a new file system: it can be mounted in its own region only, so capacity decides. */
import type { CapacityWaiting } from "../../../custody/formats";
import type { RunCustody } from "../../../custody/store";
import { UserError } from "../../../custody/userError";
import type { Context } from "../../kind";
import type { Candidate, Requirement } from "../capacity";
import { chooseCapacity } from "../capacity";
import type { WaitBounds } from "../capacityWait";
import { awaitedOf, endWait, keepWaiting, takePatience } from "../capacityWait";
import type { Connection } from "../connection";
import { impossibleCapacity } from "../instance/capacityErrors";

const pollSeconds = 10;

/**
 * The region of the first candidate that can be launched now. When none can, the first region that lists one within the
 * bounds of the wait: with nothing listed nobody knows where a type exists at all. Candidates that all name one region
 * decide alone. Throws UserError when the whole wait is over.
 */
export async function chooseRegion({ client, time }: Connection, run: RunCustody, asked: RegionAsked, context: Pick<Context, "say">): Promise<string | CapacityWaiting> {
  const pinned = asked.candidates[0]?.region ?? null;
  if (pinned !== null && asked.candidates.every((candidate) => candidate.region === pinned)) return pinned;
  const { role, maxWaitSeconds = 0, maxLockSeconds = maxWaitSeconds } = asked;
  const patience = takePatience(run, role, { maxWaitSeconds, maxLockSeconds }, time);
  const giveUp = (error: UserError): UserError => {
    endWait(run, role, error.message);
    return error;
  };
  for (let waited = false; ; waited = true) {
    const lastLook = patience.ended();
    const choices = chooseCapacity(await client.listInstanceTypes(), { ...asked, region: null });
    const [best] = choices.available;
    if (best !== undefined) return best.region;
    if (choices.awaited.length === 0) throw giveUp(impossibleCapacity(choices, null));
    if (lastLook) {
      if (!patience.over()) return keepWaiting(run, role, patience, { region: null, attempts: 0, awaited: awaitedOf(choices) });
      throw giveUp(new UserError(`No region lists capacity for ${choices.awaited.join(", ")} (waited ${Math.round(patience.waitedSeconds())} s), so it is unknown where the file system would have to be.`, {
        next: ["set the region yourself: pulumi config set --path holdfast:storage.region REGION", "or raise holdfast:capacity.maxWaitMinutes"],
        code: "lambda-capacity",
      }));
    }
    if (!waited) context.say(`waiting for a region with capacity for ${choices.awaited.join(", ")}`);
    await time.sleep(pollSeconds);
  }
}

interface RegionAsked extends Partial<WaitBounds> {
  readonly role: string;
  readonly candidates: readonly Candidate[];
  readonly requirement: Requirement;
  readonly maxHourlyUsd: number | null;
}
