// The memory that a file's chunks are read into, and the vector loops that run over it without a copy.
// Why not loops over typed arrays: on one core the hash of a gigabyte takes half a second; a scan in plain JavaScript would add a fifth or more
// to that and zlib's CRC another fifth, these add a fiftieth and a twentieth. Where the engine has no vector instructions, callers fall back.
import { crc32 } from "node:zlib";
import { createMemory, instantiate, wasmPageBytes, type WasmMemory } from "./assembler.js";
import { foldFunction, historyBytes, scanFunctions, stepBytes, type Fold, type LaneBytes, type Scan } from "./loops.js";

/** Bytes read from the file at a time: small enough to stay in a core's cache between read, hash and scan. */
export const chunkBytes = 256 * 1024;
const scratchBytes = 64 * 1024;
/** Where each buffer starts. The quotient is preceded by zeros that stand for what came before the message. */
const layout = (() => {
  const scratch = chunkBytes;
  const zeros = scratch + scratchBytes;
  const quotient = zeros + historyBytes;
  const remainder = quotient + chunkBytes;
  return { scratch, zeros, quotient, remainder, end: remainder + historyBytes };
})();

export class ScanMemory {
  readonly chunk: Buffer;
  readonly #memory: WasmMemory = createMemory(Math.ceil(layout.end / wasmPageBytes));
  readonly #bytes = new Uint8Array(this.#memory.buffer);
  readonly #words = new DataView(this.#memory.buffer);
  readonly #remainder = Buffer.from(this.#memory.buffer, layout.remainder, historyBytes);
  readonly #loops = instantiate([...scanFunctions, foldFunction], this.#memory);

  constructor() {
    this.chunk = Buffer.from(this.#memory.buffer, 0, chunkBytes);
  }

  /**
   * How many leading bytes of `bytes[from..to)` are known to hold no lane with `(lane & mask) === value`: a multiple of 64,
   * the rest (a tail shorter than one step, or the step with a hit and what follows) is for the caller to look at.
   */
  cleanPrefix(bytes: Uint8Array, from: number, to: number, lane: LaneBytes, mask: bigint, value: bigint): number {
    if (this.#loops === undefined) return 0;
    const scan = this.#loops[`scan${lane}`] as Scan;
    const whole = to - from - ((to - from) % stepBytes);
    if (bytes.buffer === this.#memory.buffer) {
      const start = bytes.byteOffset + from;
      return scan(start, start + whole, mask, value) - start;
    }
    let clean = 0;
    while (clean < whole) {
      const length = Math.min(scratchBytes, whole - clean);
      this.#bytes.set(bytes.subarray(from + clean, from + clean + length), layout.scratch);
      const found = scan(layout.scratch, layout.scratch + length, mask, value) - layout.scratch;
      clean += found;
      if (found < length) break;
    }
    return clean;
  }

  /** The CRC-32 of zip archives, continued from `value`; the same number as zlib's crc32. */
  crc32(bytes: Uint8Array, value: number): number {
    const whole = bytes.length - (bytes.length % stepBytes);
    const fits = bytes.buffer === this.#memory.buffer && whole >= 4 * historyBytes && whole <= chunkBytes;
    if (this.#loops === undefined || !fits) return crc32(bytes, value);
    const fold = this.#loops["fold"] as Fold;
    const start = bytes.byteOffset;
    const quotientBytes = whole - historyBytes;
    const quotientEnd = layout.quotient + quotientBytes;
    // A running CRC is the same as its complement added to the first four bytes of the message.
    const first = this.#words.getUint32(start, true);
    this.#words.setUint32(start, (first ^ ~value) >>> 0, true);
    fold(start, layout.zeros, layout.quotient, start + quotientBytes);
    this.#bytes.fill(0, quotientEnd, quotientEnd + historyBytes);
    fold(start + quotientBytes, quotientEnd - historyBytes, layout.remainder, start + whole);
    this.#words.setUint32(start, first, true);
    return crc32(bytes.subarray(whole), crc32(this.#remainder, 0xffffffff));
  }
}

const idle: ScanMemory[] = [];

/** Lends a memory to one file's pass; two files read at the same time never share one. */
export async function withScanMemory<T>(use: (memory: ScanMemory) => Promise<T>): Promise<T> {
  const memory = idle.pop() ?? new ScanMemory();
  try {
    return await use(memory);
  } finally {
    idle.push(memory);
  }
}
