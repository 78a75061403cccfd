// Whatever happens to the bytes of a valid file, generated or genuine: it must not verify as the same file, and the verifier must answer.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { fixtures, temporaryFolder } from "../verify/forge.js";
import { tries } from "../../effort.js";
import { cutShort, flip, flipped, lengthened, mangled } from "./forge/damage.js";
import { jsonFiles } from "./forge/json.js";
import { npyFiles, npzFiles } from "./forge/numpy.js";
import { safetensorsFiles } from "./forge/safetensors.js";
import { torchFiles } from "./forge/torch.js";
import { judge, type Specimen } from "./specimen.js";

const genuine = [
  "torch-1.13.0a0/checkpoint.pt", "torch-1.13.0a0/state_dict.bin", "torch-2.4.1/state_dict.bin", "torch-2.15.0/state_dict.bin", "torch-2.15.0/exotic.pt",
  "safetensors/model.safetensors", "numpy-2.4.6/optimizer.npz", "numpy-2.4.6/compressed.npz", "numpy-2.4.6/weights.npy", "numpy-2.4.6/structured.npy",
].map((path): Pick<Specimen, "name" | "bytes"> => ({ name: basename(path), bytes: readFileSync(join(fixtures, path)) }));

const kinds: Readonly<Record<string, fc.Arbitrary<Pick<Specimen, "name" | "bytes">>>> = {
  "genuine files": fc.constantFrom(...genuine),
  safetensors: safetensorsFiles,
  npy: npyFiles,
  npz: npzFiles,
  torch: torchFiles,
};

for (const [kind, files] of Object.entries(kinds)) {
  test(`${kind}: cut anywhere, they never load`, async (context) => {
    const folder = temporaryFolder(context);
    const damaged = files.chain(({ name, bytes }) => cutShort(bytes).map((damage) => ({ name, damage })));
    await fc.assert(
      fc.asyncProperty(damaged, async ({ name, damage }) => {
        const verdict = await judge(folder, name, damage.bytes);
        // A .bin cut to less than its magic number is any file; its name claims nothing.
        assert.ok(!verdict.ok || verdict.format === "opaque", damage.what);
      }),
      tries(120),
    );
  });

  test(`${kind}: with bytes added behind, they never load`, async (context) => {
    const folder = temporaryFolder(context);
    const damaged = files.chain(({ name, bytes }) => lengthened(bytes).map((damage) => ({ name, damage })));
    await fc.assert(fc.asyncProperty(damaged, async ({ name, damage }) => assert.equal((await judge(folder, name, damage.bytes)).ok, false, damage.what)), tries(40));
  });

  test(`${kind}: flipped, mangled, shuffled, they get a verdict, and none with the same hash`, async (context) => {
    const folder = temporaryFolder(context);
    const damaged = files.chain(({ name, bytes }) => fc.oneof(flipped(bytes), mangled(bytes)).map((damage) => ({ name, damage, same: damage.bytes.equals(bytes) })));
    // judge() asserts that hash and size are those of the damaged bytes, and that all codes and messages are well formed.
    await fc.assert(fc.asyncProperty(damaged, async ({ name, damage, same }) => assert.ok(!same || (await judge(folder, name, damage.bytes)).ok, damage.what)), { ...tries(20) });
    await fc.assert(fc.asyncProperty(damaged, async ({ name, damage }) => assert.notEqual((await judge(folder, name, damage.bytes)).sha256, "")), tries(170));
  });
}

for (const [kind, files] of Object.entries({ npz: npzFiles, torch: torchFiles, "genuine archives": fc.constantFrom(...genuine.filter(({ name }) => /\.(?:pt|npz)$|state_dict/.test(name))) })) {
  test(`${kind}: a bit flipped in any entry's data is found by its CRC, without a manifest`, async (context) => {
    const folder = temporaryFolder(context);
    const damaged = (files as fc.Arbitrary<Pick<Specimen, "name" | "bytes">>).chain(({ name, bytes }) =>
      fc.tuple(fc.constantFrom(...entrySpans(bytes).filter(({ start, end }) => end > start)), fc.nat(), fc.nat(7)).map(([span, offset, bit]) => {
        const at = span.start + (offset % (span.end - span.start));
        const flippedBytes = flip(bytes, at, bit);
        return { name, at, bytes: flippedBytes, same: sameContent(span, bytes, flippedBytes) };
      }),
    );
    await fc.assert(fc.asyncProperty(damaged, async ({ name, at, bytes, same }) => assert.equal((await judge(folder, name, bytes)).ok, same, `byte ${at}`)), tries(120));
  });
}

/** Deflated data has bits that mean nothing: those behind the last block, up to the end of its byte. A stream that ends earlier has bytes behind it, which are a fault. */
function sameContent({ start, end, deflated }: Span, bytes: Buffer, damaged: Buffer): boolean {
  try {
    const { buffer, engine } = inflateRawSync(damaged.subarray(start, end), { info: true }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    return deflated && engine.bytesWritten === end - start && buffer.equals(inflateRawSync(bytes.subarray(start, end)));
  } catch {
    return false;
  }
}

test("json: cut, mangled or flipped, what JSON.parse refuses is refused", async (context) => {
  const folder = temporaryFolder(context);
  const damaged = jsonFiles.filter(({ bytes }) => bytes.length > 0).chain(({ name, bytes }) => fc.oneof(cutShort(bytes), flipped(bytes), mangled(bytes), lengthened(bytes)).map((damage) => ({ name, damage })));
  await fc.assert(
    fc.asyncProperty(damaged, async ({ name, damage }) => {
      if ((await judge(folder, name, damage.bytes)).ok) assert.doesNotThrow(() => void JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(damage.bytes)), damage.what);
    }),
    tries(290),
  );
});

interface Span {
  readonly start: number;
  readonly end: number;
  readonly deflated: boolean;
}

/** Where the entries' data lies, from the central directory. */
function entrySpans(bytes: Buffer): Span[] {
  const spans: Span[] = [];
  const end = bytes.lastIndexOf("PK\x05\x06", undefined, "latin1");
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [name, extra] = [bytes.readUInt16LE(at + 28), bytes.readUInt16LE(at + 30)];
    const zip64 = bytes.readUInt32LE(at + 42) === 0xffffffff;
    const wide = (index: number, narrow: number): number => (zip64 ? Number(bytes.readBigUInt64LE(at + 46 + name + 4 + 8 * index)) : bytes.readUInt32LE(at + narrow));
    const offset = wide(2, 42);
    const start = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28);
    spans.push({ start, end: start + wide(1, 20), deflated: bytes.readUInt16LE(at + 10) === 8 });
    at += 46 + name + extra + bytes.readUInt16LE(at + 32);
  }
  return spans;
}
