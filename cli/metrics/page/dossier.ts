/** Everything the page says about a run, as plain values: collected once, rendered by pure functions. */
import type { Approval, BreakGlass, Manifest, Receipt, Signed, StandingApproval } from "../../../custody/formats";
import type { LiveResource } from "../../../custody/view";
import type { RunView } from "../../../custody";
import type { Table } from "../../../profiles";
import type { Plan } from "../../../profiles/plan";
import type { Titles } from "../../render/teardown";
import type { RunClock } from "../../runs/clocks";
import type { RunCost } from "../../../custody/cost";
import type { CopyFault } from "../../runs/verifyCopy";
import type { Figure } from "../curve";
import type { CellMetrics } from "../series";
import type { RunMetrics } from "../source";

export interface Dossier {
  readonly run: string;
  readonly platform: { readonly id: string; readonly title: string; readonly api: string };
  readonly state: "live" | "ended";
  readonly activity: string;
  readonly version: string;
  /** ISO 8601. */
  readonly at: string;
  /** When the machine last said what the cells do; null: nobody ever looked. */
  readonly seenAt: string | null;
  readonly view: RunView;
  readonly plan: Plan | null;
  readonly titles: Titles;
  /** The platform's tiers against what can happen; null for a platform this version does not know. */
  readonly survival: Table | null;
  readonly cells: readonly DossierCell[];
  readonly metrics: { readonly cells: readonly CellMetrics[]; readonly figures: readonly Figure[]; readonly log: boolean; readonly from: RunMetrics["from"] | null };
  readonly cost: RunCost & { readonly resources: readonly PricedResource[] };
  readonly clocks: readonly RunClock[];
  readonly evidence: DossierEvidence;
  /** What could not be found out, one sentence each. */
  readonly problems: readonly string[];
}

export interface DossierCell {
  readonly name: string;
  readonly state: string;
  readonly attempt: number | null;
  readonly exit: number | null;
  readonly cause: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Words of the command line; what looks like a secret is left out. */
  readonly command: string | null;
  readonly configSha256: string | null;
  /** Of the newest manifest. */
  readonly artifacts: { readonly files: number; readonly bytes: number; readonly newest: { readonly path: string; readonly sha256: string } | null } | null;
}

export interface PricedResource extends Pick<LiveResource, "role" | "name" | "id" | "since"> {
  readonly until: string | null;
  readonly hourlyUsd: number | null;
  readonly monthlyUsd: number | null;
}

export interface DossierEvidence {
  readonly ledger: { readonly entries: number; readonly head: string; readonly firstAt: string; readonly lastAt: string };
  readonly manifest: { readonly sha256: string; readonly content: Manifest | null } | null;
  readonly receipts: readonly Signed<Receipt>[];
  readonly approvals: readonly Signed<Approval>[];
  readonly standing: readonly Signed<StandingApproval>[];
  readonly breakGlass: readonly Signed<BreakGlass>[];
  /** Files among the evidence that are none. */
  readonly faults: readonly string[];
  /** The pulled copy, read again for this page; null: not asked for, or none here. */
  readonly copy: { readonly directory: string; readonly files: number; readonly faults: readonly CopyFault[] } | null;
}
