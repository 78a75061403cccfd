// Values that are not finite must be found at any place, in any kind, across any boundary; finite ones never.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { verifyFile } from "../../../custody/verify/index.js";
import { codes, float32, npy, safetensors, temporaryFolder, verifyBytes } from "./forge.js";

/** Bit patterns, highest byte first. */
const kinds: Readonly<Record<string, { width: number; bad: readonly number[]; extremes: readonly number[] }>> = {
  F32: { width: 4, bad: [0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffffffff], extremes: [0x7f7fffff, 0xff7fffff, 0x00000001, 0x80000000] },
  F16: { width: 2, bad: [0x7c00, 0xfc00, 0x7e00, 0xffff], extremes: [0x7bff, 0xfbff, 0x0001, 0x8000] },
  BF16: { width: 2, bad: [0x7f80, 0xff80, 0x7fc0, 0xffff], extremes: [0x7f7f, 0xff7f, 0x0001, 0x8000] },
  F8_E4M3: { width: 1, bad: [0x7f, 0xff], extremes: [0x7e, 0xfe, 0x78, 0x80] },
  F8_E5M2: { width: 1, bad: [0x7c, 0xfc, 0x7d, 0xff], extremes: [0x7b, 0xfb, 0x80] },
  F8_E4M3FNUZ: { width: 1, bad: [0x80], extremes: [0x7f, 0xff, 0x00] },
  F8_E5M2FNUZ: { width: 1, bad: [0x80], extremes: [0x7f, 0xff, 0x00] },
  F8_E8M0: { width: 1, bad: [0xff], extremes: [0xfe, 0x00] },
};
const wide = { F64: { bad: [0x7ff0000000000000n, 0xfff0000000000000n, 0x7ff8000000000000n], extremes: [0x7fefffffffffffffn, 0xffefffffffffffffn, 1n] } };

function file(dtype: string, width: number, elements: Buffer): Buffer {
  return safetensors({ a: { dtype, shape: [elements.length / width], data_offsets: [0, elements.length] } }, elements);
}

for (const [dtype, { width, bad, extremes }] of Object.entries(kinds)) {
  test(`${dtype}: each NaN and infinity is found, the largest and smallest finite values are not`, async (context) => {
    const write = (value: number, at: number): Buffer => {
      const elements = Buffer.alloc(200 * width);
      elements.writeUIntLE(value, at * width, width);
      return file(dtype, width, elements);
    };
    for (const value of bad) {
      for (const at of [0, 1, 63, 64, 130, 199]) {
        const verdict = await verifyBytes(context, "m.safetensors", write(value, at));
        assert.deepEqual(codes(verdict), ["non-finite"], `${value.toString(16)} at ${at}`);
        assert.match(verdict.problems[0]?.message ?? "", new RegExp(`element ${at} of`));
      }
    }
    for (const value of extremes) assert.deepEqual(codes(await verifyBytes(context, "m.safetensors", write(value, 65))), [], value.toString(16));
  });
}

test("F64 and C64: NaN and infinity are found in either part", async (context) => {
  for (const [values, expected] of [[wide.F64.bad, ["non-finite"]], [wide.F64.extremes, []]] as const) {
    for (const value of values) {
      const elements = Buffer.alloc(8 * 20);
      elements.writeBigUInt64LE(value, 8 * 13);
      assert.deepEqual(codes(await verifyBytes(context, "m.safetensors", file("F64", 8, elements))), expected, value.toString(16));
    }
  }
  assert.deepEqual(codes(await verifyBytes(context, "m.safetensors", file("C64", 8, float32([1, 2, 3, NaN])))), ["non-finite"]);
});

test("integers that look like NaN are not floats", async (context) => {
  assert.deepEqual(codes(await verifyBytes(context, "m.safetensors", file("I32", 4, Buffer.alloc(64, 0xff)))), []);
});

