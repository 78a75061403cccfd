// Finds floats whose exponent bits are all ones, 64 bytes a step, in WebAssembly SIMD assembled here from named instructions.
// Why not a loop over typed arrays: that costs a fifth of the hash's time for float32 and more for the narrow kinds; this costs a fiftieth
// and needs no alignment. Where the engine has no SIMD the byte loop of scanner.ts does the work.

/** Bytes read from the file at a time: small enough to stay in a core's cache between read, hash and scan. */
export const chunkBytes = 256 * 1024;
const scratchBytes = 64 * 1024;
const stepBytes = 64;

export type LaneBytes = 1 | 2 | 4 | 8;

/** One chunk buffer and one scratch buffer inside a WebAssembly memory, where the scan reads them without a copy. */
export class ScanMemory {
  readonly chunk: Buffer;
  readonly #scratch: Uint8Array;
  readonly #memory: WasmMemory;
  readonly #scans: Readonly<Record<LaneBytes, Scan>> | undefined;

  constructor() {
    this.#memory = new wasm.Memory({ initial: (chunkBytes + scratchBytes) / 65536 });
    this.chunk = Buffer.from(this.#memory.buffer, 0, chunkBytes);
    this.#scratch = new Uint8Array(this.#memory.buffer, chunkBytes, scratchBytes);
    this.#scans = instantiate(this.#memory);
  }

  /**
   * How many leading bytes of `bytes[from..to)` are known to hold no lane with `(lane & mask) === value`: a multiple of 64,
   * the rest (a tail shorter than one step, or the step block with a hit) is for the caller to look at byte by byte.
   */
  cleanPrefix(bytes: Uint8Array, from: number, to: number, lane: LaneBytes, mask: bigint, value: bigint): number {
    if (this.#scans === undefined) return 0;
    const scan = this.#scans[lane];
    const whole = to - from - ((to - from) % stepBytes);
    if (whole === 0) return 0;
    if (bytes.buffer === this.#memory.buffer) {
      const start = bytes.byteOffset + from;
      return scan(start, start + whole, mask, value) - start;
    }
    let clean = 0;
    while (clean < whole) {
      const length = Math.min(scratchBytes, whole - clean);
      this.#scratch.set(bytes.subarray(from + clean, from + clean + length));
      const found = scan(chunkBytes, chunkBytes + length, mask, value) - chunkBytes;
      clean += found;
      if (found < length) break;
    }
    return clean;
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

/** Returns the first position in [start, end) whose 64-byte step holds a hit, or `end`. */
type Scan = (start: number, end: number, mask: bigint, value: bigint) => number;

function instantiate(memory: WasmMemory): Readonly<Record<LaneBytes, Scan>> | undefined {
  const code = assembleModule();
  if (!wasm.validate(code)) return undefined;
  const exported = new wasm.Instance(new wasm.Module(code), { host: { memory } }).exports;
  return { 1: exported["scan1"] as Scan, 2: exported["scan2"] as Scan, 4: exported["scan4"] as Scan, 8: exported["scan8"] as Scan };
}

// The binary format: https://webassembly.github.io/spec/core/binary/ (sections 5.3-5.5, vector instructions 5.4.8).
const i32 = 0x7f;
const i64 = 0x7e;
const v128 = 0x7b;
const local = { start: 0, end: 1, mask: 2, value: 3, masks: 4, values: 5 } as const;
const laneEquals: Readonly<Record<LaneBytes, number>> = { 1: 0x23, 2: 0x2d, 4: 0x37, 8: 0xd6 };

function assembleModule(): Uint8Array<ArrayBuffer> {
  const lanes: readonly LaneBytes[] = [1, 2, 4, 8];
  const signature = [0x60, ...vector([[i32], [i32], [i64], [i64]]), ...vector([[i32]])];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector([signature])),
    ...section(2, vector([[...name("host"), ...name("memory"), 0x02, 0x00, 0x01]])),
    ...section(3, vector(lanes.map(() => [0x00]))),
    ...section(7, vector(lanes.map((lane, index) => [...name(`scan${lane}`), 0x00, index]))),
    ...section(10, vector(lanes.map((lane) => scanBody(laneEquals[lane])))),
  ]);
}

function scanBody(equals: number): number[] {
  const hit = (offset: number): number[] => [
    ...get(local.start), ...vectorOp(0x00), 0x00, ...unsigned(offset), // v128.load
    ...get(local.masks), ...vectorOp(0x4e), // v128.and
    ...get(local.values), ...vectorOp(equals),
  ];
  const or = vectorOp(0x50);
  const code = [
    ...vector([[2, v128]]),
    ...get(local.mask), ...vectorOp(0x12), ...set(local.masks), // i64x2.splat
    ...get(local.value), ...vectorOp(0x12), ...set(local.values),
    0x02, 0x40, // block
    0x03, 0x40, // loop
    ...get(local.start), ...get(local.end), 0x4f, 0x0d, 0x01, // start >= end: leave the block
    ...hit(0), ...hit(16), ...or, ...hit(32), ...or, ...hit(48), ...or,
    ...vectorOp(0x53), 0x0d, 0x01, // v128.any_true: leave the block
    ...get(local.start), 0x41, 0xc0, 0x00, 0x6a, ...set(local.start), // start += 64
    0x0c, 0x00, // again
    0x0b, 0x0b,
    ...get(local.start),
    0x0b,
  ];
  return [...unsigned(code.length), ...code];
}

const get = (index: number): number[] => [0x20, index];
const set = (index: number): number[] => [0x21, index];
const vectorOp = (operation: number): number[] => [0xfd, ...unsigned(operation)];
const vector = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()];
const section = (id: number, body: readonly number[]): number[] => [id, ...unsigned(body.length), ...body];
const name = (text: string): number[] => vector([...Buffer.from(text)].map((byte) => [byte]));

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

// Neither lib es2023 nor @types/node declares WebAssembly; this is the part used here.
interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
interface WasmGlobal {
  readonly Memory: new (limits: { initial: number }) => WasmMemory;
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> };
  validate(code: Uint8Array): boolean;
}
const wasm = (globalThis as unknown as { WebAssembly: WasmGlobal }).WebAssembly;
