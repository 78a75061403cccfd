// Builds valid checkpoint files byte by byte, with a place to lie at every field: the tests take a good one and break one thing.
import { mkdtempSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { crc32, deflateRawSync } from "node:zlib";
import { verifyFile, type FileVerdict, type VerifyFileOptions } from "../../../custody/verify/index.js";

/** The committed genuine files: tests run from the compiled output, the fixtures stay in the source tree. */
export const fixtures = findFixtures(__dirname);

function findFixtures(from: string): string {
  const here = join(from, "test", "custody", "verify", "fixtures");
  if (existsSync(join(here, "make_fixtures.py"))) return here;
  if (dirname(from) === from) throw new Error("test/custody/verify/fixtures is not above the compiled tests");
  return findFixtures(dirname(from));
}

export function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-verify-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Verifies the bytes as a file of that name. */
export async function verifyBytes(context: TestContext, name: string, bytes: Uint8Array, options: VerifyFileOptions = {}): Promise<FileVerdict> {
  const path = join(temporaryFolder(context), name);
  writeFileSync(path, bytes);
  return verifyFile(path, options);
}

export function codes(verdict: FileVerdict): string[] {
  return verdict.problems.map(({ code }) => code);
}

export function littleEndian(width: 2 | 4 | 8, value: number | bigint): Buffer {
  const field = Buffer.alloc(width);
  if (width === 8) field.writeBigUInt64LE(BigInt(value));
  else field.writeUIntLE(Number(value), 0, width);
  return field;
}

export function float32(values: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(values).buffer);
}

// --- safetensors ---

export interface SafeTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

export function safetensors(header: Readonly<Record<string, unknown>> | string, data: Uint8Array): Buffer {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  return Buffer.concat([littleEndian(8, text.length), text, data]);
}

// --- zip ---

export interface Entry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflate?: boolean;
  /** 12 to 24 bytes behind the data instead of sizes in the local header. */
  readonly descriptor?: 12 | 16 | 20 | 24;
  /** Sizes as zip64 extra fields. */
  readonly zip64?: boolean;
  /** Behind the zip64 field, in both headers; torch pads with such a field. */
  readonly extra?: Uint8Array;
  readonly local?: Fields;
  readonly central?: Fields;
  /** Bytes between this entry and the next. */
  readonly gap?: Uint8Array;
  /** Replaces what would be written as the compressed data, its CRC and sizes staying those of `data`. */
  readonly raw?: Uint8Array;
}

export interface Fields {
  readonly name?: string;
  readonly flags?: number;
  readonly method?: number;
  readonly crc?: number;
  readonly bytes?: number;
  readonly compressedBytes?: number;
  readonly offset?: number;
}

export interface ArchiveLies {
  readonly prefix?: Uint8Array;
  readonly suffix?: Uint8Array;
  /** Bytes between the central directory and its end record. */
  readonly behindDirectory?: Uint8Array;
  readonly zip64End?: boolean;
  readonly entries?: number;
  readonly directoryOffset?: number;
}

