// Valid npy arrays of any type, shape, order, version and spelling of the header, npz archives of them, and headers that lie.
import fc from "fast-check";
import { littleEndian, npyWithHeader } from "../../verify/forge.js";
import { summarize, type Lie, type Specimen } from "../specimen.js";
import { finiteBytes, type FloatKind } from "./numbers.js";
import { archiveOf, writeZip, type Archive, type File } from "./zip.js";

export interface NpyModel {
  readonly descr: string;
  readonly shape: readonly number[];
  readonly fortran: boolean;
  readonly version: 1 | 2 | 3;
  readonly spelling: number;
  readonly data: Buffer;
  readonly structured: boolean;
}

const floatTypes: Readonly<Record<string, readonly [FloatKind, number]>> = { f2: ["F16", 1], f4: ["F32", 1], f8: ["F64", 1], c8: ["F32", 2], c16: ["F64", 2] };
const plainTypes = ["|b1", "|i1", "|u1", "<i2", ">u2", "<i4", ">i8", "<u8", "|S3", "<U2", ">U1", "|V5", "<M8[ns]", "<m8[D]", ">M8[25us]"];
const plainBytes = (type: string): number => Number(/[0-9]+/.exec(type)?.[0] ?? 1) * (type.includes("U") ? 4 : 1);
const shapes = fc.oneof(fc.constant([]), fc.array(fc.nat(6), { minLength: 1, maxLength: 3 }));
const product = (shape: readonly number[]): number => shape.reduce((all, extent) => all * extent, 1);

const floatArray = fc.record({ type: fc.constantFrom(...Object.keys(floatTypes)), order: fc.constantFrom("<", ">"), shape: shapes }).chain(({ type, order, shape }) => {
  const [kind, parts] = floatTypes[type] ?? ["F32", 1];
  return finiteBytes(kind, product(shape) * parts, order === ">").map((data) => ({ descr: `'${order}${type}'`, shape, data, structured: false }));
});
const plainArray = fc.record({ type: fc.constantFrom(...plainTypes), shape: shapes }).chain(({ type, shape }) => {
  const bytes = product(shape) * (type.includes("8[") ? 8 : plainBytes(type));
  const zeros = /[UMb]/.test(type);
  return fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((data) => ({ descr: `'${type}'`, shape, data: zeros ? Buffer.alloc(bytes) : Buffer.from(data), structured: false }));
});
const structuredArray = fc.nat(5).chain((items) =>
  fc.tuple(finiteBytes("F32", items * 2), fc.uint8Array({ minLength: items * 3, maxLength: items * 3 })).map(([floats, raw]) => ({
    descr: "[('loss', '<f4', (2,)), ('id', '|i1'), ('tag', '|S2')]",
    shape: [items],
    data: Buffer.concat(Array.from({ length: items }, (_, item) => [floats.subarray(item * 8, item * 8 + 8), raw.subarray(item * 3, item * 3 + 3)]).flat()),
    structured: true,
  })),
);

export const npyModels: fc.Arbitrary<NpyModel> = fc
  .tuple(fc.oneof({ weight: 4, arbitrary: floatArray }, { weight: 2, arbitrary: plainArray }, { weight: 1, arbitrary: structuredArray }), fc.record({ fortran: fc.boolean(), version: fc.constantFrom(1 as const, 2 as const, 3 as const), spelling: fc.nat(3) }))
  .map(([array, how]) => ({ ...array, ...how }));

export const tupleText = (items: readonly number[]): string => (items.length === 1 ? `(${items[0] ?? 0},)` : `(${items.join(", ")})`);

export function headerText({ descr, shape, fortran, spelling }: NpyModel): string {
  const order = fortran ? "True" : "False";
  const fields = [`'descr': ${descr}`, `'fortran_order': ${order}`, `'shape': ${tupleText(shape)}`];
  switch (spelling) {
    case 0:
      return `{${fields.join(", ")}, }`;
    case 1:
      return `{${fields.toReversed().join(",")}}`;
    case 2:
      return `{ ${fields.join(" , ").replaceAll("'", '"')} }`;
    default:
      return `{${fields.join(",\t")},}`;
  }
}

