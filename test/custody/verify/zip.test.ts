import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { verifyFile } from "../../../custody/verify/index.js";
import { codes, float32, npy, temporaryFolder, verifyBytes, zip, type ArchiveLies, type Entry } from "./forge.js";

const array = npy("'<f4'", "(4,)", float32([1, 2, 3, 4]));
const good: Entry = { name: "a.npy", data: array };
const second: Entry = { name: "b.npy", data: npy("'|u1'", "(5,)", Buffer.from("hello")) };

const valid: Readonly<Record<string, readonly [readonly Entry[], ArchiveLies]>> = {
  "stored entries": [[good, second], {}],
  "deflated entries": [[{ ...good, deflate: true }, { ...second, deflate: true }], {}],
  "zip64 sizes and end record": [[{ ...good, zip64: true }, second], { zip64End: true }],
  "a data descriptor of 12 bytes": [[{ ...good, descriptor: 12 }, second], {}],
  "a data descriptor of 16 bytes": [[{ ...good, descriptor: 16, deflate: true }, second], {}],
  "a data descriptor of 20 bytes": [[{ ...good, descriptor: 20 }, second], {}],
  "a data descriptor of 24 bytes": [[good, { ...second, descriptor: 24 }], { zip64End: true }],
};
for (const [what, [entries, lies]] of Object.entries(valid)) {
  test(`zip: ${what} pass`, async (context) => {
    const verdict = await verifyBytes(context, "a.npz", zip(entries, lies));
    assert.deepEqual(verdict.problems, []);
    assert.deepEqual(verdict.summary, { tensors: 2, elements: 9, bytes: 21, dtypes: { "<f4": 1, "|u1": 1 } });
  });
}

const flipped = Buffer.from(array);
flipped[flipped.length - 3] = 1;
const broken: Readonly<Record<string, readonly [readonly Entry[], ArchiveLies, string]>> = {
  "no entry": [[], {}, "empty"],
  "the same name twice": [[good, good], {}, "zip-duplicate"],
  "a name with ..": [[{ ...good, name: "../a.npy" }], {}, "zip-name"],
  "an absolute name": [[{ ...good, name: "/a.npy" }], {}, "zip-name"],
  "a drive letter": [[{ ...good, name: "c:a.npy" }], {}, "zip-name"],
  "a backslash": [[{ ...good, name: "..\\a.npy" }], {}, "zip-name"],
  "a NUL in a name": [[{ ...good, name: "a\0.npy" }], {}, "zip-name"],
  "data that does not have its CRC": [[{ ...good, raw: flipped }], {}, "crc-mismatch"],
  "deflated data that does not have its CRC": [[{ ...good, deflate: true, raw: deflateRawSync(flipped) }], {}, "crc-mismatch"],
  "a CRC lie in both headers": [[{ ...good, local: { crc: 1 }, central: { crc: 1 } }], {}, "crc-mismatch"],
  "headers with different CRCs": [[{ ...good, local: { crc: 1 } }], {}, "zip-disagreement"],
  "headers with different names": [[{ ...good, local: { name: "b.npy" } }], {}, "zip-disagreement"],
  "headers with different methods": [[{ ...good, local: { method: 8 } }], {}, "zip-disagreement"],
  "headers with different sizes": [[{ ...good, local: { bytes: 5 } }], {}, "zip-disagreement"],
  "headers with different flags": [[{ ...good, local: { flags: 0 } }], {}, "zip-disagreement"],
  "an encrypted entry": [[{ ...good, local: { flags: 0x801 }, central: { flags: 0x801 } }], {}, "zip-encrypted"],
  "a flag that changes what the data mean, in both headers": [[{ ...good, local: { flags: 0x820 }, central: { flags: 0x820 } }], {}, "zip-method"],
  "an unknown method": [[{ ...good, local: { method: 93 }, central: { method: 93 } }], {}, "zip-method"],
  "bytes hidden between entries": [[{ ...good, gap: Buffer.from("hidden") }, second], {}, "zip-gap"],
  "bytes hidden before the directory": [[{ ...good, gap: Buffer.from("hidden") }], {}, "zip-gap"],
  "bytes before the archive": [[good], { prefix: Buffer.from("#!/bin/sh\n") }, "zip-gap"],
  "bytes behind the archive": [[good], { suffix: Buffer.from("x") }, "trailing-bytes"],
  "bytes hidden behind the directory": [[good], { behindDirectory: Buffer.from("hidden") }, "zip-directory"],
  "a wrong number of entries": [[good], { entries: 2 }, "zip-directory"],
  "a directory somewhere else": [[good], { directoryOffset: 3 }, "zip-directory"],
  "an entry that points into another": [[good, { ...second, central: { offset: 10 } }], {}, "zip-overlap"],
  "an entry that points behind the directory": [[{ ...good, central: { offset: 100_000 } }], {}, "zip-gap"],
  "a descriptor that is missing": [[{ ...good, local: { flags: 0x808 }, central: { flags: 0x808 } }], {}, "zip-gap"],
  "deflated data cut short": [[{ ...good, deflate: true, raw: deflateRawSync(array).subarray(0, 20) }], {}, "zip-deflate"],
  "deflated data that is none": [[{ ...good, deflate: true, raw: Buffer.alloc(20, 0xff) }], {}, "zip-deflate"],
  "bytes behind deflated data": [[{ ...good, deflate: true, raw: Buffer.concat([deflateRawSync(array), Buffer.from("hidden")]) }], {}, "zip-deflate"],
  "deflated data that is longer than it says": [[{ ...good, deflate: true, raw: deflateRawSync(Buffer.concat([array, Buffer.alloc(100_000)])) }], {}, "zip-deflate"],
  "deflated data that is shorter than it says": [[{ ...good, deflate: true, raw: deflateRawSync(array.subarray(0, 100)) }], {}, "zip-size"],
};
for (const [what, [entries, lies, code]] of Object.entries(broken)) {
  test(`zip: ${what} is refused`, async (context) => {
    const verdict = await verifyBytes(context, "a.npz", zip(entries, lies));
    assert.equal(verdict.ok, false);
    assert.ok(codes(verdict).includes(code), JSON.stringify(verdict.problems));
  });
}

