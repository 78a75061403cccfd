// Valid safetensors files of any shape, and every way that a header can lie about them.
import fc from "fast-check";
import { littleEndian, safetensors } from "../../verify/forge.js";
import { summarize, type Lie, type Specimen } from "../specimen.js";
import { finiteBytes, floatLayouts, type FloatKind } from "./numbers.js";

export interface SafeTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Buffer;
}

export interface SafeModel {
  /** In the order of their data. */
  readonly tensors: readonly SafeTensor[];
  /** The header's keys in another order: a rotation by so many. */
  readonly rotation: number;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  /** Spaces behind the header, as the library pads it. */
  readonly padding: number;
}

/** Bits per element of the dtypes that are no floats to be scanned. */
const plainBits: Readonly<Record<string, number>> = { BOOL: 8, U8: 8, I8: 8, U16: 16, I16: 16, U32: 32, I32: 32, U64: 64, I64: 64, F4: 4, F6_E2M3: 6, F6_E3M2: 6 };
const names = fc.oneof(fc.stringMatching(/^[a-z]{1,6}(\.[0-9]{1,2})?(\.weight|\.bias)?$/), fc.string({ unit: "binary", maxLength: 6 }), fc.constantFrom("__proto__", "", "constructor", "é", "\u0000", '"\\'));
const shapes = fc.oneof(fc.constant([]), fc.array(fc.nat(5), { maxLength: 4 }));
const product = (shape: readonly number[]): number => shape.reduce((all, extent) => all * extent, 1);

const floatTensor = fc.constantFrom(...(Object.keys(floatLayouts) as FloatKind[])).chain((kind) =>
  fc.record({ name: names, dtype: fc.constant<string>(kind), shape: shapes }).chain((tensor) => finiteBytes(kind, product(tensor.shape)).map((data) => ({ ...tensor, data }))),
);
const complexTensor = fc.record({ name: names, shape: shapes }).chain((tensor) => finiteBytes("F32", 2 * product(tensor.shape)).map((data) => ({ ...tensor, dtype: "C64", data })));
const plainTensor = fc
  .record({ name: names, dtype: fc.constantFrom(...Object.keys(plainBits)), shape: shapes })
  .map((tensor) => ({ ...tensor, bits: product(tensor.shape) * (plainBits[tensor.dtype] ?? 8) }))
  .filter(({ bits }) => bits % 8 === 0)
  .chain(({ bits, ...tensor }) => fc.uint8Array({ minLength: bits / 8, maxLength: bits / 8 }).map((data) => ({ ...tensor, data: Buffer.from(data) })));

const someTensor: fc.Arbitrary<SafeTensor> = fc.oneof({ weight: 4, arbitrary: floatTensor }, { weight: 1, arbitrary: complexTensor }, { weight: 2, arbitrary: plainTensor });

export const safeModels: fc.Arbitrary<SafeModel> = fc.record({
  tensors: fc.uniqueArray(someTensor, { minLength: 1, maxLength: 6, selector: ({ name }) => name }).filter((tensors) => tensors.some(({ data }) => data.length > 0) && tensors.every(({ name }) => name !== "__metadata__")),
  rotation: fc.nat(5),
  metadata: fc.option(fc.dictionary(fc.string({ maxLength: 5 }).filter((key) => key !== "__proto__"), fc.string({ maxLength: 5 }), { maxKeys: 3, noNullPrototype: true }), { nil: undefined }),
  padding: fc.nat(16),
});

type Header = [name: string, entry: unknown][];

export function headerOf({ tensors, rotation, metadata }: SafeModel): Header {
  let at = 0;
  const entries = tensors.map(({ name, dtype, shape, data }): [string, unknown] => [name, { dtype, shape, data_offsets: [at, (at += data.length)] }]);
  const turn = rotation % entries.length;
  return [...(metadata === undefined ? [] : [["__metadata__", metadata] as [string, unknown]]), ...entries.slice(turn), ...entries.slice(0, turn)];
}

/** JSON.stringify would lose "__proto__" and duplicates. */
export function writeHeader(header: Header): string {
  return `{${header.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(",")}}`;
}

const dataOf = ({ tensors }: SafeModel): Buffer => Buffer.concat(tensors.map(({ data }) => data));

