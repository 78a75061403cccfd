// Checks what torch.save writes since 1.6: a zip archive with a pickle that describes tensors, and one entry per storage.
// Layout: torch/serialization.py and caffe2/serialize/inline_container.cc. Seen from 1.13, 2.4 and 2.15 (see the fixtures).
import { crc32, inflateRawSync } from "node:zlib";
import type { CheckContext, FormatCheck, Links } from "../check.js";
import { FiniteScan, type FloatRange } from "../finite/scanner.js";
import { quote, Tally, type Summary } from "../verdict.js";
import { readZipDirectory, stored, type ZipDirectory, type ZipEntry } from "../zip/directory.js";
import { ZipStream, type EntrySink } from "../zip/stream.js";
import type { Findings } from "./globals.js";
import { readPickle } from "./pickle.js";
import { Container, heldBy, type Symbolic } from "./symbols.js";
import { CheckpointError, TensorCatalogue } from "./tensors.js";

/** A description of ten thousand tensors takes some three megabytes. */
const maxPickleBytes = 64 * 1024 * 1024;
/** kMinSupportedFileFormatVersion and kMaxSupportedFileFormatVersion in caffe2/serialize/versions.h. */
const formatVersions = { min: 1, max: 10 };

export class TorchCheck implements FormatCheck {
  readonly #tally = new Tally();
  readonly #stream: ZipStream | undefined;
  #tensorNames: readonly string[] | undefined;

