import assert from "node:assert/strict";
import { test } from "node:test";
import {
  codes, float32, goodData, goodTensor, littleEndian, op, statePickle, tensorOpcodes, torchArchive, verifyBytes, zip, type Entry, type ForgedTensor,
} from "./forge.js";

const good = torchArchive(statePickle([goodTensor]), { "0": goodData });
const withTensor = (change: Partial<ForgedTensor>): Buffer => torchArchive(statePickle([{ ...goodTensor, ...change }]), { "0": goodData });
const withPickle = (...parts: readonly Uint8Array[]): Buffer => torchArchive(Buffer.concat(parts), { "0": goodData });

test("a good torch archive passes, stored or deflated, with views that share a storage", async (context) => {
  const views = [goodTensor, { ...goodTensor, name: "t", size: [3, 2], stride: [1, 3] }, { ...goodTensor, name: "s", offset: 1, size: [2], stride: [2] }, { ...goodTensor, name: "e", size: [5, 6], stride: [0, 1] }];
  const entries: Entry[] = [
    { name: "x/data.pkl", data: statePickle(views), deflate: true },
    { name: "x/data/0", data: goodData, deflate: true },
    { name: "x/version", data: Buffer.from("3") },
  ];
  for (const bytes of [good, zip(entries)]) {
    const verdict = await verifyBytes(context, "m.pt", bytes);
    assert.deepEqual(verdict.problems, []);
    assert.equal(verdict.format, "torch-zip");
  }
  assert.deepEqual((await verifyBytes(context, "m.pth", good)).summary, { tensors: 1, elements: 6, bytes: 24, dtypes: { float32: 1 } });
});

