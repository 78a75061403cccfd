// The contract between the one pass over a file's bytes (file.ts) and the checks of each format.
import type { ScanMemory } from "./simd/scanMemory.js";
import type { ProblemList, Summary } from "./verdict.js";

/** Sees every byte of the file once, in order. It never throws for what the file says: that is a problem in the list. */
export interface FormatCheck {
  /** `chunk` starts at byte `position` of the file and is only valid until the call (or its promise) ends. */
  consume(chunk: Uint8Array, position: number): void | Promise<void>;
  /** Called after the last byte. */
  finish(): void | Promise<void>;
  /** Asked after `finish`. */
  summary(): Summary | undefined;
  links?(): Links;
}

/** What the cross-file step of a tree needs to know; it does not leave the verifier. */
export interface Links {
  readonly tensorNames?: readonly string[];
  readonly weightMap?: readonly (readonly [tensor: string, shard: string])[];
}

export interface CheckContext {
  /** Bytes of the file when it was opened. */
  readonly size: number;
  readonly problems: ProblemList;
  readonly memory: ScanMemory;
  /** A small read at any position, for what must be known before the pass (a zip's directory). Short only at the end of the file. */
  readAt(position: number, length: number): Buffer;
  /** True when values that are not finite are allowed in the tensor of this name. */
  mayBeNonFinite(tensor: string): boolean;
}