export const writeNpy = (model: NpyModel): Buffer => npyWithHeader(headerText(model), model.data, model.version);
const dtypeOf = ({ descr, structured }: NpyModel): string => (structured ? "structured" : descr.slice(1, -1));
const counted = (models: readonly NpyModel[]): Specimen["summary"] & object => summarize(models.map((model) => [dtypeOf(model), product(model.shape), model.data.length]));

export const npyFiles: fc.Arbitrary<Specimen> = npyModels.map((model) => ({ name: "array.npy", format: "npy", bytes: writeNpy(model), summary: counted([model]) }));

const arrayNames = fc.oneof(fc.stringMatching(/^[a-z]{1,5}(\/[a-z]{1,3})?$/), fc.constantFrom("é", "arr_0", "x y"));
const npzParts = fc.uniqueArray(fc.tuple(arrayNames, npyModels), { minLength: 1, maxLength: 4, selector: ([name]) => name });
const filesOf = (parts: readonly (readonly [string, NpyModel])[]): File[] => parts.map(([name, model]) => ({ name: `${name}.npy`, data: writeNpy(model) }));

export const npzArchives: fc.Arbitrary<Archive> = npzParts.chain((parts) => archiveOf(filesOf(parts)));

export const npzFiles: fc.Arbitrary<Specimen> = npzParts.chain((parts) =>
  archiveOf(filesOf(parts)).map((archive) => ({ name: "arrays.npz", format: "npz", bytes: writeZip(archive), summary: counted(parts.map(([, model]) => model)) })),
);

// --- lies ---

type Telling = (model: NpyModel, pick: number, amount: number) => readonly [bytes: Buffer, ...codes: Lie["codes"]];
const withText = (model: NpyModel, change: (text: string) => string): Buffer => npyWithHeader(change(headerText({ ...model, spelling: 0 })), model.data, model.version);
const withPreamble = (model: NpyModel, at: number, value: Uint8Array): Buffer => {
  const bytes = writeNpy(model);
  bytes.set(value, at);
  return bytes;
};
const withShape = (model: NpyModel, shape: string): Buffer => withText(model, (text) => text.replace(/'shape': .*, \}$/, `'shape': ${shape}, }`));
const objects = ["'|O'", "'O'", "'|O8'", "[('a', '|O')]", "[('a', '<f4'), ('b', [('c', '|O')])]"];
const unknownTypes = ["'<f3'", "'<f16'", "'<c32'", "'<i3'", "'f'", "'<q8'", "''", "'<b2'", "'float32'", "None", "('<f4', (2,))", "[]", "[('a',)]", "[('a', '<f4', -1)]", "'<m8[q]'", "'<M8[0s]'", "[('a', '<f4'), ('a', '<f4')]"];
const codeTexts = ["__import__('os').system('true')", "exec('1')", "{**{}}", "lambda: 0", "f''", "open('/etc/passwd')"];

