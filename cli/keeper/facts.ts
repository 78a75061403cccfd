/** What one pass knows of a run before it judges: the ledger, the machine, the clocks, what was agreed. */
import type { FollowPass, Lease, RunView } from "../../custody";
import type { RunCost } from "../../custody/cost";
import type { LedgerEntry, Signed, StandingApproval } from "../../custody/formats";
import type { KeeperConfig } from "../../profiles/input/keeperConfig";
import type { CapacityNow } from "../../providers/platformContract";
import type { RunClock } from "../runs/clocks";
import type { RemoteStatus } from "../runs/remoteStatus";
import type { Occasion } from "./events";

export interface KeeperFacts extends Occasion {
  readonly view: RunView;
  readonly entries: readonly LedgerEntry[];
  readonly config: KeeperConfig;
  /** null: the machine did not answer, or there is none; `silence` says which. */
  readonly status: RemoteStatus | null;
  readonly silence: Silence | null;
  /** What came in this pass; null when nothing could be followed. */
  readonly followed: FollowPass | null;
  /** When the queue closed, also when the machine is silent since. */
  readonly finishedAt: string | null;
  /** When something last changed on the machine; null: nobody saw. */
  readonly progressAt: string | null;
  readonly cost: RunCost;
  readonly clocks: readonly RunClock[];
  readonly lease: Lease | null;
  readonly standing: readonly Signed<StandingApproval>[];
  /** Looked up only while the run waits for capacity. */
  readonly capacity: CapacityNow | null;
}

export interface Silence {
  readonly since: string;
  readonly why: string;
  /** What the vendor says of the instance: asked once it has been silent for a while. `none`: the ledger knows of none. */
  readonly instance: "stands" | "gone" | "none" | "unknown";
}

/** What the keeper does in this pass, besides telling. */
export type Action =
  | { readonly kind: "watch" }
  /** Pull everything, prove it, and destroy within a standing approval where there is one. */
  | { readonly kind: "end"; readonly why: "finished" | "stopped" | "lease-over"; readonly since: string }
  | { readonly kind: "renew"; readonly until: string }
  /** By `pulumi up`. */
  | { readonly kind: "restart"; readonly why: "lost" | "capacity" | "dead"; readonly what: string };
