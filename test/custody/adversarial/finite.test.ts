// Values that are not finite are found in every format, kind, byte order and place, and finite ones pass: judged by decoding the numbers.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { npy, safetensors, temporaryFolder, zip } from "../verify/forge.js";
import { tries } from "../../effort.js";
import { allFinite, finiteBytes, floatKinds, floatLayouts, nonFiniteBits, writeElement, type FloatKind } from "./forge/numbers.js";
import { flip } from "./forge/damage.js";
import { writePickle, type PickleValue } from "./forge/pickle.js";
import { partsOf, storageKinds, torchEntries } from "./forge/torch.js";
import { judge } from "./specimen.js";

/** A file that holds these elements of the kind, and nothing else that is a float. */
interface Holder {
  readonly name: string;
  readonly kind: FloatKind;
  readonly bigEndian: boolean;
  readonly write: (data: Buffer, elements: number) => Buffer;
}

const numpyTypes: Readonly<Record<string, string>> = { F64: "f8", F32: "f4", F16: "f2" };
const torchTypes: Readonly<Record<FloatKind, string>> = {
  F64: "float64", F32: "float32", F16: "float16", BF16: "bfloat16", F8_E4M3: "float8_e4m3fn", F8_E5M2: "float8_e5m2", F8_E4M3FNUZ: "float8_e4m3fnuz", F8_E5M2FNUZ: "float8_e5m2fnuz", F8_E8M0: "float8_e8m0fnu",
};

const asSafetensors = (kind: FloatKind): Holder => ({
  name: "m.safetensors", kind, bigEndian: false,
  // Odd bytes before the tensor, so that its elements lie at odd places.
  write: (data, elements) => safetensors({ pad: { dtype: "U8", shape: [3], data_offsets: [0, 3] }, w: { dtype: kind, shape: [elements], data_offsets: [3, 3 + data.length] } }, Buffer.concat([Buffer.alloc(3, 0xff), data])),
});
const asNpy = (kind: FloatKind, bigEndian: boolean): Holder => ({ name: "a.npy", kind, bigEndian, write: (data, elements) => npy(`'${bigEndian ? ">" : "<"}${numpyTypes[kind] ?? ""}'`, `(${elements},)`, data) });
const asNpz = (kind: FloatKind, bigEndian: boolean): Holder => ({ ...asNpy(kind, bigEndian), name: "a.npz", write: (data, elements) => archived([{ name: "w.npy", data: npy(`'${bigEndian ? ">" : "<"}${numpyTypes[kind] ?? ""}'`, `(${elements},)`, data) }]) });
/** On a storage of bytes, with the dtype that the tensor brings: how every float of newer releases is written. */
const asTorch = (kind: FloatKind, bigEndian: boolean): Holder => ({
  name: "m.pt", kind, bigEndian,
  write: (data, elements) => {
    const persistent: PickleValue = { persistent: { tuple: ["storage", { global: ["torch.storage", "UntypedStorage"] }, "0", "cpu", BigInt(data.length)] } };
    const tensor: PickleValue = { call: { global: ["torch._utils", "_rebuild_tensor_v3"] }, args: [persistent, 0n, { tuple: [BigInt(elements)] }, { tuple: [1n] }, false, { ordered: [] }, { global: ["torch", torchTypes[kind]] }] };
    const parts = { pickle: writePickle({ dict: [["w", tensor]] }, 2, [0]), storages: [["0", data]] as const };
    const entries = torchEntries({ folder: "archive", byteOrder: false, notes: false }, parts);
    return archived(bigEndian ? [...entries, { name: "archive/byteorder", data: Buffer.from("big") }] : entries);
  },
});
/** Stored or deflated, by turns. */
const archived = (files: readonly { readonly name: string; readonly data: Buffer }[]): Buffer => zip(files.map((file, index) => ({ ...file, deflate: (file.data.length + index) % 2 === 0 })));