const dict = [op.proto, op.emptyDict, op.mark, op.text("weight")];
const broken: Readonly<Record<string, readonly [Buffer, string]>> = {
  "a storage that is not there": [torchArchive(statePickle([goodTensor]), {}), "torch-storage-missing"],
  "a storage shorter than the pickle says": [torchArchive(statePickle([goodTensor]), { "0": goodData.subarray(4) }), "torch-storage-size"],
  "a storage longer than the pickle says": [torchArchive(statePickle([goodTensor]), { "0": Buffer.concat([goodData, goodData]) }), "torch-storage-size"],
  "a storage that the pickle does not name": [torchArchive(statePickle([goodTensor]), { "0": goodData, "1": goodData }), "torch-storage-unnamed"],
  "a size beyond the storage": [withTensor({ size: [2, 4] }), "torch-tensor-outside"],
  "a stride beyond the storage": [withTensor({ stride: [4, 1] }), "torch-tensor-outside"],
  "an offset beyond the storage": [withTensor({ offset: 1 }), "torch-tensor-outside"],
  "a size whose product overflows": [withTensor({ size: [2 ** 40, 2 ** 40], stride: [0, 0] }), "torch-tensor-outside"],
  "a stride that overflows": [withTensor({ stride: [2 ** 53 - 1, 2 ** 53 - 1] }), "torch-tensor-outside"],
  "a negative size": [withTensor({ size: [-2, 3] }), "torch-tensor"],
  "a negative stride": [withTensor({ stride: [-3, 1] }), "torch-tensor"],
  "a negative offset": [withTensor({ offset: -1 }), "torch-tensor"],
  "strides that do not fit the size": [withTensor({ stride: [1] }), "torch-tensor"],
  "a negative number of elements": [withTensor({ elements: -6 }), "torch-storage"],
  "a storage key with a path": [withTensor({ key: "../0" }), "torch-storage"],
  "a storage of an unknown class": [withTensor({ storage: "SecretStorage" }), "pickle-global"],
  "a persistent id that is no storage": [withPickle(...dict, op.tupleOf(op.text("file"), op.text("/etc/passwd")), op.persistent, op.setItems, op.stop), "torch-storage"],
  "a tensor without data": [withPickle(...dict, tensorOpcodes(goodTensor), op.text("m"), op.global("torch._utils", "_rebuild_meta_tensor_no_storage"), op.tupleOf(op.global("torch", "float32"), op.emptyTuple, op.emptyTuple, op.no), op.reduce, op.setItems, op.stop), "torch-no-data"],
  "an empty dict": [torchArchive(Buffer.concat([op.proto, op.emptyDict, op.stop]), {}), "empty"],
  "only plain values": [torchArchive(Buffer.concat([op.proto, op.emptyDict, op.mark, op.text("epoch"), op.int(3), op.setItems, op.stop]), {}), "empty"],
  "an empty model beside an optimizer": [withPickle(...dict, tensorOpcodes(goodTensor), op.text("model_state_dict"), op.emptyDict, op.setItems, op.stop), "empty"],
  "tensors without elements only": [torchArchive(statePickle([{ ...goodTensor, elements: 0, size: [0], stride: [1] }]), { "0": Buffer.alloc(0) }), "empty"],
  "a pickle without its end": [torchArchive(statePickle([goodTensor]).subarray(0, -1), { "0": goodData }), "truncated"],
  "a pickle cut inside a text": [withPickle(op.proto, Buffer.from("X\xff\xff\xff\x7fab", "latin1")), "truncated"],
  "bytes behind the end of the pickle": [withPickle(statePickle([goodTensor]), Buffer.from("x")), "trailing-bytes"],
  "a pickle that takes from an empty stack": [withPickle(op.proto, op.reduce, op.stop), "pickle-stack"],
  "a pickle that leaves two values": [withPickle(op.proto, op.none, op.none, op.stop), "pickle-stack"],
  "a pickle that recalls what it never stored": [withPickle(op.proto, Buffer.from("h\x07"), op.stop), "pickle-stack"],
  "a pickle that closes no mark": [withPickle(op.proto, op.tuple, op.stop), "pickle-stack"],
  "a pickle that reaches below a mark": [withPickle(op.proto, op.none, op.mark, Buffer.from([0x85]), op.stop), "pickle-stack"],
  "a key without a value": [withPickle(op.proto, op.emptyDict, op.mark, op.none, op.setItems, op.stop), "pickle-stack"],
  "members of a number": [withPickle(op.proto, op.int(1), op.none, op.none, Buffer.from("s"), op.stop), "pickle-stack"],
  "state of a number": [withPickle(op.proto, op.int(1), op.none, op.build, op.stop), "pickle-build"],
  "an unknown opcode": [withPickle(op.proto, Buffer.from([0xff])), "pickle-opcode"],
  "a protocol of the future": [withPickle(Buffer.from([0x80, 9]), op.none, op.stop), "pickle-protocol"],
  "marks without end": [withPickle(op.proto, Buffer.alloc(300_000, "(")), "torch-too-large"],
  "values without end": [withPickle(op.proto, Buffer.alloc(300_000, "N")), "torch-too-large"],
  "a memo without end": [withPickle(op.proto, op.none, Buffer.alloc(2_000_000, 0x94)), "torch-too-large"],
  "a pickle larger than is read": [zip([{ name: "archive/data.pkl", data: op.stop, local: { bytes: 2 ** 30 }, central: { bytes: 2 ** 30 } }, { name: "archive/version", data: Buffer.from("3") }]), "torch-too-large"],
  "no version": [zip([{ name: "archive/data.pkl", data: statePickle([goodTensor]) }, { name: "archive/data/0", data: goodData }]), "torch-layout"],
  "a version of the future": [zip([{ name: "archive/data.pkl", data: statePickle([goodTensor]) }, { name: "archive/data/0", data: goodData }, { name: "archive/version", data: Buffer.from("99") }]), "torch-version"],
  "an unknown byte order": [torchArchive(statePickle([goodTensor]), { "0": goodData }, [{ name: "archive/byteorder", data: Buffer.from("middle") }]), "torch-byteorder"],
  "an entry that belongs to nothing": [torchArchive(statePickle([goodTensor]), { "0": goodData }, [{ name: "archive/payload.sh", data: goodData }]), "torch-layout"],
  "an entry outside the folder": [torchArchive(statePickle([goodTensor]), { "0": goodData }, [{ name: "other/data/1", data: goodData }]), "torch-layout"],
  "no data.pkl": [zip([{ name: "archive/version", data: Buffer.from("3") }]), "torch-layout"],
  TorchScript: [torchArchive(statePickle([goodTensor]), { "0": goodData }, [{ name: "archive/code/m.py", data: goodData }]), "torchscript"],
  "a damaged pickle": [zip([{ name: "archive/data.pkl", data: statePickle([goodTensor]), raw: statePickle([{ ...goodTensor, name: "weighs" }]) }, { name: "archive/data/0", data: goodData }, { name: "archive/version", data: Buffer.from("3") }]), "crc-mismatch"],
  NaN: [torchArchive(statePickle([goodTensor]), { "0": float32([1, 2, 3, 4, 5, NaN]) }), "non-finite"],
};
for (const [what, [bytes, code]] of Object.entries(broken)) {
  test(`torch: ${what} is refused`, async (context) => {
    const verdict = await verifyBytes(context, "m.pt", bytes);
    assert.equal(verdict.ok, false);
    assert.ok(codes(verdict).includes(code), JSON.stringify(verdict.problems));
  });
}

