// The list of names that a checkpoint may use, and what each means to the symbolic reader. Nothing here is ever imported or called:
// a name outside the list is refused, and a name on it only says what kind of value stands there.
// Based on torch/_weights_only_unpickler.py, plus the plain data holders of numpy and Python's library that checkpoints usually carry.
import { quote, type ProblemList, type Tally } from "../verdict.js";
import { storageClass, torchDtype } from "./dtypes.js";
import {
  BytesValue, Container, GlobalName, Instance, LongText, NumpyArray, NumpyType, opaque, sumHeld, TensorValue, TupleValue, type Symbolic,
} from "./symbols.js";
import type { TensorCatalogue } from "./tensors.js";

/** What reading one pickle collects. */
export interface Findings {
  readonly catalogue: TensorCatalogue;
  readonly problems: ProblemList;
  readonly tally: Tally;
  /** Dicts under a key that says they are the model's parameters. */
  readonly models: Container[];
}

type Reduce = (args: readonly Symbolic[], findings: Findings) => Symbolic;

export interface GlobalRule {
  /** What calling it (REDUCE) yields; without it the name may only stand as a value. */
  readonly reduce?: Reduce;
  /** Whether NEWOBJ may create one. */
  readonly creates?: boolean;
}

/** The rule for a name, or undefined: refused. Names in Python 2's spelling, which protocol 2 writes, count as their successors. */
export function globalRule(name: string): GlobalRule | undefined {
  const rule = rules.get(name);
  if (rule !== undefined) return rule;
  const isValue = torchDtype(name) !== undefined || storageClass(name) !== undefined || /^numpy\.(?:float|int|uint|complex)[0-9]+$/.test(name);
  return isValue ? {} : undefined;
}

/** "__builtin__ set" and "numpy._core.multiarray scalar" to the one spelling that the list uses. */
export function normalizeGlobal(module: string, name: string): string {
  const current = { __builtin__: "builtins", copy_reg: "copyreg" }[module] ?? module.replace(/^numpy\._core\b/, "numpy.core").replace(/^pathlib\._local$/, "pathlib");
  return `${current}.${name}`;
}

const plain = (type: string): GlobalRule => ({ reduce: () => new Instance(type, true), creates: true });
const container = (kind: Container["kind"]): GlobalRule => ({
  reduce: (args) => {
    const made = new Container(kind);
    made.hold(args);
    return made;
  },
  creates: true,
});
const value: GlobalRule = { reduce: () => opaque };
const dict: GlobalRule = {
  // Counter and OrderedDict of older Pythons bring their members as an argument.
  reduce: ([members]) => {
    const made = new Container("dict");
    if (members instanceof Container) made.size = members.size;
    made.hold([members ?? null]);
    return made;
  },
  creates: true,
};

const rebuildTensor: Reduce = (args, { catalogue }) => catalogue.addTensor(args);
const withoutData: Reduce = (_args, { problems }) => {
  problems.add("torch-no-data", "The checkpoint holds a tensor without data (on the meta device, or a wrapper); it would load as nothing.");
  return new TensorValue();
};
const firstArgument: Reduce = ([data]) => data ?? opaque;

