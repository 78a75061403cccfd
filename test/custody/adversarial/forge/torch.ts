// Valid torch.save archives: nested state of every plain kind, tensors that are views of shared storages, in any form of pickle and zip.
import fc from "fast-check";
import { summarize, type Specimen } from "../specimen.js";
import { finiteBytes, type FloatKind } from "./numbers.js";
import { writePickle, type PickleValue } from "./pickle.js";
import { archiveOf, writeZip, type Archive, type File } from "./zip.js";

interface StorageKind {
  readonly type: string;
  readonly dtype: string;
  readonly width: number;
  /** Scanned as floats of this kind, so many per element. */
  readonly float?: readonly [FloatKind, number];
}

export const storageKinds: readonly StorageKind[] = [
  { type: "DoubleStorage", dtype: "float64", width: 8, float: ["F64", 1] },
  { type: "FloatStorage", dtype: "float32", width: 4, float: ["F32", 1] },
  { type: "HalfStorage", dtype: "float16", width: 2, float: ["F16", 1] },
  { type: "BFloat16Storage", dtype: "bfloat16", width: 2, float: ["BF16", 1] },
  { type: "ComplexFloatStorage", dtype: "complex64", width: 8, float: ["F32", 2] },
  { type: "ComplexDoubleStorage", dtype: "complex128", width: 16, float: ["F64", 2] },
  { type: "LongStorage", dtype: "int64", width: 8 },
  { type: "IntStorage", dtype: "int32", width: 4 },
  { type: "ShortStorage", dtype: "int16", width: 2 },
  { type: "CharStorage", dtype: "int8", width: 1 },
  { type: "ByteStorage", dtype: "uint8", width: 1 },
  { type: "BoolStorage", dtype: "bool", width: 1 },
];

export interface Storage {
  readonly key: string;
  readonly kind: StorageKind;
  readonly elements: number;
  readonly data: Buffer;
}

export interface View {
  readonly storage: Storage;
  readonly offset: number;
  readonly size: readonly number[];
  readonly stride: readonly number[];
  readonly parameter: boolean;
}

export interface TorchModel {
  readonly views: readonly View[];
  /** Everything else in the checkpoint, by key. */
  readonly plain: readonly (readonly [string, PickleValue])[];
  readonly protocol: number;
  readonly spelling: readonly number[];
  readonly byteOrder: boolean;
  readonly notes: boolean;
  /** What the folder inside the archive is called. */
  readonly folder: string;
}

export const elementsOf = (size: readonly number[]): number => size.reduce((all, extent) => all * extent, 1);
/** Elements from the offset to behind the last one that the strides reach. */
export const reachOf = (size: readonly number[], stride: readonly number[]): number => (size.includes(0) ? 0 : size.reduce((last, extent, axis) => last + (extent - 1) * (stride[axis] ?? 0), 1));

const storages = fc.array(fc.tuple(fc.constantFrom(...storageKinds), fc.integer({ min: 1, max: 24 })), { minLength: 1, maxLength: 3 }).chain((kinds) =>
  fc.tuple(...kinds.map(([kind, elements], index) => dataOf(kind, elements).map((data): Storage => ({ key: String(index), kind, elements, data })))),
);

function dataOf({ width, float, dtype }: StorageKind, elements: number): fc.Arbitrary<Buffer> {
  if (float !== undefined) return finiteBytes(float[0], elements * float[1]);
  return fc.uint8Array({ minLength: elements * width, maxLength: elements * width }).map((bytes) => Buffer.from(dtype === "bool" ? bytes.map((byte) => byte & 1) : bytes));
}

function viewOf(storage: Storage): fc.Arbitrary<View> {
  const axis = fc.tuple(fc.nat(4), fc.nat(5));
  return fc.tuple(fc.array(axis, { maxLength: 3 }), fc.nat(), fc.boolean()).map(([axes, shift, parameter]) => {
    const [size, stride] = [axes.map(([extent]) => extent), axes.map(([, step]) => step)];
    const reach = reachOf(size, stride);
    if (reach > storage.elements) return { storage, offset: 0, size: [storage.elements], stride: [1], parameter };
    return { storage, offset: shift % (storage.elements - reach + 1), size, stride, parameter };
  });
}

const key = fc.stringMatching(/^[a-z]{1,4}(\.[0-9])?$/);
const leaf: fc.Arbitrary<PickleValue> = fc.oneof(
  fc.constantFrom(null, true, false), fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }), fc.string({ maxLength: 300 }), fc.double().map((float) => ({ float })), fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom<PickleValue>({ global: ["torch", "float32"] }, { call: { global: ["torch", "device"] }, args: ["cpu"] }, { call: { global: ["torch", "Size"] }, args: [{ tuple: [2n, 3n] }] }, { call: { global: ["argparse", "Namespace"] }, args: [], state: { dict: [["lr", { float: 0.1 }]] } }),
);
const plainValues = fc.letrec<{ value: PickleValue }>((tie) => ({
  value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, leaf, fc.array(tie("value"), { maxLength: 3 }).map((list) => ({ list })), fc.array(tie("value"), { maxLength: 4 }).map((tuple) => ({ tuple })), fc.uniqueArray(fc.tuple(key, tie("value")), { maxLength: 3, selector: ([name]) => name }).map((dict) => ({ dict })), fc.uniqueArray(fc.bigInt({ min: 0n, max: 99n }), { maxLength: 3 }).map((set) => ({ set }))),
})).value;