test("zip: what Python's zipfile refuses is refused: a version it does not know, and several disks", async (context) => {
  const bytes = zip([good], { zip64End: true });
  const central = bytes.indexOf("PK\x01\x02", 0, "latin1");
  const locator = bytes.lastIndexOf("PK\x06\x07", undefined, "latin1");
  for (const [at, value, code] of [[central + 6, 64, "zip-method"], [locator + 4, 1, "zip-multi-disk"], [locator + 16, 2, "zip-multi-disk"]] as const) {
    const lying = Buffer.from(bytes);
    lying[at] = value;
    assert.deepEqual(codes(await verifyBytes(context, "a.npz", lying)), [code], `byte ${at}`);
  }
});

test("zip: a data descriptor that contradicts the directory is refused", async (context) => {
  for (const descriptor of [12, 16, 20, 24] as const) {
    const bytes = zip([{ ...good, descriptor }, second]);
    const start = 30 + good.name.length + good.data.length;
    for (let at = start; at < start + descriptor; at += 1) {
      const lying = Buffer.from(bytes);
      lying[at] = (lying[at] ?? 0) ^ 1;
      assert.deepEqual(codes(await verifyBytes(context, "a.npz", lying)), ["zip-descriptor"], `${descriptor} bytes, byte ${at - start}`);
    }
  }
});

test("zip: a cut at any byte is refused", async (context) => {
  const path = join(temporaryFolder(context), "a.npz");
  const bytes = zip([good, { ...second, deflate: true }]);
  for (let length = 0; length < bytes.length; length += 1) {
    writeFileSync(path, bytes.subarray(0, length));
    assert.equal((await verifyFile(path)).ok, false, `cut to ${length} of ${bytes.length} bytes`);
  }
});

test("a zip bomb is not inflated: neither one beyond its header's promise nor one that promises a terabyte", async (context) => {
  const zeros = Buffer.alloc(64 * 1024 * 1024);
  const compressed = deflateRawSync(zeros);
  const promisesFour = { name: "a.npy", data: npy("'<f4'", "(4,)", zeros), deflate: true };
  assert.deepEqual(codes(await verifyBytes(context, "a.npz", zip([promisesFour]))), ["zip-deflate"]);
  const terabyte = { ...good, deflate: true, raw: compressed, zip64: true, local: { bytes: 2 ** 40 }, central: { bytes: 2 ** 40 } };
  assert.deepEqual(codes(await verifyBytes(context, "a.npz", zip([terabyte]))), ["zip-bomb"]);
});

test("large deflated entries cross chunks and pieces unharmed", async (context) => {
  const values = Float32Array.from({ length: 400_000 }, (_, index) => Math.sin(index));
  const entries = [0, 1, 2].map((index) => ({ name: `a${index}.npy`, data: npy("'<f4'", "(400000,)", Buffer.from(values.buffer)), deflate: index !== 1 }));
  assert.deepEqual((await verifyBytes(context, "a.npz", zip(entries))).problems, []);
  values[399_999] = NaN;
  const last = zip([...entries.slice(0, 2), { name: "z.npy", data: npy("'<f4'", "(400000,)", Buffer.from(values.buffer)), deflate: true }]);
  assert.ok(codes(await verifyBytes(context, "a.npz", last)).includes("non-finite"));
});
