// The two vector loops: one finds floats whose exponent bits are all ones, one divides a message by a sparse multiple of the CRC polynomial.
import {
  addConstant, block, branch, branchIf, get, i32, i64, i64x2Splat, isBelow, isNotBelow, laneEquals, loop, set, v128, v128AnyTrue, v128And, v128Load, v128Or,
  v128Store, v128Xor, type Code, type WasmFunction,
} from "./assembler.js";

/** Both loops take 64 bytes a step. */
export const stepBytes = 64;
const lanesPerStep = [0, 16, 32, 48] as const;

// --- scan ---

export type LaneBytes = 1 | 2 | 4 | 8;
/** Returns the first position in [start, end) whose step holds a lane with `(lane & mask) === value`, or `end`. */
export type Scan = (start: number, end: number, mask: bigint, value: bigint) => number;

const scan = { start: 0, end: 1, mask: 2, value: 3, masks: 4, values: 5 } as const;

export const scanFunctions: readonly WasmFunction[] = ([1, 2, 4, 8] as const).map((lane) => ({
  name: `scan${lane}`,
  parameters: [i32, i32, i64, i64],
  results: [i32],
  locals: [v128, v128],
  body: [
    ...get(scan.mask), ...i64x2Splat, ...set(scan.masks),
    ...get(scan.value), ...i64x2Splat, ...set(scan.values),
    ...block(
      loop(
        isNotBelow(scan.start, scan.end), branchIf(1),
        hit(lane, 0), hit(lane, 16), v128Or, hit(lane, 32), v128Or, hit(lane, 48), v128Or,
        v128AnyTrue, branchIf(1),
        addConstant(scan.start, stepBytes),
        branch(0),
      ),
    ),
    ...get(scan.start),
  ],
}));

function hit(lane: LaneBytes, offset: number): Code {
  return [...v128Load(get(scan.start), offset), ...get(scan.masks), ...v128And, ...get(scan.values), ...laneEquals[lane]];
}

// --- fold ---

// m(x) = x^300 + x^155 + x^117 + x^89 + 1 is a multiple of the CRC-32 polynomial (the lightest of so low a degree: that CRC has Hamming distance 6
// up to 268 bits of data). Squaring seven times, m(x^128) is one too, so a message may be divided by it in whole blocks of 128 bits without a
// shift, and CRC-32 of the remainder, 300 blocks, is CRC-32 of the message. The quotient's block i is
// message[i] ^ quotient[i-145] ^ quotient[i-183] ^ quotient[i-211] ^ quotient[i-300]; the remainder's blocks are the same sum behind its end.
const blockBytes = 16;
const taps = [300 - 155, 300 - 117, 300 - 89, 300];
/** Bytes before a quotient's block that its sum reaches back to. */
export const historyBytes = 300 * blockBytes;

/** `out` gets the sums for the message [message, end); `history` is where the quotient's block of `message` would be, less historyBytes. */
export type Fold = (message: number, history: number, out: number, end: number) => void;

const fold = { message: 0, history: 1, out: 2, end: 3 } as const;

export const foldFunction: WasmFunction = {
  name: "fold",
  parameters: [i32, i32, i32, i32],
  results: [],
  locals: [],
  body: loop(
    ...lanesPerStep.flatMap((offset) => [
      get(fold.out),
      v128Load(get(fold.message), offset),
      ...taps.flatMap((tap) => [v128Load(get(fold.history), historyBytes - tap * blockBytes + offset), v128Xor]),
      v128Store(offset),
    ]),
    addConstant(fold.message, stepBytes),
    addConstant(fold.history, stepBytes),
    addConstant(fold.out, stepBytes),
    isBelow(fold.message, fold.end), branchIf(0),
  ),
};
