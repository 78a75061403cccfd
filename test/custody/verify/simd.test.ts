// The vector loops must say what the plain ones say, for any bytes: a wrong CRC would refuse good files, or pass damaged ones.
import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { chunkBytes, ScanMemory } from "../../../custody/verify/simd/scanMemory.js";

test("the CRC is zlib's for any length, start and running value, in the chunk and outside it", () => {
  const memory = new ScanMemory();
  randomFillSync(memory.chunk);
  const original = Buffer.from(memory.chunk);
  const lengths = fc.oneof(fc.nat(chunkBytes), fc.constantFrom(0, 1, 63, 64, 4799, 4800, 19_199, 19_200, 19_201, chunkBytes));
  fc.assert(
    fc.property(lengths, fc.nat(200), fc.integer({ min: 0, max: 0xffffffff }), (length, start, value) => {
      const bytes = memory.chunk.subarray(start, start + length);
      assert.equal(memory.crc32(bytes, value), crc32(bytes, value));
      assert.equal(memory.crc32(Buffer.from(bytes), value), crc32(bytes, value));
    }),
    { numRuns: 300, seed: 10, examples: [[chunkBytes, 0, 0], [chunkBytes, 0, 0xffffffff]] },
  );
  assert.ok(memory.chunk.equals(original), "the message was changed");
});

test("a CRC continued over pieces is the CRC of the whole", () => {
  const memory = new ScanMemory();
  randomFillSync(memory.chunk);
  fc.assert(
    fc.property(fc.array(fc.nat(100_000), { minLength: 1, maxLength: 6 }), (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), chunkBytes];
      let value = 0;
      for (let index = 1; index < edges.length; index += 1) value = memory.crc32(memory.chunk.subarray(edges[index - 1], edges[index]), value);
      assert.equal(value, crc32(memory.chunk));
    }),
    { numRuns: 100, seed: 11 },
  );
});

test("zeros and ones, which hide mistakes of a division, have zlib's CRC", () => {
  const memory = new ScanMemory();
  for (const byte of [0x00, 0xff, 0x80, 0x01]) {
    memory.chunk.fill(byte);
    for (const value of [0, 1, 0xffffffff]) assert.equal(memory.crc32(memory.chunk, value), crc32(memory.chunk, value));
  }
});

test("the scan stops at the step of the first hit, in the chunk and outside it", () => {
  const memory = new ScanMemory();
  const mask = 0x7f8000007f800000n;
  const chunk = memory.chunk.fill(0);
  fc.assert(
    fc.property(fc.nat(chunkBytes / 4 - 1), fc.nat(1000), (element, from) => {
      const start = 4 * from;
      chunk.writeUInt32LE(0x7f800000, 4 * element);
      const whole = chunkBytes - start - ((chunkBytes - start) % 64);
      const expected = 4 * element < start ? whole : Math.min(whole, Math.floor((4 * element - start) / 64) * 64);
      assert.equal(memory.cleanPrefix(chunk, start, chunkBytes, 4, mask, mask), expected);
      assert.equal(memory.cleanPrefix(Buffer.from(chunk), start, chunkBytes, 4, mask, mask), expected);
      chunk.writeUInt32LE(0, 4 * element);
    }),
    { numRuns: 200, seed: 12 },
  );
});
