// What verification says about a file: the verdict's shape and the bounded list of problems that it is built from.
import type { ProblemCode } from "./codes.js";

export type VerifiedFormat =
  | "safetensors"
  | "torch-zip"
  | "npz"
  | "npy"
  | "json"
  | "safetensors-index"
  | "torch-index"
  | "opaque";

/** One reason why a file does not count as loaded. `where` is an entry, tensor, or byte position inside the file. */
export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
  readonly where?: string;
}

/** What a checkpoint holds. `bytes` counts tensor bytes only; `dtypes` counts tensors by the format's own dtype names. */
export interface Summary {
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
  readonly dtypes: Readonly<Record<string, number>>;
  /** Names of tensors whose non-finite values the caller allowed by name, and that have some. */
  readonly nonFiniteAllowed?: readonly string[];
}

/** `bytes` and `sha256` (lower-case hex) describe what was read; both are 0 and "" when the file could not be read. */
export interface FileVerdict {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly format: VerifiedFormat;
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly summary?: Summary;
}

/** Lists at most this many problems per file; a forged file can hold millions. */
const maxProblems = 50;
/** Names come from the file, and may be megabytes of control characters. */
const maxQuoted = 200;

/** Collects problems in order, bounded. */
export class ProblemList {
  readonly #problems: Problem[] = [];
  #dropped = 0;

  add(code: ProblemCode, message: string, where?: string): void {
    if (this.#problems.length >= maxProblems) {
      this.#dropped += 1;
      return;
    }
    this.#problems.push(where === undefined ? { code, message } : { code, message, where: printable(where) });
  }

  get full(): boolean {
    return this.#problems.length >= maxProblems;
  }

  get any(): boolean {
    return this.#problems.length > 0;
  }

  list(): Problem[] {
    if (this.#dropped === 0) return [...this.#problems];
    return [...this.#problems, { code: "more-problems", message: `${this.#dropped} more problems of this file are not listed.` }];
  }
}

/** Quotes a name that the file chose: control characters escaped, length bounded, so that it cannot forge a terminal or a log. */
export function quote(name: string): string {
  return JSON.stringify(printable(name));
}

function printable(text: string): string {
  const short = text.length > maxQuoted ? `${text.slice(0, maxQuoted)}...` : text;
  return short.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Counts tensors for a verdict's summary. */
export class Tally {
  #tensors = 0;
  #elements = 0;
  #bytes = 0;
  readonly #dtypes = new Map<string, number>();
  readonly #allowed = new Set<string>();

  add(dtype: string, elements: number, bytes: number): void {
    this.#tensors += 1;
    this.#elements += elements;
    this.#bytes += bytes;
    this.#dtypes.set(dtype, (this.#dtypes.get(dtype) ?? 0) + 1);
  }

  allowNonFinite(name: string): void {
    this.#allowed.add(printable(name));
  }

  get tensors(): number {
    return this.#tensors;
  }

  get elements(): number {
    return this.#elements;
  }

  summary(): Summary {
    const counts = { tensors: this.#tensors, elements: this.#elements, bytes: this.#bytes, dtypes: Object.fromEntries(this.#dtypes) };
    return this.#allowed.size === 0 ? counts : { ...counts, nonFiniteAllowed: [...this.#allowed] };
  }
}
