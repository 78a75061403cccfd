// Checkpoints whose pickle describes tensors that are not in the archive, or not where it says.
import fc from "fast-check";
import type { Lie } from "../specimen.js";
import { writePickle, type PickleValue } from "./pickle.js";
import { partsOf, reachOf, stateOf, tensorValue, torchEntries, torchModels, type Storage, type TorchModel, type TorchParts, type View } from "./torch.js";
import { archiveOf, writeZip } from "./zip.js";

type Telling = (model: TorchModel, pick: number, amount: number) => readonly [parts: TorchParts, ...codes: Lie["codes"]];

/** Changes how one view is described, picked among those with elements; the archive stays as it is. */
function withView(model: TorchModel, pick: number, change: (view: View) => View): TorchParts {
  const candidates = model.views.filter(({ size, stride }) => reachOf(size, stride) > 0);
  const target = candidates[pick % candidates.length];
  const told = { ...model, views: model.views.map((view) => (view === target ? change(view) : view)) };
  return { ...partsOf(model), pickle: partsOf(told).pickle };
}

/** Puts a value beside what is in the checkpoint. */
const withValue = (model: TorchModel, value: PickleValue): TorchParts => partsOf(model, { dict: [...dictOf(stateOf(model)), ["extra", value]] });
const dictOf = (value: PickleValue): readonly (readonly [PickleValue, PickleValue])[] => (value !== null && typeof value === "object" && "dict" in value ? value.dict : []);

function withStorage({ pickle, storages }: TorchParts, pick: number, change: (data: Buffer) => Buffer): TorchParts {
  return { pickle, storages: storages.map(([key, data], index) => [key, index === pick % storages.length ? change(data) : data] as const) };
}

const described = (view: View, change: Partial<Storage>): View => ({ ...view, storage: { ...view.storage, ...change } });
const firstView = ({ views }: TorchModel): View => views.find(({ size, stride }) => reachOf(size, stride) > 0) ?? views[0]!;
const rebuild = (args: readonly PickleValue[], name = "_rebuild_tensor_v2"): PickleValue => ({ call: { global: ["torch._utils", name] }, args });
const storageId = (id: readonly PickleValue[]): PickleValue => rebuild([{ persistent: { tuple: id } }, 0n, { tuple: [1n] }, { tuple: [1n] }, false, { ordered: [] }]);

const strangeIds: readonly (readonly PickleValue[])[] = [["file", "/etc/passwd"], ["storage"], [], ["storage", "FloatStorage", "0", "cpu", 1n], ["module", { global: ["torch", "FloatStorage"] }, "0", "cpu", 1n]];
const strangeDtypes: readonly PickleValue[] = [null, "float32", { global: ["torch", "Tensor"] }];

