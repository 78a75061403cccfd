import assert from "node:assert/strict";
import { test } from "node:test";
import { codes, float32, npy, npyWithHeader, verifyBytes, zip } from "./forge.js";

const data = float32([1, 2, 3, 4, 5, 6]);
const good = npy("'<f4'", "(2, 3)", data);

test("npy versions 1 to 3, scalars, empty, structured and Python 2 headers pass", async (context) => {
  const valid: readonly Buffer[] = [
    good,
    npy("'<f4'", "(2, 3)", data, 2),
    npy("'<f4'", "(2, 3)", data, 3),
    npy("'<f4'", "()", data.subarray(0, 4)),
    npy("'<f4'", "(0, 3)", Buffer.alloc(0)),
    npy("'<f4'", "(6L,)", data),
    npy("[('a', '<f4'), ('b', '<i4', (2,))]", "(2,)", data),
    npy("'|S3'", "(8,)", data),
    npy("'<U6'", "(1,)", data),
    npy("'<m8[ns]'", "(3,)", data),
    npyWithHeader(`{"shape": (6,), "fortran_order": True, "descr": "<f4"}`, data),
  ];
  for (const bytes of valid) assert.deepEqual((await verifyBytes(context, "a.npy", bytes)).problems, [], bytes.toString("latin1", 0, 100));
});

const fields = "'fortran_order': False, 'shape': (6,)";
const broken: Readonly<Record<string, readonly [Buffer, string]>> = {
  "an empty file": [Buffer.alloc(0), "empty"],
  "another magic": [Buffer.concat([Buffer.from("NUMPYxxxxxxxx"), good]), "npy-magic"],
  "an unknown version": [Buffer.concat([good.subarray(0, 6), Buffer.from([4, 0]), good.subarray(8)]), "npy-version"],
  "a header length beyond the file": [Buffer.concat([good.subarray(0, 8), Buffer.from([0x00, 0x20]), good.subarray(10)]), "truncated"],
  "a header length beyond sense": [Buffer.concat([npy("'<f4'", "(6,)", data, 2).subarray(0, 8), Buffer.from([0xff, 0xff, 0xff, 0x7f]), good.subarray(12)]), "npy-header"],
  "a cut inside the preamble": [good.subarray(0, 9), "truncated"],
  "a cut inside the header": [good.subarray(0, 60), "truncated"],
  "a cut inside the data": [good.subarray(0, good.length - 1), "truncated"],
  "bytes behind the data": [Buffer.concat([good, Buffer.alloc(4)]), "trailing-bytes"],
  "a header that is code": [npyWithHeader(`__import__('os').system('true')`, data), "npy-header"],
  "a header with code in it": [npyWithHeader(`{'descr': str(1), ${fields}}`, data), "npy-header"],
  "a header nested without end": [npyWithHeader(`{'descr': ${"(".repeat(100)}, ${fields}}`, data), "npy-header"],
  "a repeated key": [npyWithHeader(`{'descr': '<f4', 'descr': '<f4', ${fields}}`, data), "npy-header"],
  "a missing key": [npyWithHeader(`{${fields}}`, data), "npy-header"],
  "a number with a leading zero, which Python does not know": [npy("'<f4'", "(06,)", data), "npy-header"],
  "a NUL in a field's name, which Python does not read": [npy("[('a\0', '<f4')]", "(6,)", data), "npy-header"],
  "a header longer than numpy.load reads": [npyWithHeader(`{'descr': '<f4', ${fields}, }`.padEnd(10_200), data), "npy-header"],
  "a field's name that is not UTF-8, in version 3": [Buffer.from(npy("[('xx', '<f4')]", "(6,)", data, 3).toString("latin1").replace("xx", "\xff\xfe"), "latin1"), "npy-header"],
  "two fields of one name": [npy("[('a', '<f4'), ('a', '<f4')]", "(3,)", data), "npy-dtype"],
  "a structure without fields": [npy("[]", "(3,)", Buffer.alloc(0)), "npy-dtype"],
  "a unit of time that numpy does not know": [npy("'<m8[q]'", "(3,)", data), "npy-dtype"],
  "a unit of time on a float": [npy("'<f4[s]'", "(6,)", data), "npy-dtype"],
  "a negative shape": [npy("'<f4'", "(-6,)", data), "npy-header"],
  "a shape larger than any file": [npy("'<f4'", `(${2 ** 40}, ${2 ** 40})`, data), "npy-header"],
  "a shape that is no tuple": [npy("'<f4'", "6", data), "npy-header"],
  "objects, which are pickled": [npy("'|O'", "(3,)", data), "npy-object"],
  "objects inside a structure": [npy("[('a', '|O')]", "(3,)", data), "npy-object"],
  "an unknown type": [npy("'<q9'", "(3,)", data), "npy-dtype"],
  "a long double": [npy("'<f16'", "(1,)", data), "npy-dtype"],
  "a structure without end": [npy("[('a', '<f4', (1000000, 1000000))]", "(1,)", data), "npy-dtype"],
  "NaN in a structure": [npy("[('a', '<i4'), ('b', '<f4')]", "(3,)", float32([1, 2, 3, 4, 5, NaN])), "non-finite"],
  "NaN in the imaginary part": [npy("'<c8'", "(3,)", float32([1, 2, 3, 4, 5, NaN])), "non-finite"],
};
for (const [what, [bytes, code]] of Object.entries(broken)) {
  test(`npy: ${what} is refused`, async (context) => {
    assert.deepEqual(codes(await verifyBytes(context, "a.npy", bytes)), [code]);
  });
}

test("npy: what a header holds instead of text does not reach the terminal", async (context) => {
  for (const escaped of ["\\\0", "\\\u001b", "\\\u009b", "\\\u202e"]) {
    const { problems } = await verifyBytes(context, "a.npy", npyWithHeader(`{'descr${escaped}': '<f4', ${fields}}`, data));
    assert.deepEqual(problems.map(({ code }) => code), ["npy-header"]);
    assert.doesNotMatch(problems[0]?.message ?? "", /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
  }
});

test("npz: an entry that is no array is refused, and so is a pickled one, by its name", async (context) => {
  assert.deepEqual(codes(await verifyBytes(context, "a.npz", zip([{ name: "a.npy", data: good }, { name: "b.txt", data }]))), ["npz-entry"]);
  const verdict = await verifyBytes(context, "a.npz", zip([{ name: "a.npy", data: good }, { name: "b.npy", data: npy("'|O'", "(3,)", data), deflate: true }]));
  assert.deepEqual(verdict.problems.map(({ code, where }) => [code, where]), [["npy-object", "b.npy"]]);
});
