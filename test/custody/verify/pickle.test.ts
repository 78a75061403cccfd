// A checkpoint that would run code when loaded is refused by the name of what it would run, and does not run.
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { verifyFile } from "../../../custody/verify/index.js";
import { codes, goodData, goodTensor, op, statePickle, temporaryFolder, tensorOpcodes, torchArchive, verifyBytes } from "./forge.js";

/** A good checkpoint whose dict also holds what the given opcodes build. */
function withPayload(...payload: readonly Uint8Array[]): Buffer {
  const pickle = Buffer.concat([op.proto, op.emptyDict, op.mark, op.text("weight"), tensorOpcodes(goodTensor), op.text("x"), ...payload, op.setItems, op.stop]);
  return torchArchive(pickle, { "0": goodData });
}

test("a pickle that calls os.system is refused by that name and never runs", async (context) => {
  const folder = temporaryFolder(context);
  const marker = join(folder, "ran");
  const command = op.tupleOf(op.text(`touch ${marker}`));
  const ways: Readonly<Record<string, readonly Uint8Array[]>> = {
    "posix.system": [op.global("posix", "system"), command, op.reduce],
    "os.system": [op.text("os"), op.text("system"), op.stackGlobal, command, op.reduce],
    "subprocess.Popen": [op.global("subprocess", "Popen"), command, op.newObject],
    "builtins.exec": [op.global("__builtin__", "exec"), command, op.reduce],
    "builtins.eval": [op.global("builtins", "eval"), command, op.reduce],
    "builtins.getattr": [op.global("builtins", "getattr"), command, op.reduce],
    "torch.os.system": [op.global("torch", "os.system"), command, op.reduce],
    "torch.hub.load": [op.global("torch.hub", "load"), command, op.reduce],
    "torch.load": [op.global("torch", "load"), command, op.reduce],
    "collections.OrderedDict.fromkeys": [op.global("collections", "OrderedDict.fromkeys"), command, op.reduce],
    "numpy.f2py.crackfortran.getlincoef": [op.global("numpy.f2py.crackfortran", "getlincoef"), command, op.reduce],
    "numpy.core.multiarray.fromfile": [op.global("numpy._core.multiarray", "fromfile"), command, op.reduce],
    "torch._utils.__builtins__": [op.global("torch._utils", "__builtins__"), command, op.reduce],
    "torch.storage._load_from_bytes": [op.global("torch.storage", "_load_from_bytes"), command, op.reduce],
  };
  for (const [name, payload] of Object.entries(ways)) {
    const path = join(folder, "evil.pt");
    writeFileSync(path, withPayload(...payload));
    const verdict = await verifyFile(path);
    assert.deepEqual(codes(verdict), ["pickle-global"], name);
    const spelled = verdict.problems[0]?.message.replace("__builtin__", "builtins").replace("numpy._core", "numpy.core") ?? "";
    assert.ok(spelled.includes(`"${name}"`), spelled);
    assert.equal(existsSync(marker), false);
  }
});

test("a payload that Python's own pickle made is refused, and Python shows that it would have run", async (context) => {
  const folder = temporaryFolder(context);
  const [marker, payloadPath] = [join(folder, "ran"), join(folder, "payload.pkl")];
  const script = `
import os, pickle, sys
class Evil:
    def __reduce__(self):
        return os.mkdir, (sys.argv[1],)
pickle.dump({"state_dict": Evil()}, open(sys.argv[2], "wb"), protocol=2)
`;
  execFileSync("python3", ["-c", script, marker, payloadPath]);
  const pickle = execFileSync("cat", [payloadPath]);
  const path = join(folder, "evil.pt");
  writeFileSync(path, torchArchive(pickle, {}));
  const verdict = await verifyFile(path);
  assert.match(verdict.problems[0]?.message ?? "", /"posix\.mkdir"/);
  assert.equal(existsSync(marker), false);
  execFileSync("python3", ["-c", "import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))", payloadPath]);
  assert.equal(existsSync(marker), true);
});