test("the state of a gradient scaler, plain values only, is no empty checkpoint", async (context) => {
  const state = (...keys: readonly string[]): Buffer => torchArchive(Buffer.concat([op.proto, op.emptyDict, op.mark, ...keys.flatMap((key) => [op.text(key), op.int(1)]), op.setItems, op.stop]), {});
  assert.deepEqual(codes(await verifyBytes(context, "scaler.pt", state("scale", "growth_factor", "_growth_tracker"))), []);
  assert.deepEqual(codes(await verifyBytes(context, "scaler.pt", state("scale", "growth_factor"))), ["empty"]);
});

test("a NaN is reported under the tensor's full name", async (context) => {
  const pickle = Buffer.concat([op.proto, op.emptyDict, op.mark, op.text("model"), op.emptyDict, op.mark, op.text("layer.0.weight"), tensorOpcodes(goodTensor), op.setItems, op.setItems, op.stop]);
  const verdict = await verifyBytes(context, "m.pt", torchArchive(pickle, { "0": float32([1, 2, NaN, 4, 5, 6]) }));
  assert.deepEqual(verdict.problems.map(({ code, where }) => [code, where]), [["non-finite", "model.layer.0.weight"]]);
});

test("each float kind of torch is scanned, integers are not", async (context) => {
  const cases: readonly (readonly [string, number, Buffer, boolean])[] = [
    ["DoubleStorage", 8, littleEndian(8, 0x7ff8000000000000n), true],
    ["HalfStorage", 2, littleEndian(2, 0x7e00), true],
    ["BFloat16Storage", 2, littleEndian(2, 0x7fc0), true],
    ["ComplexFloatStorage", 8, float32([1, NaN]), true],
    ["LongStorage", 8, littleEndian(8, 0x7ff8000000000000n), false],
    ["ByteStorage", 1, Buffer.from([0xff]), false],
  ];
  for (const [storage, width, value, found] of cases) {
    const data = Buffer.concat([Buffer.alloc(100 * width), value]);
    const bytes = torchArchive(statePickle([{ ...goodTensor, storage, elements: 101, size: [101], stride: [1] }]), { "0": data });
    assert.deepEqual(codes(await verifyBytes(context, "m.pt", bytes)), found ? ["non-finite"] : [], storage);
  }
});