export function writeSafetensors(model: SafeModel): Buffer {
  return safetensors(writeHeader(headerOf(model)) + " ".repeat(model.padding), dataOf(model));
}

export const safetensorsFiles: fc.Arbitrary<Specimen> = safeModels.map((model) => ({
  name: "model.safetensors",
  format: "safetensors",
  bytes: writeSafetensors(model),
  summary: summarize(model.tensors.map(({ dtype, shape, data }) => [dtype, product(shape), data.length])),
}));

// --- lies ---

type Entry = { dtype: unknown; shape: unknown; data_offsets: [number, number] } & Record<string, unknown>;
type Telling = (model: SafeModel, pick: number, amount: number) => readonly [bytes: Buffer, ...codes: Lie["codes"]];

/** Changes the entry of one tensor, picked among those that hold bytes unless `any`. */
function withEntry(model: SafeModel, pick: number, change: (entry: Entry) => unknown, any = false): Buffer {
  const candidates = model.tensors.filter(({ data }) => any || data.length > 0);
  const target = candidates[pick % candidates.length]?.name;
  const header = headerOf(model).map(([name, entry]): [string, unknown] => [name, name === target ? change({ ...(entry as Entry) }) : entry]);
  return safetensors(writeHeader(header), dataOf(model));
}

const withHeader = (model: SafeModel, text: string | Buffer): Buffer => Buffer.concat([littleEndian(8, Buffer.byteLength(text)), Buffer.from(text), dataOf(model)]);
const withLength = (model: SafeModel, change: (length: bigint) => bigint): Buffer => {
  const bytes = writeSafetensors({ ...model, padding: 0 });
  bytes.writeBigUInt64LE(BigInt.asUintN(64, change(bytes.readBigUInt64LE())));
  return bytes;
};
const text = (model: SafeModel): string => writeHeader(headerOf(model));
const moved = ([begin, end]: [number, number], by: readonly [number, number]): [number, number] => [begin + by[0], end + by[1]];

