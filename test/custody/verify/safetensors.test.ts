import assert from "node:assert/strict";
import { test } from "node:test";
import { codes, float32, littleEndian, safetensors, verifyBytes } from "./forge.js";

const header = {
  __metadata__: { format: "pt" },
  a: { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] },
  none: { dtype: "F32", shape: [0, 4], data_offsets: [16, 16] },
  b: { dtype: "I64", shape: [1], data_offsets: [16, 24] },
};
const data = Buffer.concat([float32([1, 2, 3, 4]), littleEndian(8, 7)]);
const good = safetensors(header, data);

test("a good safetensors file passes, zero-element tensor and padded header included", async (context) => {
  const verdict = await verifyBytes(context, "m.safetensors", safetensors(`${JSON.stringify(header)}   `, data));
  assert.deepEqual(verdict.problems, []);
  assert.deepEqual(verdict.summary, { tensors: 3, elements: 5, bytes: 24, dtypes: { F32: 2, I64: 1 } });
});

const a = header.a;
const broken: Readonly<Record<string, readonly [Buffer, string]>> = {
  "an empty file": [Buffer.alloc(0), "empty"],
  "a file shorter than the header length": [good.subarray(0, 7), "truncated"],
  "a file cut inside the header": [good.subarray(0, 40), "truncated"],
  "a file cut inside the data": [good.subarray(0, good.length - 1), "truncated"],
  "one byte behind the data": [Buffer.concat([good, Buffer.alloc(1)]), "trailing-bytes"],
  "a header length of 2^63": [Buffer.concat([littleEndian(8, 2n ** 63n), good.subarray(8)]), "header-too-large"],
  "a header length above the library's limit": [Buffer.concat([littleEndian(8, 100_000_001), good.subarray(8)]), "header-too-large"],
  "a header length of 0": [Buffer.concat([littleEndian(8, 0), good.subarray(8)]), "header-too-small"],
  "a header that is an array": [safetensors("[]", Buffer.alloc(0)), "header-start"],
  "a header that is no JSON": [safetensors("{'a': 1}", Buffer.alloc(0)), "header-syntax"],
  "a header that is not UTF-8": [Buffer.concat([littleEndian(8, 4), Buffer.from([0x7b, 0xff, 0x20, 0x7d])]), "header-syntax"],
  "a header with text behind its value": [safetensors(`${JSON.stringify({ a })} x`, float32([1, 2, 3, 4])), "header-syntax"],
  "a tensor named twice": [safetensors(`{"a":${JSON.stringify(a)},"a":${JSON.stringify(a)}}`, float32([1, 2, 3, 4])), "duplicate-key"],
  "a tensor named twice, once with an escape": [safetensors(`{"a":${JSON.stringify(a)},"\\u0061":${JSON.stringify(a)}}`, float32([1, 2, 3, 4])), "duplicate-key"],
  "no tensor": [safetensors({ __metadata__: {} }, Buffer.alloc(0)), "empty"],
  "only tensors without elements": [safetensors({ none: { dtype: "F32", shape: [0], data_offsets: [0, 0] } }, Buffer.alloc(0)), "empty"],
  "metadata that is no text": [safetensors({ ...header, __metadata__: { a: 1 } }, data), "header-shape"],
  "an unknown dtype": [safetensors({ a: { ...a, dtype: "F33" } }, float32([1, 2, 3, 4])), "unknown-dtype"],
  "a dtype called toString": [safetensors({ a: { ...a, dtype: "toString" } }, float32([1, 2, 3, 4])), "unknown-dtype"],
  "an extra field": [safetensors({ a: { ...a, more: [] } }, float32([1, 2, 3, 4])), "header-shape"],
  "a shape that needs more bytes": [safetensors({ a: { ...a, shape: [2, 3] } }, float32([1, 2, 3, 4])), "shape-mismatch"],
  "a shape whose product overflows": [safetensors({ a: { ...a, shape: [2 ** 32, 2 ** 32] } }, float32([1, 2, 3, 4])), "shape-mismatch"],
  "a negative extent": [safetensors({ a: { ...a, shape: [-2, -2] } }, float32([1, 2, 3, 4])), "header-syntax"],
  "a fractional extent": [safetensors({ a: { ...a, shape: [1.5] } }, float32([1, 2, 3, 4])), "header-syntax"],
  "offsets in the wrong order": [safetensors({ a: { ...a, data_offsets: [16, 0] } }, float32([1, 2, 3, 4])), "offset-order"],
  "a gap between tensors": [safetensors({ a, b: { ...a, data_offsets: [20, 36] } }, Buffer.alloc(36)), "offset-gap"],
  "a gap before the first tensor": [safetensors({ a: { ...a, data_offsets: [4, 20] } }, Buffer.alloc(20)), "offset-gap"],
  "tensors that overlap": [safetensors({ a, b: { ...a, data_offsets: [12, 28] } }, Buffer.alloc(28)), "offset-overlap"],
  "tensors that share their bytes": [safetensors({ a, b: a }, Buffer.alloc(16)), "offset-overlap"],
  "offsets beyond the file": [safetensors({ a, b: { dtype: "U8", shape: [2 ** 40], data_offsets: [16, 16 + 2 ** 40] } }, Buffer.alloc(16)), "truncated"],
};
for (const [what, [bytes, code]] of Object.entries(broken)) {
  test(`safetensors: ${what} is refused`, async (context) => {
    const verdict = await verifyBytes(context, "m.safetensors", bytes);
    assert.equal(verdict.ok, false);
    assert.deepEqual(codes(verdict), [code]);
  });
}

test("a forged header of hundreds of thousands of tensors is refused without filling the memory", async (context) => {
  const entry = JSON.stringify({ dtype: "U8", shape: [0], data_offsets: [0, 0] });
  const text = `{${Array.from({ length: 300_000 }, (_, index) => `"${index}":${entry}`).join(",")}}`;
  assert.deepEqual(codes(await verifyBytes(context, "m.safetensors", safetensors(text, Buffer.alloc(0)))), ["header-syntax"]);
});
