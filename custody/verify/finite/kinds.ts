// Bit patterns of "not finite" for every floating-point kind that a checkpoint may hold.
import type { LaneBytes } from "../simd/loops.js";

export type FloatName = "F64" | "F32" | "F16" | "BF16" | "F8_E4M3" | "F8_E5M2" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" | "F8_E8M0";

/** A value is NaN or infinite when its top bytes, under the masks, have the given values. */
export interface FloatKind {
  readonly name: FloatName;
  readonly width: LaneBytes;
  readonly bigEndian: boolean;
  /** Position inside the element of the byte with the sign, and of the next one. */
  readonly highIndex: number;
  readonly lowIndex: number;
  readonly highMask: number;
  readonly highValue: number;
  readonly lowMask: number;
  /** The same test for eight bytes of elements at once, in memory order. */
  readonly mask64: bigint;
  readonly value64: bigint;
}

interface Pattern {
  readonly width: LaneBytes;
  readonly high: readonly [mask: number, value: number];
  readonly low: number;
}

// F8 kinds: https://github.com/openxla/stablehlo/blob/main/rfcs/20230309-e4m3b11.md and OCP 8-bit floating point 1.0. E4M3 (fn) has no
// infinity and one NaN pattern per sign; the FNUZ kinds have one NaN, which is "minus zero"; E8M0 is an exponent without sign, 0xff is NaN.
const patterns: Readonly<Record<FloatName, Pattern>> = {
  F64: { width: 8, high: [0x7f, 0x7f], low: 0xf0 },
  F32: { width: 4, high: [0x7f, 0x7f], low: 0x80 },
  F16: { width: 2, high: [0x7c, 0x7c], low: 0x00 },
  BF16: { width: 2, high: [0x7f, 0x7f], low: 0x80 },
  F8_E4M3: { width: 1, high: [0x7f, 0x7f], low: 0x00 },
  F8_E5M2: { width: 1, high: [0x7c, 0x7c], low: 0x00 },
  F8_E4M3FNUZ: { width: 1, high: [0xff, 0x80], low: 0x00 },
  F8_E5M2FNUZ: { width: 1, high: [0xff, 0x80], low: 0x00 },
  F8_E8M0: { width: 1, high: [0xff, 0xff], low: 0x00 },
};

const known = new Map<string, FloatKind>();

export function floatKind(name: FloatName, bigEndian = false): FloatKind {
  const key = `${name}${bigEndian ? ">" : "<"}`;
  const kind = known.get(key) ?? build(name, bigEndian);
  known.set(key, kind);
  return kind;
}

function build(name: FloatName, bigEndian: boolean): FloatKind {
  const { width, high, low } = patterns[name];
  const highIndex = bigEndian ? 0 : width - 1;
  const lowIndex = width === 1 ? highIndex : bigEndian ? 1 : width - 2;
  const pattern = (highByte: number): bigint => {
    const element = new Uint8Array(width);
    element[lowIndex] = low;
    element[highIndex] = highByte;
    const lanes = new Uint8Array(8).map((_, index) => element[index % width] ?? 0);
    return new DataView(lanes.buffer).getBigUint64(0, true);
  };
  return {
    name, width, bigEndian, highIndex, lowIndex,
    highMask: high[0], highValue: high[1], lowMask: low,
    mask64: pattern(high[0]), value64: pattern(high[1]),
  };
}

/** True when the element that starts at `bytes[at]` is NaN or infinite. */
export function isNonFinite(kind: FloatKind, bytes: Uint8Array, at: number): boolean {
  if (((bytes[at + kind.highIndex] ?? 0) & kind.highMask) !== kind.highValue) return false;
  return kind.lowMask === 0 || ((bytes[at + kind.lowIndex] ?? 0) & kind.lowMask) === kind.lowMask;
}
