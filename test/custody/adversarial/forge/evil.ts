// Pickles that would run something when loaded: every way of Python's pickle to name and call a function, at any place of a checkpoint.
import fc from "fast-check";
import { littleEndian } from "../../verify/forge.js";
import { writePickle, type PickleValue } from "./pickle.js";
import { partsOf, stateOf, torchEntries, torchModels, type TorchModel } from "./torch.js";
import { archiveOf, writeZip } from "./zip.js";

/** Functions that run a command, open a file, import or reach others; the last part is what is called. */
export const evilNames: readonly (readonly [module: string, name: string])[] = [
  ["os", "system"], ["posix", "system"], ["nt", "system"], ["os", "popen"], ["os", "execv"], ["subprocess", "Popen"], ["subprocess", "check_output"], ["subprocess", "run"], ["pty", "spawn"],
  ["builtins", "eval"], ["builtins", "exec"], ["builtins", "compile"], ["builtins", "getattr"], ["builtins", "__import__"], ["builtins", "open"], ["builtins", "map"], ["builtins", "setattr"], ["__builtin__", "eval"], ["__builtin__", "execfile"], ["__builtin__", "apply"],
  ["importlib", "import_module"], ["runpy", "run_path"], ["runpy", "_run_code"], ["code", "interact"], ["timeit", "timeit"], ["cProfile", "run"], ["pdb", "run"], ["bdb", "Bdb"], ["asyncio", "run"], ["ctypes", "CDLL"], ["marshal", "loads"], ["pickle", "loads"], ["_pickle", "loads"], ["types", "FunctionType"], ["types", "CodeType"], ["functools", "partial"], ["functools", "reduce"], ["operator", "attrgetter"], ["operator", "methodcaller"], ["itertools", "starmap"], ["webbrowser", "open"], ["shutil", "rmtree"], ["socket", "create_connection"], ["urllib.request", "urlopen"], ["http.client", "HTTPSConnection"], ["sys", "exit"], ["signal", "alarm"], ["atexit", "register"], ["threading", "Thread"], ["multiprocessing", "Process"], ["logging.config", "listen"], ["tempfile", "mkstemp"], ["pip", "main"], ["copyreg", "_reconstructor"], ["copy_reg", "__newobj__"],
  ["torch", "load"], ["torch.hub", "load"], ["torch.jit", "load"], ["torch.serialization", "load"], ["torch.storage", "_load_from_bytes"], ["torch._utils", "os.system"], ["torch._utils", "__builtins__"], ["torch.os", "system"], ["torch._dynamo.guards", "GuardBuilder.get"], ["torch.utils.collect_env", "run"], ["torch.utils.bottleneck.__main__", "run_autograd_prof"], ["torch.distributions", "sys.modules"], ["torch.nn.parameter", "Parameter.__reduce_ex__"], ["torch.nn.modules.linear", "Linear"],
  ["numpy", "load"], ["numpy", "fromfile"], ["numpy.testing._private.utils", "runstring"], ["numpy.f2py.crackfortran", "getlincoef"], ["numpy.f2py", "compile"], ["numpy.core.multiarray", "fromfile"], ["numpy._core.multiarray", "frombuffer"], ["numpy.distutils.exec_command", "exec_command"], ["pandas", "read_pickle"], ["pandas.io.common", "get_handle"], ["joblib", "load"], ["collections", "OrderedDict.fromkeys"], ["collections", "namedtuple"], ["_codecs", "decode"], ["_codecs", "register"], ["pathlib", "Path.unlink"], ["argparse", "ArgumentParser"], ["datetime", "datetime.strptime.__class__"], ["", ""], ["os\0", "system"], ["оs", "system"], ["builtins ", "eval"], ["posix.system", ""],
];

/** How the call is written; `named` says whether the message must carry the name. */
export interface EvilWay {
  readonly what: string;
  readonly write: (module: string, name: string, argument: string) => PickleValue;
}

const opcodes = (...parts: readonly (string | Uint8Array)[]): PickleValue => ({ opcodes: Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "utf8") : part))) });
const unicode = (value: string): Buffer => Buffer.concat([Buffer.from("X"), littleEndian(4, Buffer.byteLength(value)), Buffer.from(value)]);
const short = (value: string): Buffer => Buffer.concat([Buffer.from([0x8c, Buffer.byteLength(value)]), Buffer.from(value)]);
const global = (module: string, name: string): string => `c${module}\n${name}\n`;
const stackGlobal = Buffer.from([0x93]);