export function zip(entries: readonly Entry[], lies: ArchiveLies = {}): Buffer {
  const parts: Uint8Array[] = [lies.prefix ?? Buffer.alloc(0)];
  const directory: Uint8Array[] = [];
  let at = parts[0]?.length ?? 0;
  for (const entry of entries) {
    const compressed = entry.raw ?? (entry.deflate === true ? deflateRawSync(entry.data) : entry.data);
    const truth = {
      name: entry.name, flags: 0x0800 | (entry.descriptor === undefined ? 0 : 8), method: entry.deflate === true ? 8 : 0,
      crc: crc32(entry.data), bytes: entry.data.length, compressedBytes: compressed.length, offset: at,
    };
    const local = { ...truth, ...(entry.descriptor === undefined ? {} : { crc: 0, bytes: 0, compressedBytes: 0 }), ...entry.local };
    const written = [localHeader(local, entry), compressed, descriptor(truth, entry.descriptor), entry.gap ?? Buffer.alloc(0)];
    parts.push(...written);
    at += written.reduce((sum, part) => sum + part.length, 0);
    directory.push(centralRecord({ ...truth, ...entry.central }, entry));
  }
  const records = Buffer.concat(directory);
  const [count, offset] = [lies.entries ?? entries.length, lies.directoryOffset ?? at];
  const zip64End = lies.zip64End === true ? zip64EndRecords(count, records.length, offset, at + records.length) : Buffer.alloc(0);
  const end = Buffer.concat([Buffer.from("PK\x05\x06"), Buffer.alloc(4), littleEndian(2, Math.min(count, 0xffff)), littleEndian(2, Math.min(count, 0xffff)), littleEndian(4, records.length), littleEndian(4, offset), Buffer.alloc(2)]);
  return Buffer.concat([...parts, records, lies.behindDirectory ?? Buffer.alloc(0), zip64End, end, lies.suffix ?? Buffer.alloc(0)]);
}

type Truth = Required<Fields>;

function localHeader(fields: Truth, { zip64 = false, extra: more = Buffer.alloc(0) }: Entry): Buffer {
  const name = Buffer.from(fields.name);
  const wide = zip64 ? Buffer.concat([littleEndian(2, 1), littleEndian(2, 16), littleEndian(8, fields.bytes), littleEndian(8, fields.compressedBytes)]) : Buffer.alloc(0);
  const extra = Buffer.concat([wide, more]);
  const size = (value: number): Buffer => littleEndian(4, zip64 ? 0xffffffff : value);
  return Buffer.concat([
    Buffer.from("PK\x03\x04"), littleEndian(2, 45), littleEndian(2, fields.flags), littleEndian(2, fields.method), Buffer.alloc(4),
    littleEndian(4, fields.crc), size(fields.compressedBytes), size(fields.bytes), littleEndian(2, name.length), littleEndian(2, extra.length), name, extra,
  ]);
}

function centralRecord(fields: Truth, { zip64 = false, extra: more = Buffer.alloc(0) }: Entry): Buffer {
  const name = Buffer.from(fields.name);
  const wide = [fields.bytes, fields.compressedBytes, fields.offset].map((value) => littleEndian(8, value));
  const extra = Buffer.concat([...(zip64 ? [littleEndian(2, 1), littleEndian(2, 24), ...wide] : []), more]);
  const size = (value: number): Buffer => littleEndian(4, zip64 ? 0xffffffff : value);
  return Buffer.concat([
    Buffer.from("PK\x01\x02"), littleEndian(2, 45), littleEndian(2, 45), littleEndian(2, fields.flags), littleEndian(2, fields.method), Buffer.alloc(4),
    littleEndian(4, fields.crc), size(fields.compressedBytes), size(fields.bytes), littleEndian(2, name.length), littleEndian(2, extra.length),
    Buffer.alloc(10), size(fields.offset), name, extra,
  ]);
}

function descriptor({ crc, bytes, compressedBytes }: Truth, length: Entry["descriptor"]): Buffer {
  if (length === undefined) return Buffer.alloc(0);
  const width = length >= 20 ? 8 : 4;
  const signature = length === 16 || length === 24 ? Buffer.from("PK\x07\x08") : Buffer.alloc(0);
  return Buffer.concat([signature, littleEndian(4, crc), littleEndian(width, compressedBytes), littleEndian(width, bytes)]);
}

function zip64EndRecords(count: number, directoryBytes: number, directoryOffset: number, recordAt: number): Buffer {
  const fields = [count, count, directoryBytes, directoryOffset].map((value) => littleEndian(8, value));
  return Buffer.concat([
    Buffer.from("PK\x06\x06"), littleEndian(8, 44), littleEndian(2, 45), littleEndian(2, 45), Buffer.alloc(8), ...fields,
    Buffer.from("PK\x06\x07"), Buffer.alloc(4), littleEndian(8, recordAt), littleEndian(4, 1),
  ]);
}

