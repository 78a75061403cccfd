// Collects the storages and tensors that a checkpoint's pickle names, and holds every tensor against the bounds of its storage.
import type { ProblemCode } from "../codes.js";
import { floatKind } from "../finite/kinds.js";
import type { FloatRange } from "../finite/scanner.js";
import { quote, type ProblemList, type Tally } from "../verdict.js";
import { storageClass, torchDtype, type TorchDtype } from "./dtypes.js";
import { GlobalName, StorageValue, TensorValue, TupleValue, type StorageRecord, type Symbolic } from "./symbols.js";

interface TensorRecord {
  readonly value: TensorValue;
  readonly dtype: TorchDtype;
  readonly storage: StorageRecord;
  /** The bytes of the storage that the tensor's strides can reach. */
  readonly start: number;
  readonly end: number;
}

/** Thrown where reading on would be pointless or too expensive. */
export class CheckpointError extends Error {
  constructor(
    readonly code: ProblemCode,
    message: string,
  ) {
    super(message);
  }
}

/** Three per parameter with Adam; the largest models have some ten thousand parameters. */
const maxTensors = 300_000;

export class TensorCatalogue {
  readonly storages = new Map<string, StorageRecord>();
  readonly #tensors: TensorRecord[] = [];

  constructor(
    private readonly problems: ProblemList,
    private readonly tally: Tally,
  ) {}

  /** A persistent id: ("storage", class, key, location, number of elements). */
  addStorage(id: Symbolic): StorageValue {
    const [tag, type, key, location, count] = id instanceof TupleValue && id.items.length === 5 ? id.items : [];
    const known = type instanceof GlobalName ? storageClass(type.name) : undefined;
    if (tag !== "storage" || !(type instanceof GlobalName) || known === undefined || typeof location !== "string" || typeof key !== "string" || !/^[0-9A-Za-z_.-]+$/.test(key)) {
      throw new CheckpointError("torch-storage", "The pickle refers to something outside itself that is no tensor storage.");
    }
    const bytes = typeof count === "number" && count >= 0 ? count * (known.dtype?.bytes ?? 1) : NaN;
    if (!Number.isSafeInteger(bytes)) throw new CheckpointError("torch-storage", `Storage ${quote(key)} has an impossible number of elements.`);
    const before = this.storages.get(key);
    if (before !== undefined) {
      if (before.type !== type.name || before.bytes !== bytes) this.problems.add("torch-storage", `Storage ${quote(key)} is described in two ways: ${before.type} of ${before.bytes} bytes, ${type.name} of ${bytes}.`, `data/${key}`);
      return new StorageValue(before);
    }
    const record = { key, type: type.name, dtype: known.dtype, bytes };
    this.storages.set(key, record);
    return new StorageValue(record);
  }

  /** Arguments of torch._utils._rebuild_tensor_v2, or of v3 with its dtype: (storage, offset, size, stride, ...). */
  addTensor(args: readonly Symbolic[], dtypeName?: Symbolic): TensorValue {
    const [storage, offset, size, stride] = args;
    const value = new TensorValue();
    if (!(storage instanceof StorageValue)) {
      this.problems.add("torch-tensor", "A tensor is built on something that is no storage.");
      return value;
    }
    const { record } = storage;
    const dtype = dtypeName === undefined ? record.dtype : dtypeName instanceof GlobalName ? torchDtype(dtypeName.name) : undefined;
    const sizes = naturalNumbers(size);
    const strides = naturalNumbers(stride);
    const where = `data/${record.key}`;
    if (dtype === undefined) this.problems.add("torch-dtype", `A tensor in storage ${quote(record.key)} has no dtype that is known.`, where);
    else if (!isNatural(offset) || sizes === undefined || strides === undefined || sizes.length !== strides.length) {
      this.problems.add("torch-tensor", `A tensor in storage ${quote(record.key)} has a size, stride or offset that is negative, too large, or does not fit together.`, where);
    } else this.#add(value, dtype, record, offset, sizes, strides);
    return value;
  }

  #add(value: TensorValue, dtype: TorchDtype, storage: StorageRecord, offset: number, sizes: readonly number[], strides: readonly number[]): void {
    if (this.#tensors.length >= maxTensors) throw new CheckpointError("torch-too-large", `The checkpoint names more than ${maxTensors} tensors.`);
    const elements = sizes.includes(0) ? 0 : sizes.reduce((product, extent) => product * extent, 1);
    const reach = elements === 0 ? 0 : sizes.reduce((last, extent, axis) => last + (extent - 1) * (strides[axis] ?? 0), 1);
    const [start, end] = [offset * dtype.bytes, (offset + reach) * dtype.bytes];
    if (end > storage.bytes || !Number.isSafeInteger(elements)) {
      this.problems.add(
        "torch-tensor-outside",
        `A tensor of ${dtype.name} [${sizes.slice(0, 16).join(", ")}] with strides [${strides.slice(0, 16).join(", ")}] and offset ${offset} reaches byte ${end} of storage ${quote(storage.key)}, which has ${storage.bytes}.`,
        `data/${storage.key}`,
      );
      return;
    }
    value.elements = elements;
    this.#tensors.push({ value, dtype, storage, start, end });
    this.tally.add(dtype.name, elements, elements * dtype.bytes);
  }

  /** Where floats lie, by storage. Asked when the whole pickle was read, since names are known only then. */
  floatRanges(bigEndian: boolean): Map<string, FloatRange[]> {
    const ranges = new Map<string, FloatRange[]>();
    for (const { value, dtype, storage, start, end } of this.#tensors) {
      if (dtype.float === undefined || end === start) continue;
      const list = ranges.get(storage.key) ?? [];
      list.push({ start, end, kind: floatKind(dtype.float, bigEndian), tensor: value.path === "" ? `data/${storage.key}` : value.path });
      ranges.set(storage.key, list);
    }
    return ranges;
  }
}

function isNatural(value: Symbolic | undefined): value is number {
  return typeof value === "number" && value >= 0 && Number.isSafeInteger(value);
}

function naturalNumbers(value: Symbolic | undefined): number[] | undefined {
  if (!(value instanceof TupleValue) || value.items.length > 64) return undefined;
  const numbers: number[] = [];
  for (const item of value.items) {
    if (!isNatural(item)) return undefined;
    numbers.push(item);
  }
  return numbers;
}
