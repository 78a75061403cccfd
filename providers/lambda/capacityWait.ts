/**
 * A wait for capacity that outlives single updates: each holds the stack's lock for a bounded time, then ends with the wait in
 * the ledger, and the next one goes on. Nothing is asked for in between, so nothing can be made twice.
 */
import type { CapacityWaiting } from "../../custody/formats";
import type { RunCustody } from "../../custody/store";
import { UserError } from "../../custody/userError";
import type { VendorTime } from "./api/vendorTime";
import type { Choices } from "./capacity";

export interface WaitBounds {
  /** Vendor seconds in all, over several updates. */
  readonly maxWaitSeconds: number;
  /** Of these, what one update may take. */
  readonly maxLockSeconds: number;
}

export interface Patience {
  readonly since: string;
  readonly until: string;
  /** Launch calls made in this wait before. */
  readonly attempts: number;
  /** This update has waited long enough. */
  ended(): boolean;
  /** And so has the whole wait. */
  over(): boolean;
  /** Vendor seconds since the wait began. */
  waitedSeconds(): number;
}

/** What is left of a wait that the ledger knows, or a new one. A wait that ran out is begun anew: somebody asked again. */
export function takePatience(run: RunCustody, role: string, bounds: WaitBounds, time: VendorTime): Patience {
  const now = time.now();
  const known = run.view().waiting;
  const goesOn = known?.role === role && now.getTime() < Date.parse(known.until);
  const { since, until, attempts } = goesOn
    ? known
    : { since: now.toISOString(), until: new Date(now.getTime() + (bounds.maxWaitSeconds * 1000) / time.scale).toISOString(), attempts: 0 };
  const lock = time.deadline(bounds.maxLockSeconds);
  const over = (): boolean => time.now().getTime() >= Date.parse(until);
  return { since, until, attempts, over, ended: () => lock.passed() || over(), waitedSeconds: () => ((time.now().getTime() - Date.parse(since)) / 1000) * time.scale };
}

/** Writes down that the wait goes on. */
export function keepWaiting(run: RunCustody, role: string, patience: Patience, left: Pick<CapacityWaiting, "region" | "attempts" | "awaited">): CapacityWaiting {
  const waiting: CapacityWaiting = { role, since: patience.since, until: patience.until, ...left };
  run.append("capacity.waiting", waiting);
  return waiting;
}

/** Of what cannot be made before the storage is, whose wait the ledger has. Throws UserError when it has none. */
export function waitingForStorage(run: RunCustody): CapacityWaiting {
  const known = run.view().waiting;
  if (known === null) throw new UserError("There is no file system yet, and the ledger knows of no wait for one.", { next: ["pulumi up (creates it)"], code: "lambda-no-filesystem" });
  const { at: _at, ...waiting } = known;
  return waiting;
}

/** Writes down that nobody waits any more, when somebody did. */
export function endWait(run: RunCustody, role: string, why: string): void {
  if (run.view().waiting?.role === role) run.append("capacity.ended", { role, why });
}

/** Everything that would do, listed now or not. */
export const awaitedOf = (choices: Choices): string[] => [...new Set([...choices.awaited, ...choices.available.map((choice) => choice.type)])];

/** For the person at the terminal. */
export const sayWaiting = ({ since, until, region, awaited }: CapacityWaiting): string =>
  `No capacity for ${awaited.join(", ")}${region === null ? "" : ` in ${region}`} yet. Waiting since ${since}, until ${until}. Nothing was launched, and this update ends so that the stack is free: pulumi up goes on.`;