const refused: Readonly<Record<string, readonly [readonly Uint8Array[], string]>> = {
  "a call of a dtype": [[op.global("torch", "float32"), op.emptyTuple, op.reduce], "pickle-call"],
  "a call of a tensor class": [[op.global("torch", "Tensor"), op.emptyTuple, op.reduce], "pickle-call"],
  "a new object of a function": [[op.global("torch._utils", "_rebuild_parameter"), op.emptyTuple, op.newObject], "pickle-call"],
  "a call of a call's result": [[op.global("collections", "OrderedDict"), op.emptyTuple, op.reduce, op.emptyTuple, op.reduce], "pickle-call"],
  "a call of a text": [[op.text("os.system"), op.emptyTuple, op.reduce], "pickle-call"],
  "a call without a tuple": [[op.global("collections", "OrderedDict"), op.none, op.reduce], "pickle-call"],
  "state of a tensor": [[tensorOpcodes(goodTensor), op.emptyDict, op.build], "pickle-build"],
  "state of a name": [[op.global("collections", "OrderedDict"), op.emptyDict, op.build], "pickle-build"],
  "INST, which calls while reading": [[op.mark, Buffer.from("ios\nsystem\n")], "pickle-global"],
  "INST of a name on the list": [[op.mark, Buffer.from("icollections\nOrderedDict\n")], "pickle-opcode"],
  "OBJ, which calls while reading": [[op.mark, op.global("collections", "OrderedDict"), Buffer.from("o")], "pickle-opcode"],
  "the extension registry": [[Buffer.from([0x82, 1])], "pickle-opcode"],
  "a persistent id in text": [[Buffer.from("Pfile\n")], "pickle-opcode"],
  "a buffer from outside": [[Buffer.from([0x97])], "pickle-opcode"],
  "a text that is not UTF-8, which Python cannot read": [[Buffer.from("X\x02\0\0\0\xff\xfe", "latin1")], "pickle-opcode"],
  "a name that is not UTF-8": [[Buffer.from("ccollections\n\xff\n", "latin1")], "pickle-opcode"],
  "a float that is none": [[Buffer.from("F1.2.3\n")], "pickle-opcode"],
  "a frame longer than the pickle": [[Buffer.from("\x95\xff\xff\0\0\0\0\0\0", "latin1")], "truncated"],
  "an operand across the end of a frame": [[Buffer.from("\x95\x03\0\0\0\0\0\0\0", "latin1"), op.text("x")], "pickle-opcode"],
  "a frame inside a frame": [[Buffer.from("\x95\x0b\0\0\0\0\0\0\0\x95\x01\0\0\0\0\0\0\0", "latin1"), op.none], "pickle-opcode"],
  "a storage described by six things": [[op.tupleOf(op.text("storage"), op.global("torch", "FloatStorage"), op.text("0"), op.text("cpu"), op.int(6), op.none), op.persistent], "torch-storage"],
  "a name that is no text": [[op.none, op.none, op.stackGlobal], "pickle-global"],
  "attributes on a tensor built by a stranger": [[op.global("torch._tensor", "_rebuild_from_type_v2"), op.tupleOf(op.global("torch", "Size"), op.global("torch", "Tensor"), op.emptyTuple, op.emptyDict), op.reduce], "torch-tensor"],
  "a numpy array with less data than its shape": [numpyArray("f8", 3, 16), "numpy-array"],
  "a numpy array with more data than its shape": [numpyArray("f8", 3, 32), "numpy-array"],
};
for (const [what, [payload, code]] of Object.entries(refused)) {
  test(`pickle: ${what} is refused`, async (context) => {
    const verdict = await verifyBytes(context, "m.pt", withPayload(...payload));
    assert.deepEqual(codes(verdict), [code]);
  });
}

function numpyArray(type: string, elements: number, bytes: number): Uint8Array[] {
  const dtype = [op.global("numpy", "dtype"), op.tupleOf(op.text(type), op.no, op.no), op.reduce];
  const data = [op.global("_codecs", "encode"), op.tupleOf(op.text("\u00ff".repeat(bytes)), op.text("latin1")), op.reduce];
  return [
    op.global("numpy.core.multiarray", "_reconstruct"), op.tupleOf(op.global("numpy", "ndarray"), op.tupleOf(op.int(0)), op.text("b")), op.reduce,
    op.tupleOf(op.int(1), op.tupleOf(op.int(elements)), ...dtype, op.no, ...data), op.build,
  ];
}

test("numpy arrays inside a checkpoint pass when shape and data agree, long ones included", async (context) => {
  for (const elements of [0, 3, 5000]) assert.deepEqual(codes(await verifyBytes(context, "m.pt", withPayload(...numpyArray("f8", elements, 8 * elements)))), []);
});

test("every refused name is listed once, and control characters in it are escaped", async (context) => {
  const evil = [op.global("evil", "\u001b[2Jone"), op.global("evil", "two"), op.global("evil", "two")];
  const verdict = await verifyBytes(context, "m.pt", withPayload(...evil, Buffer.from([0x87])));
  assert.equal(verdict.problems.length, 2);
  assert.ok(verdict.problems.every(({ message }) => !message.includes("\u001b")));
});

test("no pickle, however damaged, makes the reader throw or hang", async (context) => {
  const path = join(temporaryFolder(context), "m.pt");
  const good = statePickle([goodTensor]);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), async (changes) => {
      const pickle = Buffer.from(good);
      for (const [at, byte] of changes) pickle[at] = byte;
      writeFileSync(path, torchArchive(pickle, { "0": goodData }));
      assert.equal((await verifyFile(path)).format, "torch-zip");
    }),
    { numRuns: 500, seed: 4 },
  );
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      writeFileSync(path, torchArchive(bytes, {}));
      assert.equal((await verifyFile(path)).ok, false);
    }),
    { numRuns: 500, seed: 5 },
  );
});
