/**
 * An intent stands in the ledger before anything that bills is asked for, under a name that can be found again. What
 * became of it is found by looking; nothing is asked for twice.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { ownIdentity, startTicksOf } from "../../custody/disk/processes";
import type { RunCustody } from "../../custody/store";
import { UserError } from "../../custody/userError";
import type { VendorTime } from "./api/vendorTime";
import { isLambdaError } from "./api/errors";
import type { Connection } from "./connection";
import { assertSameAccount, madeIn } from "./connection";

/**
 * How long a request whose reply was lost may take to show in the lists, in vendor seconds. Clients of this API that
 * reconcile allow the same; launches have been seen to return after 9 s.
 */
export const lostReplySeconds = 180;

export function openIntent(run: RunCustody, { role, name, request }: { readonly role: string; readonly name: string; readonly request: Record<string, unknown> }): string {
  const intent = `int_${randomUUID().replaceAll("-", "")}`;
  const { pid, startTicks } = ownIdentity();
  run.append("intent.opened", { intent, role, name, pid, startTicks, request });
  return intent;
}

/** `base-` and 32 random bits: unique in the account, so that what carries it is ours. */
export const uniqueName = (base: string): string => `${base}-${randomBytes(4).toString("hex")}`;

const secondsBetweenLooks = 5;

/**
 * Looks until the thing shows or the time in which a lost reply may still show has passed; null then. Failures of the
 * look itself are waited out: they say nothing about the thing.
 */
export async function lookUntilSettled<T>(time: VendorTime, seconds: number, look: () => Promise<T | null>): Promise<T | null> {
  const deadline = time.deadline(seconds, seconds > 0 ? 3 : 0);
  for (let looks = 1; ; looks++) {
    // Never after a single look, which may have met a list that was incomplete for a moment.
    const last = looks > 1 && deadline.passed();
    try {
      const found = await look();
      if (found !== null || last) return found;
    } catch (error) {
      if (last || !isLambdaError(error, "transport", "rate-limit")) throw error;
    }
    await time.sleep(secondsBetweenLooks);
  }
}

/** An intent of an earlier operation that nobody resolved. */
export interface LeftIntent {
  readonly intent: string;
  readonly name: string;
  /** Vendor seconds in which a lost reply may still show; 0 when it would have shown by now. */
  readonly settlesInSeconds: number;
  readonly request: Readonly<Record<string, unknown>>;
}

/** Open intents of a role. Throws a UserError while the process that opened one still runs: it may yet succeed. */
export function leftIntents(run: RunCustody, role: string, time: VendorTime): LeftIntent[] {
  return run
    .view()
    .openIntents.filter((opened) => opened.role === role)
    .map((opened) => {
      const self = ownIdentity();
      const isOurs = opened.pid === self.pid && opened.startTicks === self.startTicks;
      if (!isOurs && opened.startTicks !== null && startTicksOf(opened.pid) === opened.startTicks) {
        throw new UserError(`Another process (${opened.pid}) is still creating ${role} "${opened.name}" of this run.`, {
          next: [`wait until it ends, or end it: kill ${opened.pid}`, "then run the command again: it finds what that process made"],
          code: "intent-in-progress",
        });
      }
      const elapsed = ((time.now().getTime() - new Date(opened.at).getTime()) / 1000) * time.scale;
      return { intent: opened.intent, name: opened.name, request: opened.request, settlesInSeconds: Math.max(0, lostReplySeconds - elapsed) };
    });
}

/**
 * Closes an intent of which nothing is to be seen. Throws a UserError when that may be because the API key is another
 * account's: what was made would bill there, and a second one would be made here.
 */
export async function abandonIntent(connection: Connection, run: RunCustody, left: LeftIntent, why: string): Promise<void> {
  if (typeof left.request["account"] === "string") await assertSameAccount(connection, madeIn(run.view(), left.request), `What was asked for as ${left.name}`);
  run.append("intent.abandoned", { intent: left.intent, why });
}