// --- npy ---

export function npy(descr: string, shape: string, data: Uint8Array, version: 1 | 2 | 3 = 1): Buffer {
  return npyWithHeader(`{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }`, data, version);
}

export function npyWithHeader(header: string, data: Uint8Array, version: 1 | 2 | 3 = 1): Buffer {
  const preamble = version === 1 ? 10 : 12;
  const text = header.padEnd(Math.ceil((header.length + 1 + preamble) / 64) * 64 - preamble - 1) + "\n";
  return Buffer.concat([Buffer.from("\x93NUMPY", "latin1"), Buffer.from([version, 0]), littleEndian(version === 1 ? 2 : 4, text.length), Buffer.from(text), data]);
}

// --- torch ---

/** Opcodes by name, protocol 2. */
export const op = {
  proto: Buffer.from([0x80, 2]),
  stop: Buffer.from("."),
  mark: Buffer.from("("),
  tuple: Buffer.from("t"),
  emptyTuple: Buffer.from(")"),
  emptyDict: Buffer.from("}"),
  emptyList: Buffer.from("]"),
  setItems: Buffer.from("u"),
  reduce: Buffer.from("R"),
  build: Buffer.from("b"),
  newObject: Buffer.from([0x81]),
  persistent: Buffer.from("Q"),
  none: Buffer.from("N"),
  no: Buffer.from([0x89]),
  stackGlobal: Buffer.from([0x93]),
  text: (value: string): Buffer => Buffer.concat([Buffer.from("X"), littleEndian(4, Buffer.byteLength(value)), Buffer.from(value)]),
  int: (value: number): Buffer => {
    const field = Buffer.alloc(9);
    field.write("\x8a\x08", "latin1");
    return Buffer.concat([field.subarray(0, 2), littleEndian(8, BigInt.asUintN(64, BigInt(value)))]);
  },
  global: (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`),
  tupleOf: (...items: readonly Uint8Array[]): Buffer => Buffer.concat([Buffer.from("("), ...items, Buffer.from("t")]),
};

export interface ForgedTensor {
  readonly name: string;
  readonly storage?: string;
  readonly key: string;
  readonly elements: number;
  readonly offset?: number;
  readonly size: readonly number[];
  readonly stride: readonly number[];
}

export function tensorOpcodes({ storage = "FloatStorage", key, elements, offset = 0, size, stride }: ForgedTensor): Buffer {
  return Buffer.concat([
    op.global("torch._utils", "_rebuild_tensor_v2"), op.mark,
    op.tupleOf(op.text("storage"), op.global("torch", storage), op.text(key), op.text("cpu"), op.int(elements)), op.persistent,
    op.int(offset), op.tupleOf(...size.map(op.int)), op.tupleOf(...stride.map(op.int)),
    op.no, op.global("collections", "OrderedDict"), op.emptyTuple, op.reduce, op.tuple, op.reduce,
  ]);
}

export function statePickle(tensors: readonly ForgedTensor[]): Buffer {
  return Buffer.concat([op.proto, op.emptyDict, op.mark, ...tensors.flatMap((tensor) => [op.text(tensor.name), tensorOpcodes(tensor)]), op.setItems, op.stop]);
}

/** The archive that torch.save would write around a pickle and its storages. */
export function torchArchive(pickle: Uint8Array, storages: Readonly<Record<string, Uint8Array>>, more: readonly Entry[] = [], lies: ArchiveLies = {}): Buffer {
  const entry = (name: string, data: Uint8Array): Entry => ({ name: `archive/${name}`, data });
  const data = Object.entries(storages).map(([key, bytes]) => entry(`data/${key}`, bytes));
  return zip([entry("data.pkl", pickle), ...data, entry("version", Buffer.from("3\n")), ...more], lies);
}

export const goodTensor: ForgedTensor = { name: "weight", key: "0", elements: 6, size: [2, 3], stride: [3, 1] };
export const goodData = float32([1, 2, 3, 4, 5, 6]);