/** An array of numpy inside the pickle, with its bytes there too. */
export function numpyArray(type: string, elements: number, data: Uint8Array): PickleValue {
  const dtype: PickleValue = { call: { global: ["numpy", "dtype"] }, args: [type, false, true], state: { tuple: [3n, "<", null, null, null, -1n, -1n, 0n] } };
  return {
    call: { global: ["numpy.core.multiarray", "_reconstruct"] }, args: [{ global: ["numpy", "ndarray"] }, { tuple: [0n] }, Buffer.from("b")],
    state: { tuple: [1n, { tuple: [BigInt(elements)] }, dtype, false, data] },
  };
}

export const torchModels: fc.Arbitrary<TorchModel> = storages.chain((all) =>
  fc.record({
    views: fc.tuple(...all.map((storage) => fc.array(viewOf(storage), { minLength: 1, maxLength: 3 }))).map((lists) => lists.flat()).filter((views) => views.some(({ size }, index) => isOfModel(index) && elementsOf(size) > 0)),
    plain: fc.uniqueArray(fc.tuple(key.map((name) => `_${name}`), plainValues), { maxLength: 4, selector: ([name]) => name }),
    protocol: fc.integer({ min: 2, max: 5 }),
    spelling: fc.array(fc.nat(11), { minLength: 1, maxLength: 12 }),
    byteOrder: fc.boolean(),
    notes: fc.boolean(),
    folder: fc.constantFrom("archive", "checkpoint", "step-000012", "é"),
  }),
);

/** The value that a view is in the pickle. */
export function tensorValue({ storage, offset, size, stride, parameter }: View): PickleValue {
  const numbers = (list: readonly number[]): PickleValue => ({ tuple: list.map(BigInt) });
  const persistent: PickleValue = { persistent: { tuple: ["storage", { global: ["torch", storage.kind.type] }, storage.key, "cpu", BigInt(storage.elements)] } };
  const tensor: PickleValue = { call: { global: ["torch._utils", "_rebuild_tensor_v2"] }, args: [persistent, BigInt(offset), numbers(size), numbers(stride), false, { ordered: [] }] };
  return parameter && /float/.test(storage.kind.dtype) ? { call: { global: ["torch._utils", "_rebuild_parameter"] }, args: [tensor, true, { ordered: [] }] } : tensor;
}

/** The checkpoint: a third of the tensors in a dict of their own, the rest beside the plain values. */
export function stateOf({ views, plain }: TorchModel): PickleValue {
  const tensors = views.map((view, index): [string, PickleValue] => [`layer.${index}.weight`, tensorValue(view)]);
  const nested = tensors.filter((_, index) => isOfModel(index));
  return { dict: [["model", { ordered: nested }], ...tensors.filter((_, index) => !isOfModel(index)), ...plain] };
}

const isOfModel = (index: number): boolean => index % 3 === 0;

export interface TorchParts {
  readonly pickle: Buffer;
  readonly storages: readonly (readonly [key: string, data: Buffer])[];
}

export const partsOf = (model: TorchModel, state: PickleValue = stateOf(model)): TorchParts => ({
  pickle: writePickle(state, model.protocol, model.spelling),
  storages: [...new Map(model.views.map(({ storage }) => [storage.key, storage.data]))],
});

export function torchEntries({ folder, byteOrder, notes }: Pick<TorchModel, "folder" | "byteOrder" | "notes">, { pickle, storages: data }: TorchParts): File[] {
  const file = (name: string, bytes: Uint8Array): File => ({ name: `${folder}/${name}`, data: Buffer.from(bytes) });
  return [
    file("data.pkl", pickle),
    ...(notes ? [file(".format_version", Buffer.from("1")), file(".storage_alignment", Buffer.from("64"))] : []),
    ...(byteOrder ? [file("byteorder", Buffer.from("little"))] : []),
    ...data.map(([name, bytes]) => file(`data/${name}`, bytes)),
    file("version", Buffer.from("3\n")),
    ...(notes ? [file(".data/serialization_id", Buffer.from("0123456789"))] : []),
  ];
}

export const torchArchives: fc.Arbitrary<Archive> = torchModels.chain((model) => archiveOf(torchEntries(model, partsOf(model))));

export const torchFiles: fc.Arbitrary<Specimen> = torchModels.chain((model) =>
  archiveOf(torchEntries(model, partsOf(model))).map((archive) => ({
    name: "checkpoint.pt",
    format: "torch-zip",
    bytes: writeZip(archive),
    summary: summarize(model.views.map(({ storage: { kind }, size }) => [kind.dtype, elementsOf(size), elementsOf(size) * kind.width])),
  })),
);