const tellings: Readonly<Record<string, Telling>> = {
  "a header length that is too short": (model, pick) => [withLength(model, (length) => BigInt(pick) % length), "header-syntax", "header-too-small", "header-start"],
  "a header length beyond the file": (model, pick, amount) => [withLength(model, (length) => length + BigInt(dataOf(model).length + 1 + ((pick * amount) % 1_000_000))), "truncated"],
  "a header length beyond any file": (model, pick) => [withLength(model, () => 100_000_001n + (BigInt(pick) << 31n)), "header-too-large"],
  "a header length that takes data in": (model, _, amount) => [withLength(model, (length) => length + BigInt(1 + (amount % dataOf(model).length))), "header-syntax", "duplicate-key", "truncated"],
  "a gap before a tensor": (model, pick, amount) => [withEntry(model, pick, (entry) => ({ ...entry, data_offsets: moved(entry.data_offsets, [1 + amount, 1 + amount]) })), "offset-gap", "offset-overlap", "truncated"],
  "a tensor that starts in another": (model, pick, amount) => {
    const [first = model.tensors[0]] = [model.tensors.find(({ data }) => data.length > 0)];
    const twin = { name: `${first?.name ?? ""}*`, dtype: "U8", shape: [1 + (amount % 3)], data: Buffer.alloc(1 + (amount % 3)) };
    const header = headerOf({ ...model, tensors: [...model.tensors, twin] });
    const at = pick % dataOf(model).length;
    const lying = header.map(([name, entry]): [string, unknown] => [name, name === twin.name ? { ...(entry as Entry), data_offsets: [at, at + twin.data.length] } : entry]);
    return [safetensors(writeHeader(lying), dataOf(model)), "offset-overlap"];
  },
  "an end before the begin": (model, pick) => [withEntry(model, pick, (entry) => ({ ...entry, data_offsets: entry.data_offsets.toReversed() })), "offset-order", "shape-mismatch"],
  "offsets beyond the file": (model, pick, amount) => [withEntry(model, pick, (entry) => ({ ...entry, shape: [2 ** 40 + amount], dtype: "U8", data_offsets: [entry.data_offsets[0], entry.data_offsets[0] + 2 ** 40 + amount] })), "truncated"],
  "an extent more": (model, pick, amount) => [withEntry(model, pick, (entry) => ({ ...entry, shape: [...(entry.shape as number[]), 2 + amount] })), "shape-mismatch"],
  "an extent that makes the product overflow": (model, pick) => [withEntry(model, pick, (entry) => ({ ...entry, shape: [...(entry.shape as number[]), 2 ** 32, 2 ** 32] })), "shape-mismatch"],
  "an extent below zero": (model, pick, amount) => [withEntry(model, pick, (entry) => ({ ...entry, shape: [-1 - amount] })), "header-syntax"],
  "an extent that is no whole number": (model, pick) => [withEntry(model, pick, (entry) => ({ ...entry, shape: [1.5] })), "header-syntax"],
  "an extent beyond 2^53": (model, pick) => [Buffer.concat([littleEndian(8, Buffer.byteLength(text(model).replace(/"shape":\[/, `"shape":[9007199254740993${pick % 2 === 0 ? "" : "1"},`))), Buffer.from(text(model).replace(/"shape":\[/, `"shape":[9007199254740993${pick % 2 === 0 ? "" : "1"},`)), dataOf(model)]), "header-syntax", "shape-mismatch"],
  "a dtype that is none": (model, pick, amount) => [withEntry(model, pick, (entry) => ({ ...entry, dtype: ["f32", "F128", "toString", "", "BF 16"][amount % 5] })), "unknown-dtype"],
  "a dtype of another width": (model, pick) => [withEntry(model, pick, (entry) => ({ ...entry, dtype: entry.dtype === "F64" || entry.dtype === "I64" || entry.dtype === "U64" || entry.dtype === "C64" ? "U8" : "I64" })), "shape-mismatch"],
  "a field more": (model, pick) => [withEntry(model, pick, (entry) => ({ ...entry, strides: [] }), true), "header-shape"],
  "a field less": (model, pick, amount) => [withEntry(model, pick, (entry) => ({ ...entry, [["dtype", "shape", "data_offsets"][amount % 3] ?? ""]: undefined }), true), "header-shape"],
  "an entry that is no object": (model, pick, amount) => [withEntry(model, pick, () => [null, 1, "F32", [], [0, 4]][amount % 5], true), "header-shape"],
  "a tensor named twice": (model, pick) => {
    const header = headerOf(model);
    const twin = header[pick % header.length];
    return [safetensors(writeHeader(twin === undefined ? header : [...header, twin]), dataOf(model)), "duplicate-key"];
  },
  "metadata that is no map of texts": (model, pick) => [safetensors(writeHeader([...headerOf({ ...model, metadata: undefined }), ["__metadata__", [null, [], { a: 1 }, { a: null }, "x"][pick % 5]]]), dataOf(model)), "header-shape"],
  "text behind the header's value": (model, pick) => [withHeader(model, `${text(model)}${["}", ",", "\0", " x", "{}"][pick % 5] ?? ""}`), "header-syntax"],
  "something before the header's value": (model, pick) => [withHeader(model, `${[" ", "\ufeff", "\n", "["][pick % 4] ?? ""}${text(model)}`), "header-start"],
  "a header that is not UTF-8": (model, pick) => [withHeader(model, Buffer.concat([Buffer.from(text(model)).subarray(0, -1), Buffer.from([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]][pick % 4] ?? []), Buffer.from("}")])), "header-syntax"],
  "no tensor": (model) => [safetensors(writeHeader([["__metadata__", model.metadata ?? {}]]), Buffer.alloc(0)), "empty"],
  "bytes behind the data": (model, _, amount) => [Buffer.concat([writeSafetensors(model), Buffer.alloc(1 + amount)]), "trailing-bytes"],
};

/** Files whose header says something else than their data, with the codes that may name it. */
export const lyingSafetensors: fc.Arbitrary<Lie> = fc.tuple(safeModels, fc.constantFrom(...Object.entries(tellings)), fc.nat(1_000_000), fc.nat(40)).map(([model, [what, tell], pick, amount]) => {
  const [bytes, ...codes] = tell(model, pick, amount);
  return { what, name: "model.safetensors", bytes, codes };
});