const tellings: Readonly<Record<string, Telling>> = {
  "a size beyond the storage": (model, pick, amount) => [withView(model, pick, (view) => ({ ...view, size: [view.storage.elements + 1 + amount], stride: [1], offset: 0 })), "torch-tensor-outside"],
  "a stride beyond the storage": (model, pick, amount) => [withView(model, pick, (view) => ({ ...view, size: [2], stride: [view.storage.elements + amount], offset: 0 })), "torch-tensor-outside"],
  "an offset beyond the storage": (model, pick, amount) => [withView(model, pick, (view) => ({ ...view, offset: view.storage.elements + amount - reachOf(view.size, view.stride) + 1 })), "torch-tensor-outside"],
  "a size whose product overflows": (model, pick) => [withView(model, pick, (view) => ({ ...view, size: [2 ** 40, 2 ** 40], stride: [0, 0] })), "torch-tensor-outside"],
  "a stride that overflows": (model, pick) => [withView(model, pick, (view) => ({ ...view, size: [3, 3], stride: [2 ** 53 - 1, 2 ** 53 - 1] })), "torch-tensor-outside", "torch-tensor"],
  "a negative size": (model, pick, amount) => [withView(model, pick, (view) => ({ ...view, size: [-1 - amount], stride: [1] })), "torch-tensor"],
  "two negative sizes": (model, pick, amount) => [withView(model, pick, (view) => ({ ...view, size: [-1 - amount, -1], stride: [1, 1] })), "torch-tensor"],
  "a negative stride": (model, pick, amount) => [withView(model, pick, (view) => ({ ...view, size: [1], stride: [-1 - amount] })), "torch-tensor"],
  "a negative offset": (model, pick, amount) => [withView(model, pick, (view) => ({ ...view, offset: -1 - amount })), "torch-tensor"],
  "more strides than sizes": (model, pick) => [withView(model, pick, (view) => ({ ...view, stride: [...view.stride, 1] })), "torch-tensor"],
  "fewer strides than sizes": (model, pick) => [withView(model, pick, (view) => ({ ...view, size: [...view.size, 1] })), "torch-tensor"],
  "a size that is no number": (model, _, amount) => [withValue(model, rebuild([persistentOf(model), 0n, { tuple: [[null, "1", true, { float: 1 }, { tuple: [] }][amount % 5] ?? null] }, { tuple: [1n] }, false, null])), "torch-tensor"],
  "a tensor on no storage": (model, _, amount) => [withValue(model, rebuild([[null, "0", 0n, { dict: [] }, { tuple: [] }][amount % 5] ?? null, 0n, { tuple: [1n] }, { tuple: [1n] }, false, null])), "torch-tensor"],
  "a storage described longer than its entry": (model, pick, amount) => [withView(model, pick, (view) => described(view, { elements: view.storage.elements + 1 + amount })), "torch-storage-size", "torch-storage"],
  "a storage described shorter than its entry": (model, pick) => [withView(model, pick, (view) => described(view, { elements: view.storage.elements - 1 })), "torch-storage-size", "torch-storage"],
  "a storage of fewer than no elements": (model, pick, amount) => [withView(model, pick, (view) => described(view, { elements: -1 - amount })), "torch-storage"],
  "a storage beyond any file": (model, pick) => [withView(model, pick, (view) => described(view, { elements: 2 ** 53 - 1 })), "torch-storage-size", "torch-storage"],
  "a storage of another type": (model, pick) => [withView(model, pick, (view) => described(view, { kind: { ...view.storage.kind, type: view.storage.kind.width === 8 ? "FloatStorage" : "DoubleStorage" } })), "torch-storage-size", "torch-storage"],
  "a storage of no type that is known": (model, pick, amount) => [withView(model, pick, (view) => described(view, { kind: { ...view.storage.kind, type: ["EvilStorage", "Storage", "toStringStorage", "__class__"][amount % 4] ?? "" } })), "pickle-global"],
  "a storage under a path": (model, pick, amount) => [withView(model, pick, (view) => described(view, { key: ["../0", "/0", "a/b", "", "\0"][amount % 5] ?? "" })), "torch-storage"],
  "a storage that is not there": (model, pick) => [withView(model, pick, (view) => described(view, { key: "99" })), "torch-storage-missing"],
  "a storage that nothing names": (model, _, amount) => [{ ...partsOf(model), storages: [...partsOf(model).storages, ["77", Buffer.alloc(amount)]] }, "torch-storage-unnamed"],
  "an entry shorter than its storage": (model, pick) => [withStorage(partsOf(model), pick, (data) => data.subarray(0, -1)), "torch-storage-size"],
  "an entry longer than its storage": (model, pick, amount) => [withStorage(partsOf(model), pick, (data) => Buffer.concat([data, Buffer.alloc(1 + amount)])), "torch-storage-size"],
  "an empty entry": (model, pick) => [withStorage(partsOf(model), pick, () => Buffer.alloc(0)), "torch-storage-size"],
  "a persistent id that is no storage": (model, _, amount) => [withValue(model, storageId(strangeIds[amount % strangeIds.length] ?? [])), "torch-storage"],
  "a persistent id that is no tuple": (model, _, amount) => [withValue(model, { persistent: [null, "0", 5n, { dict: [] }][amount % 4] ?? null }), "torch-storage"],
  "a tensor without data": (model) => [withValue(model, rebuild([{ global: ["torch", "float32"] }, { tuple: [] }, { tuple: [] }, false], "_rebuild_meta_tensor_no_storage")), "torch-no-data"],
  "a dtype that is none": (model, _, amount) => [withValue(model, rebuild([untypedOf(model), 0n, { tuple: [1n] }, { tuple: [1n] }, false, null, strangeDtypes[amount % strangeDtypes.length] ?? null], "_rebuild_tensor_v3")), "torch-dtype", "torch-storage"],
  "no tensor": (model) => [{ pickle: partsOf(model, { dict: model.plain }).pickle, storages: [] }, "empty"],
  "nothing at all": (model, _, amount) => [{ pickle: partsOf(model, [{ dict: [] }, { list: [] }, null, { ordered: [] }][amount % 4]).pickle, storages: [] }, "empty"],
  "tensors without a single element": (model) => [partsOf({ ...model, views: model.views.map((view) => ({ ...view, size: [0], stride: [1], offset: 0 })) }), "empty"],
  "tensors that are made and dropped": (model, _, amount) => [{ ...partsOf(model), pickle: writePickle({ opcodes: Buffer.concat([opcodesOf(stateOf(model)), Buffer.from(["0}", "0]", "0N"][amount % 3] ?? "")]) }, 2, [0]) }, "empty"],
  "tensors as attributes of an empty dict": (model) => [partsOf(model, { call: { global: ["collections", "OrderedDict"] }, args: [], state: stateOf(model) }), "empty"],
  "tensors that only a device is made of": (model) => [partsOf(model, { dict: [["device", { call: { global: ["torch", "device"] }, args: [stateOf(model)] }]] }), "empty"],
  "a key twice, the model first": (model, _, amount) => [partsOf(model, { dict: [...dictOf(stateOf(model)), ["model", [null, { dict: [] }, { ordered: [] }][amount % 3] ?? null]] }), "duplicate-key"],
  "a model of tensors without elements, beside an optimizer": (model, _, amount) => [withValueAs(model, ["model_state_dict", "state_dict"][amount % 2] ?? "", { ordered: [["w", tensorValue({ ...firstView(model), size: [0], stride: [1], offset: 0, parameter: false })]] }), "empty"],
  "a model that is empty, beside an optimizer": (model, _, amount) => [withValueAs(model, ["model_state_dict", "state_dict"][amount % 2] ?? ""), "empty"],
  "a pickle that is cut": (model, pick) => [cut(partsOf(model), pick), "truncated", "pickle-stack", "pickle-opcode", "torch-storage", "torch-storage-unnamed", "empty"],
  "bytes behind the pickle": (model, _, amount) => [{ ...partsOf(model), pickle: Buffer.concat([partsOf(model).pickle, Buffer.alloc(1 + amount)]) }, "trailing-bytes"],
};