const tellings: Readonly<Record<string, Telling>> = {
  "pickled objects": (model, pick) => [withText(model, (text) => text.replace(model.descr, objects[pick % objects.length] ?? "")), "npy-object", "npy-dtype"],
  "a type that is none": (model, pick) => [withText(model, (text) => text.replace(model.descr, unknownTypes[pick % unknownTypes.length] ?? "")), "npy-dtype"],
  "a shape with more elements": (model, _, amount) => [withText({ ...model, shape: [...model.shape.map((extent) => Math.max(1, extent)), 2 + amount], data: model.data }, (text) => text), "truncated"],
  "a shape with fewer elements": (model, _, amount) => [npyWithHeader(headerText(model), Buffer.concat([model.data, Buffer.alloc(1 + amount)]), model.version), "trailing-bytes"],
  "a shape below zero": (model) => [withText({ ...model, shape: [-1] }, (text) => text), "npy-header"],
  "a shape beyond any file": (model) => [withText({ ...model, shape: [2 ** 40, 2 ** 40] }, (text) => text), "npy-header"],
  "a number with leading zeros": (model) => [withShape(model, "(07,)"), "npy-header"],
  "a shape that is no tuple": (model, pick) => [withShape(model, ["3", "[3]", "'3'", "(True,)", "(3.0,)", "(3)", "None"][pick % 7] ?? ""), "npy-header"],
  "code in the header": (model, pick) => [pick % 2 === 0 ? withShape(model, codeTexts[pick % codeTexts.length] ?? "") : withText(model, () => codeTexts[pick % codeTexts.length] ?? ""), "npy-header"],
  "a key twice": (model, pick) => [withText(model, (text) => text.replace(", }", `, ${["'descr': '<f4'", "'shape': (1,)", "'fortran_order': False"][pick % 3] ?? ""}}`)), "npy-header"],
  "a key more": (model) => [withText(model, (text) => text.replace(", }", ", 'more': 1}")), "npy-header"],
  "a key less": (model) => [withText(model, (text) => text.replace(/, 'shape'.*\}/, "}")), "npy-header"],
  "an order that is no truth value": (model, pick) => [withText(model, (text) => text.replace(/True|False/, ["1", "'C'", "None", "0"][pick % 4] ?? "")), "npy-header"],
  "text behind the header": (model, pick) => [withText(model, (text) => `${text}${["x", ", 1", "\0", "}"][pick % 4] ?? ""}`), "npy-header"],
  "a control character in the header": (model, pick) => [withText(model, (text) => text.replace("'shape'", `'${["\0", "\r", "\n", "\u001b"][pick % 4] ?? ""}shape'`)), "npy-header"],
  "a field with a control character": (model, pick) => [withText(model, (text) => text.replace(model.descr, `[('a${["\0", "\r", "\n"][pick % 3] ?? ""}', '<f4')]`)), "npy-header"],
  "another magic": (model, pick) => [withPreamble(model, pick % 6, Buffer.from([0x7f])), "npy-magic"],
  "a version of the future": (model, pick) => [withPreamble(model, 6, Buffer.from([[4, 0], [1, 1], [0, 0], [255, 255]][pick % 4] ?? [])), "npy-version"],
  "a header length beyond the file": (model, pick) => [withPreamble(model, 8, model.version === 1 ? littleEndian(2, 9_000 + (pick % 1000)) : littleEndian(4, 9_000 + (pick % 1000))), "truncated", "npy-header"],
  "a header length beyond sense": (model, pick) => [withPreamble({ ...model, version: 2 }, 8, littleEndian(4, 10_001 + pick)), "npy-header"],
  "a header length that is too short": (model, pick) => [withPreamble(model, 8, littleEndian(2, pick % 40)), "npy-header", "npy-dtype"],
  "a header that is not UTF-8": (_, pick) => {
    const text = Buffer.from(`{'descr': [('xx', '<f4')], 'fortran_order': False, 'shape': (), }\n`);
    text.set([[0xff, 0xfe], [0xc0, 0x80], [0xed, 0xa0]][pick % 3] ?? [], text.indexOf("xx"));
    return [Buffer.concat([Buffer.from("\x93NUMPY\x03\x00", "latin1"), littleEndian(4, text.length), text, Buffer.alloc(4)]), "npy-header"];
  },
};

export const lyingNpy: fc.Arbitrary<Lie> = fc.tuple(npyModels.filter(({ data }) => data.length > 0), fc.constantFrom(...Object.entries(tellings)), fc.nat(1_000_000), fc.nat(40)).map(([model, [what, tell], pick, amount]) => {
  const [bytes, ...codes] = tell(model, pick, amount);
  return { what, name: "array.npy", bytes, codes };
});

/** The same lies inside an archive, beside an honest array. */
export const lyingNpzEntries: fc.Arbitrary<Lie> = fc.tuple(lyingNpy, npyModels).chain(([lie, honest]) =>
  archiveOf([{ name: "honest.npy", data: writeNpy(honest) }, { name: "lying.npy", data: lie.bytes }]).map((archive) => ({ ...lie, name: "arrays.npz", bytes: writeZip(archive), codes: [...lie.codes, "zip-deflate" as const] })),
);
