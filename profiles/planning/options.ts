/** What a plan depends on besides job and profile. */
import type { RunRef } from "../../custody/formats";
import type { PlanLock } from "../plan";
import type { StackConfig } from "../stackConfig";

/** An input that lies on this machine, as it was found. */
export interface MeasuredInput {
  /** Relative to the project's root. */
  readonly source: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly files: number;
}

export interface ResolveOptions {
  readonly run: RunRef;
  readonly config: StackConfig;
  /** sha256 over the code directory's content. */
  readonly codeSha256: string;
  /** By name: local inputs that are there. One that is missing keeps the hash and size that the job states. */
  readonly inputs?: ReadonlyMap<string, MeasuredInput>;
  /** What the job's lock file pins; needed where the job names one. */
  readonly lock?: PlanLock | null;
  /** The present, to doubt old facts by. Left out: every fact is believed. A plan changes with it once a month at most. */
  readonly now?: Date;
}