test("float8 tensors on untyped storage are scanned by the dtype that they bring", async (context) => {
  const tensor = (dtype: string): Buffer => Buffer.concat([
    op.global("torch._utils", "_rebuild_tensor_v3"), op.mark,
    op.tupleOf(op.text("storage"), op.global("torch.storage", "UntypedStorage"), op.text("0"), op.text("cpu"), op.int(4)), op.persistent,
    op.int(0), op.tupleOf(op.int(4)), op.tupleOf(op.int(1)), op.no, op.emptyDict, op.global("torch", dtype), op.tuple, op.reduce,
  ]);
  const file = (dtype: string, value: number): Buffer => torchArchive(Buffer.concat([...dict, tensor(dtype), op.setItems, op.stop]), { "0": Buffer.from([0, 0, value, 0]) });
  assert.deepEqual(codes(await verifyBytes(context, "m.pt", file("float8_e4m3fn", 0x7f))), ["non-finite"]);
  assert.deepEqual(codes(await verifyBytes(context, "m.pt", file("float8_e4m3fn", 0x7e))), []);
  assert.deepEqual(codes(await verifyBytes(context, "m.pt", file("float8_e5m2", 0x7c))), ["non-finite"]);
  assert.deepEqual(codes(await verifyBytes(context, "m.pt", file("float8_e4m3fnuz", 0x80))), ["non-finite"]);
});

test("bytes of a storage that no tensor reaches may be anything", async (context) => {
  const bytes = torchArchive(statePickle([{ ...goodTensor, size: [5], stride: [1] }]), { "0": float32([1, 2, 3, 4, 5, NaN]) });
  assert.deepEqual(codes(await verifyBytes(context, "m.pt", bytes)), []);
});

test("an archive of a big-endian machine is scanned as such", async (context) => {
  const value = Buffer.alloc(24);
  value.writeFloatBE(Infinity, 20);
  const bigEndian = [{ name: "archive/byteorder", data: Buffer.from("big") }];
  assert.deepEqual(codes(await verifyBytes(context, "m.pt", torchArchive(statePickle([goodTensor]), { "0": value }, bigEndian))), ["non-finite"]);
  assert.deepEqual(codes(await verifyBytes(context, "m.pt", torchArchive(statePickle([goodTensor]), { "0": value }))), []);
});

test("names decide what must be a checkpoint, and the first bytes whether it can be", async (context) => {
  const pickle = statePickle([goodTensor]);
  const cases: readonly (readonly [string, Uint8Array, "checkpoint" | "opaque" | undefined, string, readonly string[]])[] = [
    ["m.bin", good, undefined, "torch-zip", []],
    ["m.ckpt", good, undefined, "torch-zip", []],
    ["m.bin", Buffer.from("any bytes at all"), undefined, "opaque", []],
    ["m.bin", pickle, undefined, "torch-zip", ["legacy-pickle"]],
    ["m.ckpt", pickle, undefined, "torch-zip", ["legacy-pickle"]],
    ["m.bin", Buffer.from("any bytes at all"), "checkpoint", "opaque", ["unknown-checkpoint"]],
    ["m.pt", pickle, undefined, "torch-zip", ["legacy-pickle"]],
    ["m.pt", Buffer.from("<html>not found</html>"), undefined, "torch-zip", ["torch-magic"]],
    ["m.pt", Buffer.alloc(4096), undefined, "torch-zip", ["torch-magic"]],
    ["m.PT", Buffer.alloc(0), undefined, "torch-zip", ["torch-magic"]],
    ["m.pt", pickle, "opaque", "opaque", []],
    ["m.weights", good, undefined, "opaque", []],
    ["m.weights", good, "checkpoint", "torch-zip", []],
    ["m.weights", Buffer.from("plain text"), "checkpoint", "opaque", ["unknown-checkpoint"]],
    ["train.log", Buffer.alloc(0), undefined, "opaque", []],
    ["metrics.jsonl", Buffer.from("{}\n{}\n"), undefined, "opaque", []],
  ];
  for (const [name, bytes, role, format, expected] of cases) {
    const verdict = await verifyBytes(context, name, bytes, role === undefined ? {} : { role });
    assert.deepEqual([verdict.format, codes(verdict)], [format, expected], `${name} as ${role ?? "named"}`);
  }
});
