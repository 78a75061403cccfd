/** What a plan depends on besides job and profile. */
import type { RunRef } from "../../custody/formats";
import type { StackConfig } from "../stackConfig";

export interface ResolveOptions {
  readonly run: RunRef;
  readonly config: StackConfig;
  /** sha256 over the code directory's content. */
  readonly codeSha256: string;
  /** The present, to doubt old facts by. Left out: every fact is believed. A plan changes with it once a month at most. */
  readonly now?: Date;
}