const rules = new Map<string, GlobalRule>([
  ["torch._utils._rebuild_tensor", { reduce: rebuildTensor }],
  ["torch._utils._rebuild_tensor_v2", { reduce: rebuildTensor }],
  ["torch._utils._rebuild_tensor_v3", { reduce: (args, { catalogue }) => catalogue.addTensor(args, args[6] ?? null) }],
  ["torch._utils._rebuild_qtensor", { reduce: rebuildTensor }],
  ["torch._utils._rebuild_parameter", { reduce: firstArgument }],
  ["torch._utils._rebuild_parameter_with_state", { reduce: firstArgument }],
  ["torch._utils._rebuild_device_tensor_from_numpy", { reduce: firstArgument }],
  ["torch._utils._rebuild_device_tensor_from_cpu_tensor", { reduce: firstArgument }],
  // The indices and values inside its arguments are tensors of their own, and were checked as such.
  ["torch._utils._rebuild_sparse_tensor", { reduce: rebuildSparse }],
  ["torch._utils._rebuild_meta_tensor_no_storage", { reduce: withoutData }],
  ["torch._utils._rebuild_wrapper_subclass", { reduce: withoutData }],
  ["torch._tensor._rebuild_from_type_v2", { reduce: rebuildFromType }],
  ["torch.serialization._get_layout", value],
  ["torch.Size", { reduce: firstArgument }],
  ["torch.device", value],
  ["torch.Tensor", {}],
  ["torch.nn.parameter.Parameter", {}],
  ["torch.nn.parameter.Buffer", {}],
  ...["per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric", "per_channel_affine_float_qparams"].map(
    (scheme): [string, GlobalRule] => [`torch.${scheme}`, {}],
  ),
  ["collections.OrderedDict", dict],
  ["collections.Counter", dict],
  ["collections.defaultdict", container("dict")],
  ["collections.deque", container("list")],
  ["_codecs.encode", { reduce: encode }],
  ["builtins.bytes", { reduce: () => new BytesValue(0) }],
  ["builtins.bytearray", { reduce: ([data]) => (data instanceof BytesValue ? data : new BytesValue(0)) }],
  ["builtins.set", container("set")],
  ["builtins.frozenset", container("set")],
  ...["dict", "list", "tuple", "int", "float", "bool", "str", "object"].map((type): [string, GlobalRule] => [`builtins.${type}`, {}]),
  ...["complex", "slice", "range"].map((type): [string, GlobalRule] => [`builtins.${type}`, value]),
  ...["argparse.Namespace", "types.SimpleNamespace"].map((type): [string, GlobalRule] => [type, plain(type)]),
  ...["PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath"].map((type): [string, GlobalRule] => [`pathlib.${type}`, value]),
  ...["datetime", "date", "time", "timedelta", "timezone"].map((type): [string, GlobalRule] => [`datetime.${type}`, value]),
  ["numpy.ndarray", {}],
  ["numpy.bool_", {}],
  ["numpy.bool", {}],
  ["numpy.dtype", { reduce: numpyType }],
  ["numpy.core.multiarray._reconstruct", { reduce: () => new NumpyArray() }],
  ["numpy.core.multiarray.scalar", value],
  ["numpy.core.numeric._frombuffer", { reduce: numpyFromBuffer }],
  ...["__randomstate_ctor", "__generator_ctor", "__bit_generator_ctor"].map((name): [string, GlobalRule] => [`numpy.random._pickle.${name}`, plain(name)]),
  ["numpy.random.bit_generator.__pyx_unpickle_SeedSequence", plain("SeedSequence")],
  ["numpy.random.bit_generator.SeedSequence", plain("SeedSequence")],
  ...["mt19937.MT19937", "pcg64.PCG64", "pcg64.PCG64DXSM", "philox.Philox", "sfc64.SFC64"].map((name): [string, GlobalRule] => [`numpy.random._${name}`, {}]),
]);

function rebuildSparse(args: readonly Symbolic[]): Symbolic {
  const made = new TensorValue();
  made.elements = sumHeld(args).elements;
  return made;
}

/** (function, class, arguments, state): a tensor with attributes; the function is one of those above. */
function rebuildFromType(args: readonly Symbolic[], findings: Findings): Symbolic {
  const [rebuild, , inner] = args;
  const rule = rebuild instanceof GlobalName && rebuild.name.startsWith("torch._utils._rebuild_") ? globalRule(rebuild.name) : undefined;
  if (rule?.reduce !== undefined && inner instanceof TupleValue) return rule.reduce(inner.items, findings);
  findings.problems.add("torch-tensor", "A tensor with attributes is not built by one of torch's own functions.");
  return new TensorValue();
}

/** Protocol 2 has no bytes; they travel as latin-1 text. */
function encode([text]: readonly Symbolic[]): Symbolic {
  if (typeof text === "string") return new BytesValue(text.length);
  return text instanceof LongText ? new BytesValue(text.characters) : opaque;
}

function numpyType([type]: readonly Symbolic[]): Symbolic {
  const name = typeof type === "string" ? type : "";
  const size = /^[a-zA-Z]([0-9]+)$/.exec(name)?.[1];
  if (size === undefined) return new NumpyType(name, undefined);
  return new NumpyType(name, Number(size) * (name.startsWith("U") ? 4 : 1));
}

function numpyFromBuffer([data, type, shape]: readonly Symbolic[], findings: Findings): Symbolic {
  const array = new NumpyArray();
  fillNumpyArray(array, new TupleValue([1, shape ?? null, type ?? null, false, data ?? null]), findings);
  return array;
}

/** The state of an ndarray: (version, shape, dtype, is Fortran order, data). */
export function fillNumpyArray(array: NumpyArray, state: Symbolic, { problems, tally }: Findings): void {
  array.filled = true;
  const [, shape, type, , data] = state instanceof TupleValue ? state.items : [];
  const extents = shape instanceof TupleValue && shape.items.every((extent) => typeof extent === "number" && extent >= 0) ? (shape.items as readonly number[]) : undefined;
  if (extents === undefined || !(type instanceof NumpyType)) {
    problems.add("numpy-array", "A numpy array inside the pickle has no shape or dtype that can be read.");
    return;
  }
  // An array of Python objects is a list in the pickle; its members were read like everything else.
  if (type.type.startsWith("O") && data instanceof Container) {
    array.floats = data.held.elements;
    return;
  }
  const elements = extents.reduce((product, extent) => product * extent, 1);
  const length = data instanceof BytesValue ? data.length : undefined;
  if (type.itemBytes === undefined || length !== elements * type.itemBytes) {
    problems.add("numpy-array", `A numpy array of ${quote(type.type)} [${extents.slice(0, 16).join(", ")}] inside the pickle has ${length ?? "no"} bytes of data.`);
  } else if (/^[fc]/.test(type.type)) {
    tally.add(`numpy ${type.type}`, elements, length);
    array.floats = elements;
  }
}