test("a NaN is found on every side of the boundaries between chunks, whatever the alignment", async (context) => {
  const path = join(temporaryFolder(context), "m.safetensors");
  const chunk = 256 * 1024;
  for (const padding of [0, 1, 2, 3, 5]) {
    const values = Buffer.alloc(2 * chunk + 64);
    const start = 8 + JSON.stringify(header(padding, values.length)).length + padding;
    for (const edge of [chunk, 2 * chunk]) {
      for (const shift of [-2, -1, 0, 1]) {
        const at = Math.floor((edge - start) / 4) + shift;
        values.writeUInt32LE(0x7fc00000, at * 4);
        writeFileSync(path, safetensors(header(padding, values.length), Buffer.concat([Buffer.alloc(padding), values])));
        const verdict = await verifyFile(path);
        assert.deepEqual(codes(verdict), ["non-finite"], `padding ${padding}, element ${at}`);
        assert.match(verdict.problems[0]?.message ?? "", new RegExp(`element ${at} of`));
        values.writeUInt32LE(0, at * 4);
      }
    }
    writeFileSync(path, safetensors(header(padding, values.length), Buffer.concat([Buffer.alloc(padding), values])));
    assert.deepEqual((await verifyFile(path)).problems, []);
  }
});

function header(padding: number, bytes: number): Record<string, unknown> {
  return {
    p: { dtype: "U8", shape: [padding], data_offsets: [0, padding] },
    v: { dtype: "F32", shape: [bytes / 4], data_offsets: [padding, padding + bytes] },
  };
}

test("the scan agrees with Number.isFinite for any floats in any layout of tensors", async (context) => {
  const path = join(temporaryFolder(context), "m.safetensors");
  const tensor = fc.array(fc.oneof({ weight: 30, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }) }, { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity) }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(fc.array(tensor, { minLength: 1, maxLength: 6 }), async (tensors) => {
      const entries: Record<string, unknown> = { pad: { dtype: "U8", shape: [3], data_offsets: [0, 3] } };
      let at = 3;
      tensors.forEach((values, index) => {
        entries[`t${index}`] = { dtype: "F32", shape: [values.length], data_offsets: [at, at + 4 * values.length] };
        at += 4 * values.length;
      });
      writeFileSync(path, safetensors(entries, Buffer.concat([Buffer.alloc(3), ...tensors.map(float32)])));
      const verdict = await verifyFile(path);
      const expected = tensors.flatMap((values, index) => (values.every(Number.isFinite) ? [] : [`t${index}`]));
      assert.deepEqual(verdict.problems.map(({ where }) => where), expected);
    }),
    { numRuns: 200, seed: 1 },
  );
});

test("both byte orders of numpy are understood", async (context) => {
  const values = Buffer.alloc(8 * 30);
  values.writeDoubleBE(Infinity, 8 * 20);
  assert.deepEqual(codes(await verifyBytes(context, "a.npy", npy("'>f8'", "(30,)", values))), ["non-finite"]);
  assert.deepEqual(codes(await verifyBytes(context, "a.npy", npy("'<f8'", "(30,)", values))), []);
});

test("a file full of NaN names ten tensors and ends", async (context) => {
  const entries = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`t${index}`, { dtype: "F32", shape: [1000], data_offsets: [4000 * index, 4000 * (index + 1)] }]));
  const verdict = await verifyBytes(context, "m.safetensors", safetensors(entries, Buffer.alloc(400_000, 0xff)));
  assert.equal(verdict.problems.length, 10);
});

test("values allowed by name pass and are shown; others in the same file still fail", async (context) => {
  const entries = {
    "layer.mask": { dtype: "F32", shape: [2], data_offsets: [0, 8] },
    "layer.weight": { dtype: "F32", shape: [2], data_offsets: [8, 16] },
  };
  const masked = safetensors(entries, float32([-Infinity, -Infinity, 1, 2]));
  const verdict = await verifyBytes(context, "m.safetensors", masked, { allowNonFinite: ["*.mask"] });
  assert.deepEqual(verdict.problems, []);
  assert.deepEqual(verdict.summary?.nonFiniteAllowed, ["layer.mask"]);
  assert.deepEqual(codes(await verifyBytes(context, "m.safetensors", masked)), ["non-finite"]);
  const both = safetensors(entries, float32([-Infinity, 1, NaN, 2]));
  const failed = await verifyBytes(context, "m.safetensors", both, { allowNonFinite: ["*.mask"] });
  assert.deepEqual(failed.problems.map(({ where }) => where), ["layer.weight"]);
});