const holders: readonly Holder[] = [
  ...floatKinds.map(asSafetensors),
  ...(["F64", "F32", "F16"] as const).flatMap((kind) => [false, true].flatMap((bigEndian) => [asNpy(kind, bigEndian), asNpz(kind, bigEndian)])),
  ...floatKinds.flatMap((kind) => [asTorch(kind, false), asTorch(kind, true)]),
];

const samples = fc.tuple(fc.constantFrom(...holders), fc.integer({ min: 1, max: 200 })).chain(([holder, elements]) =>
  fc.record({ holder: fc.constant(holder), elements: fc.constant(elements), data: finiteBytes(holder.kind, elements, holder.bigEndian), bad: nonFiniteBits(holder.kind), at: fc.nat(elements - 1), bit: fc.nat(7), byte: fc.nat() }),
);

test("finite numbers of every kind pass, and one NaN or infinity among them is found and named", async (context) => {
  const folder = temporaryFolder(context);
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(samples, async ({ holder, elements, data, bad, at }) => {
      const { name, kind, bigEndian, write } = holder;
      const what = `${name} ${kind}${bigEndian ? " big-endian" : ""}, ${elements} elements, element ${at}`;
      assert.deepEqual((await judge(folder, name, write(data, elements))).problems, [], what);
      const damaged = Buffer.from(data);
      writeElement(damaged, at * floatLayouts[kind].width, floatLayouts[kind].width, bad, bigEndian);
      const { problems } = await judge(folder, name, write(damaged, elements));
      assert.deepEqual(problems.map(({ code }) => code), ["non-finite"], what);
      assert.match(problems[0]?.message ?? "", new RegExp(`first at element ${at} of`), what);
      seen.add(`${name} ${kind} ${bigEndian}`);
    }),
    tries(290),
  );
  assert.equal(seen.size, holders.length, "every format with every kind was tried");
});

test("a bit flipped in a tensor passes, with another hash, exactly when its number stays finite", async (context) => {
  const folder = temporaryFolder(context);
  await fc.assert(
    fc.asyncProperty(samples, async ({ holder, elements, data, bit, byte }) => {
      const { name, kind, bigEndian, write } = holder;
      const whole = await judge(folder, name, write(data, elements));
      const damaged = flip(data, byte % data.length, bit);
      const verdict = await judge(folder, name, write(damaged, elements));
      assert.equal(verdict.ok, allFinite(kind, damaged, bigEndian), `${name} ${kind} byte ${byte % data.length} bit ${bit}`);
      assert.notEqual(verdict.sha256, whole.sha256);
    }),
    tries(240),
  );
});

test("every storage class of floats is scanned, through any view that reaches the number, and no other", async (context) => {
  const folder = temporaryFolder(context);
  const cases = fc.tuple(fc.constantFrom(...storageKinds.filter(({ float }) => float !== undefined)), fc.integer({ min: 2, max: 40 })).chain(([kind, elements]) => {
    const [float, parts] = kind.float ?? ["F32", 1];
    return fc.record({ kind: fc.constant(kind), elements: fc.constant(elements), data: finiteBytes(float, elements * parts), bad: nonFiniteBits(float), at: fc.nat(elements * parts - 1), from: fc.nat(elements - 1), length: fc.integer({ min: 1, max: elements }) });
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ kind, elements, data, bad, at, from, length }) => {
      const [float, parts] = kind.float ?? ["F32", 1];
      const damaged = Buffer.from(data);
      writeElement(damaged, at * floatLayouts[float].width, floatLayouts[float].width, bad);
      const size = Math.min(length, elements - from);
      const view = { storage: { key: "0", kind, elements, data: damaged }, offset: from, size: [size], stride: [1], parameter: false };
      const model = { views: [view], plain: [], protocol: 2, spelling: [0], byteOrder: true, notes: false, folder: "archive" };
      const reached = at >= from * parts && at < (from + size) * parts;
      const verdict = await judge(folder, "m.pt", archived(torchEntries(model, partsOf(model))));
      assert.equal(verdict.ok, !reached, `${kind.type} of ${elements}, view of ${size} from ${from}, number ${at}`);
    }),
    tries(190),
  );
});
