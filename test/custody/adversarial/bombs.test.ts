// Small files that want to become large ones in memory: what is inflated is bounded by what the headers promise, and the memory by constants.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import zlib, { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { goodData, goodTensor, littleEndian, npy, npyWithHeader, op, safetensors, statePickle, temporaryFolder, torchArchive, zip, type Entry } from "../verify/forge.js";
import type { Appetite } from "./children/appetite.js";
import { tries } from "../../effort.js";
import { judge } from "./specimen.js";

const mebi = 1024 * 1024;
const zeros = Buffer.alloc(64 * mebi);
/** 64 MiB in 64 KiB. */
const bomb = deflateRawSync(zeros);

/** Counts every byte that zlib gives back while the test runs. */
function countInflated(context: TestContext): { bytes: number } {
  const count = { bytes: 0 };
  const open = zlib.createInflateRaw;
  const atOnce = zlib.inflateRawSync;
  context.mock.method(zlib, "createInflateRaw", (options?: zlib.ZlibOptions) => open(options).on("data", (piece: Buffer) => (count.bytes += piece.length)));
  context.mock.method(zlib, "inflateRawSync", (data: Buffer, options?: zlib.ZlibOptions) => {
    const inflated = atOnce(data, options);
    count.bytes += inflated.length;
    return inflated;
  });
  return count;
}

/** What may come out of a stream before it is stopped: the pieces that zlib had ready. */
const slack = 256 * 1024;

