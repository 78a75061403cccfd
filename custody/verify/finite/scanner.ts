// Looks for values that are not finite in a stream of bytes, given where in the stream the floats of each tensor lie.
import type { CheckContext } from "../check.js";
import type { Tally } from "../verdict.js";
import { quote } from "../verdict.js";
import { isNonFinite, type FloatKind } from "./kinds.js";
import type { ScanMemory } from "../simd/scanMemory.js";

/** Floats of one kind in bytes [start, end) of the stream; a whole number of elements. Ranges may overlap. */
export interface FloatRange {
  readonly start: number;
  readonly end: number;
  readonly kind: FloatKind;
  readonly tensor: string;
}

/** Names at most this many tensors per file and then stops looking: the file has failed. */
const maxReported = 10;

/** Scans one stream; several streams of a file (entries of an archive) may share the context. */
export class FiniteScan {
  readonly #scanners: readonly KindScanner[];

  constructor(ranges: readonly FloatRange[], context: CheckContext, tally: Tally, entry?: string) {
    const reporter = new Reporter(context, tally, entry);
    const kinds = new Map<FloatKind, FloatRange[]>();
    for (const range of ranges) {
      if (range.end <= range.start) continue;
      const list = kinds.get(range.kind);
      if (list === undefined) kinds.set(range.kind, [range]);
      else list.push(range);
    }
    this.#scanners = [...kinds].map(([kind, list]) => new KindScanner(kind, list, context.memory, reporter));
  }

  /** `position` is where `bytes` starts in the stream; calls are in order, without gaps. */
  consume(bytes: Uint8Array, position: number): void {
    for (const scanner of this.#scanners) scanner.consume(bytes, position);
  }
}

class Reporter {
  #reported = 0;

  constructor(
    private readonly context: CheckContext,
    private readonly tally: Tally,
    private readonly entry: string | undefined,
  ) {}

  get exhausted(): boolean {
    return this.#reported >= maxReported || this.context.problems.full;
  }

  /** True when the tensor may hold such values. */
  allows(tensor: string): boolean {
    if (!this.context.mayBeNonFinite(tensor)) return false;
    this.tally.allowNonFinite(tensor);
    return true;
  }

  report(range: FloatRange, element: number): void {
    this.#reported += 1;
    const where = this.entry === undefined ? "" : ` (entry ${quote(this.entry)})`;
    this.context.problems.add(
      "non-finite",
      `Tensor ${quote(range.tensor)}${where} holds NaN or infinity, first at element ${element} of its ${range.kind.name} data.`,
      range.tensor,
    );
  }
}

/** Adjacent and overlapping ranges of one kind joined, so that a thousand small tensors cost one scan. */
interface Segment {
  readonly start: number;
  end: number;
}

class KindScanner {
  readonly #segments: Segment[] = [];
  readonly #ranges: readonly FloatRange[];
  #current = 0;
  /** The first range that a hit may still lie in. */
  #live = 0;
  /** Bytes of an element that a chunk's end cut. */
  readonly #carry: Uint8Array;
  #carried = 0;
  /** Everything before this stream position is settled: its tensor is already reported or allowed. */
  #settled = 0;

  constructor(
    private readonly kind: FloatKind,
    ranges: readonly FloatRange[],
    private readonly memory: ScanMemory,
    private readonly reporter: Reporter,
  ) {
    this.#carry = new Uint8Array(kind.width);
    this.#ranges = [...ranges].sort((a, b) => a.start - b.start);
    for (const { start, end } of this.#ranges) {
      const last = this.#segments.at(-1);
      // Touching ranges of one kind are in step: a safetensors file has no overlaps, and offsets into a storage count whole elements.
      if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
      else this.#segments.push({ start, end });
    }
  }

  consume(bytes: Uint8Array, position: number): void {
    const stop = position + bytes.length;
    for (let segment = this.#segments[this.#current]; segment !== undefined && segment.start < stop; segment = this.#segments[this.#current]) {
      if (this.reporter.exhausted) return;
      const from = Math.max(segment.start, position);
      const to = Math.min(segment.end, stop);
      if (from < to) this.#scan(segment, bytes, from - position, to - position, position);
      if (segment.end > stop) return;
      this.#current += 1;
      this.#carried = 0;
    }
  }

  /** Scans `bytes[from..to)`, which lies inside the segment. */
  #scan(segment: Segment, bytes: Uint8Array, from: number, to: number, position: number): void {
    const { width } = this.kind;
    let at = from;
    const phase = (position + from - segment.start) % width;
    if (phase !== 0) {
      const missing = Math.min(width - phase, to - from);
      this.#carry.set(bytes.subarray(from, from + missing), this.#carried);
      this.#carried += missing;
      at += missing;
      if (this.#carried < width) return;
      this.#carried = 0;
      if (isNonFinite(this.kind, this.#carry, 0)) this.#hit(position + at - width);
    }
    const whole = to - ((to - at) % width);
    at = Math.max(at, Math.min(whole, this.#settled - position));
    while (at < whole) {
      at += this.memory.cleanPrefix(bytes, at, whole, width, this.kind.mask64, this.kind.value64);
      const limit = Math.min(whole, at + 64 * width);
      while (at < limit && !isNonFinite(this.kind, bytes, at)) at += width;
      if (at >= limit) continue;
      this.#hit(position + at);
      if (this.reporter.exhausted) return;
      at = Math.min(whole, Math.max(at + width, this.#settled - position));
    }
    this.#carry.set(bytes.subarray(whole, to), 0);
    this.#carried = to - whole;
  }

  /** A hit settles the rest of its tensor: one message per tensor, and a file full of NaN costs no more than a clean one. */
  #hit(position: number): void {
    if (position < this.#settled) return;
    let settled = Number.MAX_SAFE_INTEGER;
    for (let index = this.#firstLive(position); index < this.#ranges.length; index += 1) {
      const range = this.#ranges[index];
      if (range === undefined || range.start > position) {
        settled = Math.min(settled, range?.start ?? settled);
        break;
      }
      if (range.end <= position) continue;
      if (!this.reporter.allows(range.tensor)) {
        this.reporter.report(range, Math.floor((position - range.start) / this.kind.width));
        this.#settled = range.end;
        return;
      }
      settled = Math.min(settled, range.end);
    }
    // Only allowed tensors hold this element: go on where the next tensor begins or one of these ends.
    this.#settled = Math.max(settled, position + this.kind.width);
  }

  /** Skips ranges that end before `position`, which only grows. */
  #firstLive(position: number): number {
    for (let range = this.#ranges[this.#live]; range !== undefined && range.end <= position; range = this.#ranges[this.#live]) this.#live += 1;
    return this.#live;
  }
}
