// Whatever happens to a valid file's bytes, it must not verify as the same file, and the verifier must answer.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { verifyFile } from "../../../custody/verify/index.js";
import { fixtures, temporaryFolder } from "./forge.js";

const samples = [
  "torch-1.13.0a0/checkpoint.pt", "torch-1.13.0a0/state_dict.bin", "torch-2.4.1/state_dict.bin", "torch-2.15.0/state_dict.bin", "torch-2.15.0/exotic.pt",
  "safetensors/model.safetensors", "numpy-2.4.6/optimizer.npz", "numpy-2.4.6/compressed.npz", "numpy-2.4.6/weights.npy", "numpy-2.4.6/structured.npy",
];

for (const sample of samples) {
  const bytes = readFileSync(join(fixtures, sample));

  test(`${sample}: cut anywhere, it never loads`, async (context) => {
    const path = join(temporaryFolder(context), sample.replace("/", "-"));
    const edges = [1, 2, 3, 8, 16, 22, 42, 43, 64, 98].flatMap((length) => [length, bytes.length - length]);
    const lengths = fc.oneof(fc.constantFrom(...edges), fc.nat(bytes.length - 1));
    await fc.assert(
      fc.asyncProperty(lengths, async (length) => {
        writeFileSync(path, bytes.subarray(0, length));
        // A .bin cut to less than its magic number is any file; its name claims nothing.
        const verdict = await verifyFile(path);
        assert.ok(!verdict.ok || verdict.format === "opaque", `cut to ${length}`);
      }),
      { numRuns: 80, seed: 6 },
    );
  });

  test(`${sample}: with bytes added behind it, it never loads`, async (context) => {
    const path = join(temporaryFolder(context), sample.replace("/", "-"));
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), async (more) => {
        writeFileSync(path, Buffer.concat([bytes, more]));
        assert.equal((await verifyFile(path)).ok, false);
      }),
      { numRuns: 20, seed: 7 },
    );
  });

  test(`${sample}: with a bit flipped anywhere, it never verifies with the same hash`, async (context) => {
    const path = join(temporaryFolder(context), sample.replace("/", "-"));
    const { sha256 } = await verifyFile(join(fixtures, sample));
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
        writeFileSync(path, flip(bytes, at, bit));
        const verdict = await verifyFile(path);
        assert.notEqual(verdict.sha256, sha256);
        assert.equal(verdict.bytes, bytes.length);
      }),
      { numRuns: 80, seed: 8 },
    );
  });
}

for (const sample of samples.filter((name) => /\.(?:pt|npz)$|state_dict/.test(name))) {
  test(`${sample}: a bit flipped in any entry's data is found by its CRC, without a manifest`, async (context) => {
    const bytes = readFileSync(join(fixtures, sample));
    const path = join(temporaryFolder(context), sample.replace("/", "-"));
    const spans = entrySpans(bytes).filter(([start, end]) => end > start);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...spans), fc.nat(), fc.nat(7), async ([start, end], offset, bit) => {
        const at = start + (offset % (end - start));
        writeFileSync(path, flip(bytes, at, bit));
        assert.equal((await verifyFile(path)).ok, false, `byte ${at}`);
      }),
      { numRuns: 80, seed: 9 },
    );
  });
}

function flip(bytes: Buffer, at: number, bit: number): Buffer {
  const damaged = Buffer.from(bytes);
  damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
  return damaged;
}

/** Where the entries' data lies, from the central directory. */
function entrySpans(bytes: Buffer): [number, number][] {
  const spans: [number, number][] = [];
  const end = bytes.lastIndexOf("PK\x05\x06", undefined, "latin1");
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    const offset = bytes.readUInt32LE(at + 42);
    const start = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28);
    spans.push([start, start + bytes.readUInt32LE(at + 20)]);
    at += 46 + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return spans;
}
