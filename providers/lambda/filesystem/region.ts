/** Where to put a new file system: it can be mounted in its own region only, so capacity decides. */
import { UserError } from "../../../custody/userError";
import type { Context } from "../../kind";
import type { Candidate, Requirement } from "../capacity";
import { chooseCapacity } from "../capacity";
import type { Connection } from "../connection";
import { impossibleCapacity } from "../instance/capacityErrors";

const pollSeconds = 10;

/**
 * The region of the first candidate that can be launched now. When none can, the first region that lists one within
 * `maxWaitSeconds`: with nothing listed nobody knows where a type exists at all. Candidates that all
 * name one region decide alone.
 */
export async function chooseRegion(
  { client, time }: Connection,
  asked: { readonly candidates: readonly Candidate[]; readonly requirement: Requirement; readonly maxHourlyUsd: number | null; readonly maxWaitSeconds?: number },
  context: Pick<Context, "say">,
): Promise<string> {
  const pinned = asked.candidates[0]?.region ?? null;
  if (pinned !== null && asked.candidates.every((candidate) => candidate.region === pinned)) return pinned;
  const maxWaitSeconds = asked.maxWaitSeconds ?? 0;
  const deadline = time.deadline(maxWaitSeconds);
  for (let waited = false; ; waited = true) {
    const choices = chooseCapacity(await client.listInstanceTypes(), { ...asked, region: null });
    const [best] = choices.available;
    if (best !== undefined) return best.region;
    if (choices.awaited.length === 0) throw impossibleCapacity(choices, null);
    if (deadline.passed()) {
      throw new UserError(`No region lists capacity for ${choices.awaited.join(", ")} (waited ${maxWaitSeconds} s), so it is unknown where the file system would have to be.`, {
        next: ["set the region yourself: pulumi config set --path holdfast:storage.region REGION", "or raise holdfast:capacity.maxWait"],
        code: "lambda-capacity",
      });
    }
    if (!waited) context.say(`waiting for a region with capacity for ${choices.awaited.join(", ")}`);
    await time.sleep(pollSeconds);
  }
}