  constructor(context: CheckContext) {
    const directory = readZipDirectory(context);
    const records = directory === undefined ? undefined : openArchive(directory, context);
    if (directory === undefined || records === undefined) return;
    const { ranges, tensorNames } = describe(records, context, this.#tally);
    this.#tensorNames = tensorNames;
    this.#stream = new ZipStream(directory, context, (entry) => storageSink(entry, ranges.get(records.nameOf(entry)), context, this.#tally));
  }

  async consume(chunk: Uint8Array, position: number): Promise<void> {
    await this.#stream?.consume(chunk, position);
  }

  async finish(): Promise<void> {
    await this.#stream?.finish();
  }

  /** The names under which a flat state dict holds its tensors: what a shard is. */
  links(): Links {
    return this.#tensorNames === undefined ? {} : { tensorNames: this.#tensorNames };
  }

  summary(): Summary | undefined {
    return this.#tally.tensors === 0 ? undefined : this.#tally.summary();
  }
}

/** The archive's entries by their names under the one folder they share. */
interface TorchRecords {
  readonly byName: ReadonlyMap<string, ZipEntry>;
  nameOf(entry: ZipEntry): string;
}

function openArchive(directory: ZipDirectory, context: CheckContext): TorchRecords | undefined {
  const { problems } = context;
  const pickle = directory.entries.find(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) {
    problems.add("torch-layout", "The archive has no data.pkl inside one folder, so torch.save did not write it.");
    return undefined;
  }
  const prefix = pickle.name.slice(0, -"data.pkl".length);
  const nameOf = ({ name }: ZipEntry): string => (name.startsWith(prefix) ? name.slice(prefix.length) : `../${name}`);
  const byName = new Map(directory.entries.map((entry) => [nameOf(entry), entry]));
  if (byName.has("constants.pkl") || [...byName.keys()].some((name) => name.startsWith("code/"))) {
    problems.add("torchscript", "This is a TorchScript archive: it holds code, which is not run here. Save the state dict beside it, and verify that.");
    return undefined;
  }
  for (const name of byName.keys()) {
    // Names with a leading dot are torch's own notes (.format_version, .data/serialization_id ...), and grow with its releases.
    if (/^(?:data\.pkl$|version$|byteorder$|data\/|\.(?!\.))/.test(name)) continue;
    problems.add("torch-layout", `Entry ${quote(prefix + name)} is not part of a checkpoint.`, name);
  }
  return { byName, nameOf };
}

interface Description {
  /** Where floats lie in each storage entry. */
  readonly ranges: ReadonlyMap<string, readonly FloatRange[]>;
  /** Undefined when the pickle could not be read. */
  readonly tensorNames?: readonly string[];
}

/** Reads the small entries and the pickle before the pass. */
function describe(records: TorchRecords, context: CheckContext, tally: Tally): Description {
  const { problems } = context;
  const catalogue = new TensorCatalogue(problems, tally);
  const findings: Findings = { catalogue, problems, tally, models: [] };
  const ranges = new Map<string, readonly FloatRange[]>();
  try {
    checkVersion(records, context);
    const bigEndian = readByteOrder(records, context) === "big";
    const root = readPickle(readRecord(records, "data.pkl", maxPickleBytes, context), findings);
    checkStorages(records, catalogue, context);
    checkNotEmpty(root, findings);
    for (const [key, list] of catalogue.floatRanges(bigEndian)) ranges.set(`data/${key}`, list);
    return { ranges, tensorNames: root instanceof Container ? root.tensorKeys : [] };
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    problems.add(error.code, error.message, "data.pkl");
    return { ranges };
  }
}

function checkVersion(records: TorchRecords, context: CheckContext): void {
  const text = readRecord(records, "version", 64, context).toString("latin1").trim();
  const version = /^[0-9]+$/.test(text) ? Number(text) : 0;
  if (version < formatVersions.min || version > formatVersions.max) {
    context.problems.add("torch-version", `The archive's version is ${quote(text)}; ${formatVersions.min} to ${formatVersions.max} are known.`, "version");
  }
}

/** Archives older than torch 2.1 have no such entry, and were written little-endian by all but a few machines. */
function readByteOrder(records: TorchRecords, context: CheckContext): "little" | "big" {
  if (!records.byName.has("byteorder")) return "little";
  const order = readRecord(records, "byteorder", 64, context).toString("latin1");
  if (order === "little" || order === "big") return order;
  throw new CheckpointError("torch-byteorder", `The archive's byte order is ${quote(order)}; little and big are known.`);
}

/** A random read; the pass later sees the same bytes, and the CRC ties the two together. */
function readRecord(records: TorchRecords, name: string, maxBytes: number, context: CheckContext): Buffer {
  const entry = records.byName.get(name);
  if (entry === undefined) throw new CheckpointError("torch-layout", `The archive has no entry ${quote(name)}.`);
  if (entry.bytes > maxBytes || entry.compressedBytes > maxBytes) {
    throw new CheckpointError("torch-too-large", `Entry ${quote(name)} has ${entry.bytes} bytes; at most ${maxBytes} are read. Large lists and numpy arrays belong in tensors, which have entries of their own.`);
  }
  const header = context.readAt(entry.offset, 30);
  if (header.length < 30) throw new CheckpointError("zip-local-header", `Entry ${quote(name)} has no local header.`);
  const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const data = unpack(context.readAt(start, entry.compressedBytes), entry);
  if (crc32(data) !== entry.crc32) throw new CheckpointError("crc-mismatch", `Entry ${quote(name)} does not have the CRC32 that the directory says: its data is damaged.`);
  return data;
}

function unpack(data: Buffer, entry: ZipEntry): Buffer {
  if (entry.method === stored) return data;
  try {
    return inflateRawSync(data, { maxOutputLength: Math.max(1, entry.bytes) });
  } catch (error) {
    throw new CheckpointError("zip-deflate", `Entry ${quote(entry.name)} cannot be inflated: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

function checkStorages(records: TorchRecords, catalogue: TensorCatalogue, { problems }: CheckContext): void {
  for (const { key, type, bytes } of catalogue.storages.values()) {
    const name = `data/${key}`;
    const entry = records.byName.get(name);
    if (entry === undefined) problems.add("torch-storage-missing", `The pickle names storage ${quote(key)} (${type}, ${bytes} bytes), and the archive has no entry ${quote(name)}.`, name);
    else if (entry.bytes !== bytes) problems.add("torch-storage-size", `The pickle says that storage ${quote(key)} (${type}) has ${bytes} bytes, its entry has ${entry.bytes}.`, name);
  }
  for (const name of records.byName.keys()) {
    if (!name.startsWith("data/") || catalogue.storages.has(name.slice("data/".length))) continue;
    problems.add("torch-storage-unnamed", `Entry ${quote(name)} is named by nothing in the pickle: the two do not belong together.`, name);
  }
}

/** A scheduler's or scaler's state, saved to a file of its own, has no tensors by nature; anything else without tensors restores nothing. */
function checkNotEmpty(root: Symbolic, { tally, models, problems }: Findings): void {
  if (root instanceof Container && root.isPlainState && tally.tensors === 0) return;
  if (tally.tensors === 0) problems.add("empty", "The checkpoint holds no tensor: it would load, and restore nothing.");
  else if (tally.elements === 0) problems.add("empty", `None of its ${tally.tensors} tensors holds a single element.`);
  else if (!problems.any && heldBy(root).elements === 0) problems.add("empty", `It makes ${tally.tensors} tensors, and none with elements is in what loading would give back.`);
  for (const model of models) {
    const { tensors, elements } = model.held;
    if (model.size === 0) problems.add("empty", `Its ${quote(model.path)} is an empty dict: the model's parameters are not in it.`, model.path);
    else if (tensors > 0 && elements === 0) problems.add("empty", `None of the ${tensors} tensors in its ${quote(model.path)} holds a single element: the model's parameters are not in it.`, model.path);
  }
}

function storageSink(entry: ZipEntry, ranges: readonly FloatRange[] | undefined, context: CheckContext, tally: Tally): EntrySink | undefined {
  if (ranges === undefined) return undefined;
  const scan = new FiniteScan(ranges, context, tally, entry.name);
  return { consume: (bytes, position) => scan.consume(bytes, position), finish: () => undefined };
}