export const evilWays: readonly EvilWay[] = [
  { what: "GLOBAL and REDUCE", write: (module, name, argument) => opcodes(global(module, name), "(", unicode(argument), "tR") },
  { what: "STACK_GLOBAL and REDUCE", write: (module, name, argument) => opcodes(short(module), short(name), stackGlobal, "(", unicode(argument), "tR") },
  { what: "STACK_GLOBAL from the memo", write: (module, name, argument) => opcodes(unicode(module), "p9001\n0", unicode(name), "p9002\n0", "g9001\n", "g9002\n", stackGlobal, unicode(argument), Buffer.from([0x85]), "R") },
  { what: "a memoized GLOBAL called later", write: (module, name, argument) => opcodes(global(module, name), "p9003\n0", "g9003\n", unicode(argument), Buffer.from([0x85]), "R") },
  { what: "INST", write: (module, name, argument) => opcodes("(", unicode(argument), `i${module}\n${name}\n`) },
  { what: "OBJ", write: (module, name, argument) => opcodes("(", global(module, name), unicode(argument), "o") },
  { what: "NEWOBJ", write: (module, name, argument) => opcodes(global(module, name), "(", unicode(argument), "t", Buffer.from([0x81])) },
  { what: "NEWOBJ_EX", write: (module, name, argument) => opcodes(global(module, name), "(", unicode(argument), "t}", Buffer.from([0x92])) },
  { what: "BUILD on what a call gave", write: (module, name, argument) => opcodes(global(module, name), "(", unicode(argument), "tR}(", unicode("__setstate__"), global(module, name), "ub") },
  { what: "BUILD of a call's result", write: (module, name, argument) => opcodes(global("collections", "OrderedDict"), ")R", global(module, name), "(", unicode(argument), "tRb") },
  { what: "a call that is popped again", write: (module, name, argument) => opcodes("N", global(module, name), "(", unicode(argument), "tR0") },
  { what: "a call popped with its mark", write: (module, name, argument) => opcodes("N(", global(module, name), "(", unicode(argument), "tR1") },
  { what: "a call as an argument of an honest one", write: (module, name, argument) => ({ call: { global: ["torch", "Size"] }, args: [opcodes(global(module, name), "(", unicode(argument), "tR")] }) },
  { what: "the function as an attribute's rebuilder", write: (module, name, argument) => ({ call: { global: ["torch._tensor", "_rebuild_from_type_v2"] }, args: [{ global: [module, name] }, { global: ["torch", "Tensor"] }, { tuple: [argument] }, { dict: [] }] }) },
  { what: "the function as a default factory", write: (module, name) => ({ call: { global: ["collections", "defaultdict"] }, args: [{ global: [module, name] }] }) },
  { what: "the function as a tensor's hook", write: (module, name) => ({ call: { global: ["torch._utils", "_rebuild_parameter"] }, args: [null, true, { ordered: [["hook", { global: [module, name] }]] }] }) },
  { what: "only the name, not called", write: (module, name) => opcodes(global(module, name)) },
  { what: "a numpy array's state", write: (module, name, argument) => ({ call: { global: ["numpy.core.multiarray", "_reconstruct"] }, args: [{ global: [module, name] }, { tuple: [0n] }, argument], state: { global: [module, name] } }) },
];

/** Ways that name nothing: a code of the extension registry, objects from outside. */
export const namelessWays: Readonly<Record<string, PickleValue>> = {
  EXT1: opcodes(Buffer.from([0x82, 1])),
  EXT2: opcodes(Buffer.from([0x83, 1, 1])),
  EXT4: opcodes(Buffer.from([0x84, 1, 1, 1, 1])),
  PERSID: opcodes("P0\n"),
  NEXT_BUFFER: opcodes(Buffer.from([0x97])),
  READONLY_BUFFER: opcodes(Buffer.from([0x97, 0x98])),
};

export type Place = (value: PickleValue) => PickleValue;
/** Where in a checkpoint the value hides. */
export const places: Readonly<Record<string, Place>> = {
  "beside the tensors": (value) => value,
  "in a list": (value) => ({ list: [1n, value] }),
  "in a tuple of a tuple": (value) => ({ tuple: [{ tuple: [value] }, null] }),
  "in a dict": (value) => ({ dict: [["deep", { dict: [["deeper", value]] }]] }),
  "as a key": (value) => ({ dict: [[value, 1n]] }),
  "in a set": (value) => ({ set: [value] }),
  "in the arguments of a set": (value) => ({ call: { global: ["builtins", "frozenset"] }, args: [{ list: [value] }] }),
};

export const withPayload = (model: TorchModel, payload: PickleValue): PickleValue => {
  const state = stateOf(model);
  return state !== null && typeof state === "object" && "dict" in state ? { dict: [...state.dict, ["payload", payload]] } : state;
};

export interface EvilFile {
  readonly what: string;
  readonly module: string;
  readonly name: string;
  readonly bytes: Buffer;
}

export const evilFiles = (argument: string): fc.Arbitrary<EvilFile> =>
  fc.tuple(torchModels, fc.constantFrom(...evilNames), fc.constantFrom(...evilWays), fc.constantFrom(...Object.entries(places))).chain(([model, [module, name], way, [where, place]]) =>
    archiveOf(torchEntries(model, partsOf(model, withPayload(model, place(way.write(module, name, argument)))))).map((archive) => ({ what: `${way.what}, ${where}`, module, name, bytes: writeZip(archive) })),
  );

/** The pickle alone, for Python to show what it would have done. */
export const bareEvilPickle = (way: EvilWay, module: string, name: string, argument: string, protocol: number): Buffer => writePickle({ list: [way.write(module, name, argument)] }, protocol, [0]);