const persistentOf = (model: TorchModel): PickleValue => {
  const { storage } = firstView(model);
  return { persistent: { tuple: ["storage", { global: ["torch", storage.kind.type] }, storage.key, "cpu", BigInt(storage.elements)] } };
};
const untypedOf = (model: TorchModel): PickleValue => {
  const { storage } = firstView(model);
  return { persistent: { tuple: ["storage", { global: ["torch.storage", "UntypedStorage"] }, storage.key, "cpu", BigInt(storage.data.length)] } };
};
const withValueAs = (model: TorchModel, key: string, value: PickleValue = { ordered: [] }): TorchParts => partsOf(model, { dict: [...dictOf(stateOf(model)), [key, value]] });
/** What puts the value on the stack: its pickle without protocol and stop. */
const opcodesOf = (value: PickleValue): Buffer => writePickle(value, 2, [0]).subarray(2, -1);
const cut = (parts: TorchParts, pick: number): TorchParts => ({ ...parts, pickle: parts.pickle.subarray(0, pick % parts.pickle.length) });

export const lyingTensors: fc.Arbitrary<Lie> = fc.tuple(torchModels, fc.constantFrom(...Object.entries(tellings)), fc.nat(1_000_000), fc.nat(30)).chain(([model, [what, tell], pick, amount]) => {
  const [parts, ...codes] = tell(model, pick, amount);
  return archiveOf(torchEntries(model, parts)).map((archive) => ({ what, name: "checkpoint.pt", bytes: writeZip(archive), codes }));
});