test("an entry is inflated to what its headers promise and no further", async (context) => {
  const folder = temporaryFolder(context);
  const inflated = countInflated(context);
  const more = Buffer.alloc(4 * mebi);
  const promises = fc.record({ elements: fc.nat(100_000), promised: fc.oneof(fc.nat(400_000), fc.constantFrom(0, 1, 2 ** 30, 2 ** 40)), pieces: fc.integer({ min: 1, max: 3 }), npz: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(promises, async ({ elements, promised, pieces, npz }) => {
      inflated.bytes = 0;
      const [name, inner] = npz ? ["w.npy", npy("'<f4'", `(${elements},)`, Buffer.alloc(0))] : ["archive/data/0", Buffer.alloc(0)];
      const entry: Entry = { name, data: inner, deflate: true, zip64: true, raw: deflateRawSync(Buffer.concat([inner, more]), { level: 1 }), local: { bytes: promised }, central: { bytes: promised } };
      const entries = Array.from({ length: pieces }, (_, index) => ({ ...entry, name: index === 0 ? name : `${name.replace(".npy", "")}${index}${npz ? ".npy" : ""}` }));
      const pickle = statePickle([{ ...goodTensor, elements: Math.floor(promised / 4), size: [1], stride: [1] }]);
      const bytes = npz ? zip(entries) : zip([{ name: "archive/data.pkl", data: pickle }, ...entries, { name: "archive/version", data: Buffer.from("3") }]);
      assert.equal((await judge(folder, npz ? "a.npz" : "m.pt", bytes)).ok, false);
      const limit = Math.min(promised, more.length, npz ? inner.length + 4 * elements : Infinity);
      assert.ok(inflated.bytes <= pieces * (limit + slack), `${inflated.bytes} bytes came out where ${limit} were promised`);
    }),
    tries(50),
  );
});

test("an archive that promises more than a gigabyte from almost nothing is refused before anything is inflated", async (context) => {
  const folder = temporaryFolder(context);
  const inflated = countInflated(context);
  const honest = { name: "archive/data.pkl", data: statePickle([goodTensor]) };
  const entries = Array.from({ length: 17 }, (_, index): Entry => ({ name: `${index}.npy`, data: zeros, deflate: true, raw: bomb }));
  const shared = Array.from({ length: 17 }, (_, index): Entry => ({ name: `archive/data/${index}`, data: zeros, deflate: true, raw: bomb }));
  for (const [name, bytes] of [["a.npz", zip(entries)], ["m.pt", zip([honest, ...shared, { name: "archive/version", data: Buffer.from("3") }])]] as const) {
    const { problems } = await judge(folder, name, bytes);
    assert.deepEqual(problems.map(({ code }) => code), ["zip-bomb"]);
  }
  assert.equal(inflated.bytes, 0);
});

test("entries that share their compressed data, so that a small file is many large ones, are refused before anything is inflated", async (context) => {
  const folder = temporaryFolder(context);
  const inflated = countInflated(context);
  const first: Entry = { name: "a.npy", data: zeros, deflate: true, raw: bomb };
  const twins = [1, 2, 3, 4, 5].map((index): Entry => ({ name: `${index}.npy`, data: Buffer.alloc(0), central: { offset: 0, method: 8, bytes: zeros.length, compressedBytes: bomb.length } }));
  assert.equal((await judge(folder, "a.npz", zip([first, ...twins]))).ok, false);
  assert.ok(inflated.bytes <= zeros.length + slack, `${inflated.bytes} bytes`);
});

/** Files that are small, or sparse in what they hold, and would fill the memory of a careless reader. */
const hungry: Readonly<Record<string, readonly [name: string, bytes: Buffer]>> = {
  "a pickle of memo slots": ["1.pt", torchArchive(Buffer.concat([op.proto, op.none, Buffer.alloc(8 * mebi, 0x94)]), {})],
  "a pickle of marks": ["2.pt", torchArchive(Buffer.concat([op.proto, Buffer.alloc(8 * mebi, "(")]), {})],
  "a pickle of empty dicts": ["3.pt", torchArchive(Buffer.concat([op.proto, Buffer.alloc(8 * mebi, "}")]), {})],
  "a pickle that doubles its tuple again and again": ["4.pt", torchArchive(Buffer.concat([op.proto, op.none, Buffer.alloc(2 * mebi, Buffer.from([0x32, 0x86])), op.stop]), {})],
  "a pickle inside a bomb": ["5.pt", zip([{ name: "archive/data.pkl", data: zeros, deflate: true, raw: bomb }, { name: "archive/version", data: Buffer.from("3") }])],
  "a pickle that promises a text of four gigabytes": ["6.pt", torchArchive(Buffer.concat([op.proto, Buffer.from("X\xff\xff\xff\xff", "latin1")]), { "0": goodData })],
  "a pickle of refused names": ["7.pt", torchArchive(Buffer.concat([op.proto, ...Array.from({ length: 20_000 }, (_, index) => op.global("evil", `name${index}`))]), {})],
    "a safetensors header of a quarter of a million tensors": ["1.safetensors", safetensors(`{${Array.from({ length: 250_000 }, (_, index) => `"${index}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`).join(",")}}`, Buffer.alloc(0))],
  "a safetensors header that claims a hundred megabytes": ["2.safetensors", Buffer.concat([littleEndian(8, 100_000_000), Buffer.from("{")])],
  "a safetensors header of one endless name": ["3.safetensors", safetensors(`{"${"x".repeat(20 * mebi)}":1}`, Buffer.alloc(0))],
  "an npy header of nested tuples": ["1.npy", npyWithHeader(`{'descr': ${"(".repeat(5_000)}, 'fortran_order': False, 'shape': ()}`, Buffer.alloc(0))],
  "an npy item of a million fields": ["2.npy", npyWithHeader("{'descr': [('a', '|u1', (1048576,)), ('b', '<f4', (262144,))], 'fortran_order': False, 'shape': (1,)}", Buffer.alloc(0))],
  "a directory of twenty thousand entries": ["1.npz", zip(Array.from({ length: 20_000 }, (_, index) => ({ name: `${index}.npy`, data: Buffer.alloc(0) })), { zip64End: true })],
  "JSON of brackets": ["1.json", Buffer.alloc(32 * mebi, "[")],
  "JSON of empty objects": ["2.json", Buffer.from(`[${"{},".repeat(8 * mebi)}{}]`)],
};

test("no forged file makes the verifier grow beyond what it may take", (context) => {
  const folder = temporaryFolder(context);
  const warm = join(folder, "warm.pt");
  writeFileSync(warm, torchArchive(statePickle([goodTensor]), { "0": goodData }));
  mkdirSync(join(folder, "hungry"));
  const paths = Object.values(hungry).map(([name, bytes]) => {
    writeFileSync(join(folder, "hungry", name), bytes);
    return join(folder, "hungry", name);
  });
  const script = join(__dirname, "children", "appetite.js");
  const { grownMiB, codes } = JSON.parse(execFileSync(process.execPath, [script, warm, ...paths], { encoding: "utf8" })) as Appetite;
  for (const [what, [name]] of Object.entries(hungry)) {
    if (name === "2.json") continue; // Honest, if strange: it is there for the memory.
    assert.notEqual(codes[join(folder, "hungry", name)]?.length ?? 0, 0, `${what} was accepted`);
  }
  // The largest that may be held whole is a JSON file of 64 MiB or a pickle of as much, with the values read from it.
  assert.ok(grownMiB < 400, `${grownMiB.toFixed(0)} MiB`);
  context.diagnostic(`grew by ${grownMiB.toFixed(0)} MiB over ${paths.length} files`);
});
