// Floating-point numbers of every kind that checkpoints hold, decoded by their definition and not by the masks that the verifier uses.
import fc from "fast-check";

interface Layout {
  readonly width: 1 | 2 | 4 | 8;
  readonly exponentBits: number;
  readonly mantissaBits: number;
  /** IEEE 754: the highest exponent is for NaN and infinity. "fn": only all ones is NaN. "fnuz": only minus zero is NaN. "e8m0": 0xff is NaN. */
  readonly rule: "ieee" | "fn" | "fnuz" | "e8m0";
}

export const floatLayouts = {
  F64: { width: 8, exponentBits: 11, mantissaBits: 52, rule: "ieee" },
  F32: { width: 4, exponentBits: 8, mantissaBits: 23, rule: "ieee" },
  F16: { width: 2, exponentBits: 5, mantissaBits: 10, rule: "ieee" },
  BF16: { width: 2, exponentBits: 8, mantissaBits: 7, rule: "ieee" },
  F8_E4M3: { width: 1, exponentBits: 4, mantissaBits: 3, rule: "fn" },
  F8_E5M2: { width: 1, exponentBits: 5, mantissaBits: 2, rule: "ieee" },
  F8_E4M3FNUZ: { width: 1, exponentBits: 4, mantissaBits: 3, rule: "fnuz" },
  F8_E5M2FNUZ: { width: 1, exponentBits: 5, mantissaBits: 2, rule: "fnuz" },
  F8_E8M0: { width: 1, exponentBits: 8, mantissaBits: 0, rule: "e8m0" },
} as const satisfies Record<string, Layout>;

export type FloatKind = keyof typeof floatLayouts;
export const floatKinds = Object.keys(floatLayouts) as FloatKind[];

/** What the definition says about the bits of one element. */
export function isFiniteElement(kind: FloatKind, bits: bigint): boolean {
  const { width, exponentBits, mantissaBits, rule }: Layout = floatLayouts[kind];
  const exponent = (bits >> BigInt(mantissaBits)) & ((1n << BigInt(exponentBits)) - 1n);
  const mantissa = bits & ((1n << BigInt(mantissaBits)) - 1n);
  const highest = exponent === (1n << BigInt(exponentBits)) - 1n;
  switch (rule) {
    case "ieee":
      return !highest;
    case "fn":
      return !(highest && mantissa === (1n << BigInt(mantissaBits)) - 1n);
    case "fnuz":
      return bits !== 1n << BigInt(8 * width - 1);
    case "e8m0":
      return bits !== 0xffn;
  }
}

export function readElement(bytes: Uint8Array, at: number, width: number, bigEndian = false): bigint {
  let bits = 0n;
  for (let index = 0; index < width; index += 1) bits |= BigInt(bytes[at + (bigEndian ? width - 1 - index : index)] ?? 0) << BigInt(8 * index);
  return bits;
}

export function writeElement(bytes: Uint8Array, at: number, width: number, bits: bigint, bigEndian = false): void {
  for (let index = 0; index < width; index += 1) bytes[at + (bigEndian ? width - 1 - index : index)] = Number((bits >> BigInt(8 * index)) & 0xffn);
}

/** True when every element is finite. */
export function allFinite(kind: FloatKind, bytes: Uint8Array, bigEndian = false): boolean {
  const { width } = floatLayouts[kind];
  for (let at = 0; at + width <= bytes.length; at += width) if (!isFiniteElement(kind, readElement(bytes, at, width, bigEndian))) return false;
  return true;
}

/** Any finite elements of the kind, extremes included. */
export function finiteBytes(kind: FloatKind, elements: number, bigEndian = false): fc.Arbitrary<Buffer> {
  const { width } = floatLayouts[kind];
  return fc.uint8Array({ minLength: elements * width, maxLength: elements * width }).map((random) => {
    const bytes = Buffer.from(random);
    for (let at = 0; at < bytes.length; at += width) {
      const bits = readElement(bytes, at, width, bigEndian);
      if (!isFiniteElement(kind, bits)) writeElement(bytes, at, width, nearestFinite(kind, bits), bigEndian);
    }
    return bytes;
  });
}

/** Clears one bit after another from below until the number is finite: of infinity that leaves the largest numbers. */
function nearestFinite(kind: FloatKind, bits: bigint): bigint {
  for (let bit = 0n; ; bit += 1n) {
    const changed = bits & ~(1n << bit);
    if (isFiniteElement(kind, changed)) return changed;
    if (bit > 64n) return 0n;
  }
}

/** Any pattern of the kind that is no number. */
export function nonFiniteBits(kind: FloatKind): fc.Arbitrary<bigint> {
  const { width, exponentBits, mantissaBits, rule }: Layout = floatLayouts[kind];
  const sign = fc.constantFrom(0n, 1n << BigInt(8 * width - 1));
  switch (rule) {
    case "ieee": {
      const exponent = ((1n << BigInt(exponentBits)) - 1n) << BigInt(mantissaBits);
      const mantissa = fc.oneof(fc.constantFrom(0n, 1n, (1n << BigInt(mantissaBits)) - 1n), fc.bigInt({ min: 0n, max: (1n << BigInt(mantissaBits)) - 1n }));
      return fc.tuple(sign, mantissa).map(([high, low]) => high | exponent | low);
    }
    case "fn":
      return sign.map((high) => high | 0x7fn);
    case "fnuz":
      return fc.constant(0x80n);
    case "e8m0":
      return fc.constant(0xffn);
  }
}
