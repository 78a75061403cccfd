// Torch's dtypes and storage classes: how many bytes an element has, and which float kind to scan.
// Source: torch/_utils.py, torch/storage.py (_dtype_to_storage_type_map, _new_dtypes), torch/csrc/utils/tensor_dtypes.cpp.
import type { FloatName } from "../finite/kinds.js";

export interface TorchDtype {
  readonly name: string;
  readonly bytes: number;
  readonly float?: FloatName;
}

const sizes: Readonly<Record<string, readonly [bytes: number, float?: FloatName]>> = {
  float64: [8, "F64"], float32: [4, "F32"], float16: [2, "F16"], bfloat16: [2, "BF16"],
  complex128: [16, "F64"], complex64: [8, "F32"], complex32: [4, "F16"],
  float8_e4m3fn: [1, "F8_E4M3"], float8_e5m2: [1, "F8_E5M2"],
  float8_e4m3fnuz: [1, "F8_E4M3FNUZ"], float8_e5m2fnuz: [1, "F8_E5M2FNUZ"], float8_e8m0fnu: [1, "F8_E8M0"],
  // Two four-bit floats a byte; the kind has neither NaN nor infinity.
  float4_e2m1fn_x2: [1],
  int64: [8], int32: [4], int16: [2], int8: [1], uint8: [1], bool: [1],
  uint64: [8], uint32: [4], uint16: [2],
  qint32: [4], qint8: [1], quint8: [1], quint4x2: [1], quint2x4: [1],
  bits16: [2], bits8: [1], bits4x2: [1], bits2x4: [1], bits1x8: [1],
  ...Object.fromEntries([1, 2, 3, 4, 5, 6, 7].flatMap((bits) => [[`int${bits}`, [1]], [`uint${bits}`, [1]]])),
};

const storageDtypes: Readonly<Record<string, string>> = {
  DoubleStorage: "float64", FloatStorage: "float32", HalfStorage: "float16", BFloat16Storage: "bfloat16",
  ComplexDoubleStorage: "complex128", ComplexFloatStorage: "complex64",
  LongStorage: "int64", IntStorage: "int32", ShortStorage: "int16", CharStorage: "int8", ByteStorage: "uint8", BoolStorage: "bool",
  QInt32Storage: "qint32", QInt8Storage: "qint8", QUInt8Storage: "quint8", QUInt4x2Storage: "quint4x2", QUInt2x4Storage: "quint2x4",
};

const untyped = new Set(["torch.storage.UntypedStorage", "torch.UntypedStorage", "torch.storage._UntypedStorage"]);

/** "torch.float32" to its size; undefined for anything that is no dtype. */
export function torchDtype(global: string): TorchDtype | undefined {
  const name = global.startsWith("torch.") ? global.slice("torch.".length) : "";
  const entry = Object.hasOwn(sizes, name) ? sizes[name] : undefined;
  if (entry === undefined) return undefined;
  const [bytes, float] = entry;
  return float === undefined ? { name, bytes } : { name, bytes, float };
}

/** What a storage class says about its elements: a dtype, or single bytes whose tensors bring their own dtype. */
export function storageClass(global: string): { readonly dtype?: TorchDtype } | undefined {
  if (untyped.has(global)) return {};
  const name = /^torch\.(?:cuda\.)?([A-Za-z0-9]+)$/.exec(global)?.[1] ?? "";
  const dtype = Object.hasOwn(storageDtypes, name) ? torchDtype(`torch.${storageDtypes[name] ?? ""}`) : undefined;
  return dtype === undefined ? undefined : { dtype };
}
