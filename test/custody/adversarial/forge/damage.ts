// What happens to files on the way and on disks: bits flip, ends are missing, blocks are lost, repeated or zeroed, other bytes are added.
import fc from "fast-check";

export interface Damage {
  readonly what: string;
  readonly bytes: Buffer;
}

export function flip(bytes: Buffer, at: number, bit: number): Buffer {
  const damaged = Buffer.from(bytes);
  damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
  return damaged;
}

/** Cut to any length, more often near its ends, where the records of every format lie. */
export function cutShort(bytes: Buffer): fc.Arbitrary<Damage> {
  const edges = [1, 2, 3, 8, 16, 20, 22, 42, 43, 64, 76, 98].flatMap((length) => [length, bytes.length - length]).filter((length) => length >= 0 && length < bytes.length);
  return fc.oneof(fc.constantFrom(0, ...edges), fc.nat(bytes.length - 1)).map((length) => ({ what: `cut to ${length} of ${bytes.length}`, bytes: bytes.subarray(0, length) }));
}

export const lengthened = (bytes: Buffer): fc.Arbitrary<Damage> =>
  fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.integer({ min: 1, max: 4096 }).map((length) => Buffer.alloc(length)), fc.constant(bytes)).map((more) => ({ what: `${more.length} bytes added`, bytes: Buffer.concat([bytes, more]) }));

export const flipped = (bytes: Buffer): fc.Arbitrary<Damage & { readonly at: number }> =>
  fc.tuple(fc.nat(bytes.length - 1), fc.nat(7)).map(([at, bit]) => ({ what: `bit ${bit} of byte ${at} flipped`, at, bytes: flip(bytes, at, bit) }));

/** Several at once, and whole blocks. Some leave the file as it was: a zeroed block of zeros. */
export function mangled(bytes: Buffer): fc.Arbitrary<Damage> {
  const span = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 64 })).map(([from, length]) => [from, Math.min(bytes.length, from + length)] as const);
  return fc.oneof(
    span.map(([from, to]) => ({ what: `bytes ${from} to ${to} zeroed`, bytes: Buffer.concat([bytes.subarray(0, from), Buffer.alloc(to - from), bytes.subarray(to)]) })),
    span.map(([from, to]) => ({ what: `bytes ${from} to ${to} lost`, bytes: Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]) })),
    span.map(([from, to]) => ({ what: `bytes ${from} to ${to} twice`, bytes: Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]) })),
    fc.tuple(span, span).map(([[from, to], [at]]) => ({ what: `bytes ${from} to ${to} moved to ${at}`, bytes: Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, to), bytes.subarray(at)]) })),
    fc.tuple(fc.nat(bytes.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 })).map(([at, other]) => ({ what: `${other.length} bytes put at ${at}`, bytes: Buffer.concat([bytes.subarray(0, at), other, bytes.subarray(Math.min(bytes.length, at + other.length))]) })),
    fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 2, maxLength: 6 }).map((changes) => {
      const damaged = Buffer.from(bytes);
      for (const [at, byte] of changes) damaged[at] = byte;
      return { what: `bytes ${changes.map(([at]) => at).join(", ")} overwritten`, bytes: damaged };
    }),
  );
}
