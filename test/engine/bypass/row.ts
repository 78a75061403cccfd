/** The shape of one way around the gate: what a person types, what refuses, what still stands, what the ledger keeps. */
import type { RefusalCode } from "../../../custody";
import type { Scene, Undo } from "./scene";

/** What said no. `nobody`: it cannot be refused, and is found afterwards. */
export type Refuser = "gate" | "provider lock" | "transform" | "program check" | "engine" | "vendor" | "command" | "nobody";

/** Where the shared run stands when the row is tried. */
export type Phase = "writing" | "finished" | "approved";

interface Way {
  /** Stable: names the test and the row of the document. */
  readonly id: string;
  /** The situation, in a few words; made by `prepare`. */
  readonly when: string;
  /** Command lines as a person types them; `{instance}` and the like stand for URNs. The last one is the attempt. */
  readonly typed: readonly string[];
}

/** Refused, and nothing changed: tried on the one shared run. */
export interface Refused extends Way {
  readonly kind: "refused";
  readonly phase: Phase;
  readonly by: Refuser;
  /** What `teardown.refused` records, exactly; empty when the refusal comes before anything is asked. */
  readonly codes: readonly RefusalCode[];
  /** Exit code of the last command. */
  readonly exit: number;
  /** What the text must say. */
  readonly says: readonly RegExp[];
  /** Commands that the text must propose, verbatim. */
  readonly next: readonly string[];
  /** A note that the ledger has afterwards. */
  readonly noted?: RegExp;
  /** Brings the situation about; returns what undoes it. */
  readonly prepare?: (scene: Scene) => Promise<Undo> | Undo;
  /** Why the attempt may also go through, chance deciding; what stands is the same then. */
  readonly mayPass?: string;
  /** What must hold when it went through. */
  readonly foundThen?: (scene: Scene) => Promise<void>;
  /** What the attempt left in state or ledger is put right by one more update. */
  readonly settle?: "state" | "up";
}

/** Something goes in the end, or cannot be refused: followed on a stack of its own. */
export interface Followed extends Way {
  readonly kind: "followed";
  readonly by: readonly Refuser[];
  /** What stands at the vendor on the way and at the end. */
  readonly stands: string;
  readonly ledger: string;
  readonly follow: () => Promise<void>;
}

/** Cannot be exercised yet. */
export interface Later extends Way {
  readonly kind: "later";
  readonly why: string;
}

export type Row = Refused | Followed | Later;
