/** What the generic parts (audit, teardown, rescue, keeper) ask of every platform, and in which form it answers. Types only. */
import type { RunCustody } from "../custody";
import type { Clock } from "../custody/clock";
import type { EndpointRef, RunRef } from "../custody/formats";
import type { Plan, PlanStorage } from "../profiles/plan";

/** One thing the vendor bills. USD. */
export interface Billable {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  /** The unique name it was launched under, where the vendor keeps one apart from a name that people can change. */
  readonly launchName: string | null;
  /** The custody store that accounts for it; null: it does not say. */
  readonly custody: string | null;
  readonly region: string | null;
  readonly hourlyUsd: number | null;
  readonly monthlyUsd: number | null;
  /** The command that removes it. */
  readonly remove: string;
}

/** What a run would launch, and where. */
export interface CapacityAsked {
  readonly candidates: Plan["capacity"]["candidates"];
  readonly resources: Plan["resources"];
  /** The storage's region; null: none is chosen yet. */
  readonly region: string | null;
  readonly maxHourlyUsd: number | null;
}

/** A look at the vendor's list, which is advisory: a launch may be refused right after it. */
export interface CapacityNow {
  /** Best first. */
  readonly available: readonly { readonly type: string; readonly region: string; readonly hourlyUsd: number }[];
  /** Would do, and have no capacity now. */
  readonly awaited: readonly string[];
  /** Waiting for these does not help. */
  readonly excluded: readonly { readonly candidate: string; readonly why: string }[];
}

/** Something of a run that stands at the vendor, as a ledger records it. */
export interface FoundResource {
  readonly role: "instance" | "filesystem" | "sshKey";
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly hourlyUsd?: number;
  readonly monthlyUsd?: number;
  readonly details: Record<string, unknown>;
}

/** What the account still holds of a run, by the names it was made under. */
export interface FoundRun {
  readonly resources: readonly FoundResource[];
  /** One that answers, to read the storage through; null: none does. */
  readonly machine: { readonly instance: string; readonly host: string; readonly port: number; readonly user: string } | null;
  /** Where that machine has the storage. */
  readonly mounts: readonly { readonly filesystemId: string; readonly mountPoint: string }[];
}

/** A machine that could be attached just to read storage. */
export interface ReaderOffer {
  readonly type: string;
  readonly region: string;
  readonly hourlyUsd: number;
}

/** Where it answers, once it does. */
export interface Reader {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The private key's file. */
  readonly keyPath: string;
}

export interface ReaderEdges {
  readonly projectRoot: string;
  readonly clock: Clock;
  readonly say: (message: string) => void;
}

/** A machine of the account, whoever made it. */
export interface FoundMachine {
  readonly id: string;
  readonly name: string;
  /** The vendor's word. */
  readonly status: string;
  /** The name that Holdfast launched it under, here or elsewhere; null: Holdfast did not. */
  readonly launchName: string | null;
  /** null: it has no address (yet, or any more). */
  readonly address: { readonly host: string; readonly port: number; readonly user: string } | null;
  readonly hourlyUsd: number | null;
  readonly details: Record<string, unknown>;
}

export interface PlatformSource {
  /** Every machine of the account that is not gone, whoever made it. */
  listMachines(endpoint: EndpointRef, projectRoot: string): Promise<readonly FoundMachine[]>;
  /** What can be launched beside the run's storage now, cheapest first. One look, nothing is launched. */
  readerOffers(run: RunCustody, edges: ReaderEdges): Promise<readonly ReaderOffer[]>;
  /**
   * Launches the cheapest machine that mounts the run's storage, at most at this price, or takes over one that an interrupted
   * rescue left. Intents stand in the ledger first (roles `rescue`, `rescueKey`).
   */
  attachReader(run: RunCustody, maxHourlyUsd: number, edges: ReaderEdges): Promise<Reader>;
  /** Ends every such machine of the run and removes its key; returns how each is known to be gone. Nothing to end is fine. */
  detachReader(run: RunCustody, edges: ReaderEdges): Promise<readonly string[]>;
  /** How it is known that an instance of the run is gone; null while it stands. Throws UserError when this account cannot tell. */
  goneMachine(run: RunCustody, id: string, edges: ReaderEdges): Promise<string | null>;
  /** Everything the vendor bills for this account. */
  listBillables(endpoint: EndpointRef, projectRoot: string): Promise<readonly Billable[]>;
  /** Looks once, launches nothing. */
  capacityNow(endpoint: EndpointRef, projectRoot: string, asked: CapacityAsked): Promise<CapacityNow>;
  /** Looks for a run that no ledger remembers; `storage` is what its config says of it. */
  findRun(endpoint: EndpointRef, projectRoot: string, run: RunRef, storage: Pick<PlanStorage, "mode" | "name">): Promise<FoundRun>;
  /** Closes launch intents that made nothing; returns those whose outcome nobody knows yet. */
  settleIntents(run: RunCustody, endpoint: EndpointRef, projectRoot: string): Promise<readonly unknown[]>;
  /** Removes private key files of a run that has ended; nothing while a machine of it may stand. */
  removePrivateKeys(run: RunCustody): void;
  /** Whether storage that this run made, and never started a job on, holds anything. Anything unclear is `unknown`. */
  storageIsEmpty(endpoint: EndpointRef, projectRoot: string, id: string): Promise<"yes" | "no" | "unknown">;
}
