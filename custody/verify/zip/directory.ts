// Reads a zip archive's central directory: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.12 to 4.3.16 and 4.5.3 (zip64).
import type { CheckContext } from "../check.js";
import { quote } from "../verdict.js";

export interface ZipEntry {
  readonly name: string;
  readonly rawName: Buffer;
  /** Of the format that a reader must know, as tenths. */
  readonly version: number;
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  /** Where the local header starts. */
  readonly offset: number;
}

export interface ZipDirectory {
  /** In the order of their places in the file. */
  readonly entries: readonly ZipEntry[];
  /** Everything from the central directory to the end of the file, as it was read before the pass. */
  readonly tail: Buffer;
  readonly tailStart: number;
}

export const stored = 0;
export const deflated = 8;
export const hasDescriptor = 0x0008;
const encrypted = 0x0041;
/** Two notes about the effort of deflate, the descriptor, and names in UTF-8; every other flag changes what the data mean (APPNOTE 4.4.4). */
const knownFlags = 0x080e;
/** The highest version of the format that Python's zipfile reads, as tenths (MAX_EXTRACT_VERSION). */
const maxVersion = 63;

/** Room for some hundred and fifty thousand entries; a checkpoint of ten thousand tensors has a directory of about one megabyte. */
const maxTailBytes = 12 * 1024 * 1024;
const endBytes = 22;
const locatorBytes = 20;
const zip64EndBytes = 56;
const max16 = 0xffff;
const max32 = 0xffffffff;

/** The directory, or undefined after adding the problems that make it unreadable. */
export function readZipDirectory(context: CheckContext): ZipDirectory | undefined {
  const end = findEnd(context);
  if (end === undefined) return undefined;
  const { problems, size } = context;
  const tailBytes = size - end.directoryOffset;
  if (end.directoryOffset + end.directoryBytes !== end.recordsStart) {
    problems.add("zip-directory", `The central directory spans bytes ${end.directoryOffset} to ${end.directoryOffset + end.directoryBytes}, and its end record starts at ${end.recordsStart}.`);
    return undefined;
  }
  if (tailBytes > maxTailBytes) {
    problems.add("zip-directory-too-large", `The central directory has ${end.directoryBytes} bytes; at most ${maxTailBytes} are read.`);
    return undefined;
  }
  const tail = context.readAt(end.directoryOffset, tailBytes);
  const entries = readEntries(tail.subarray(0, end.directoryBytes), end.entries, context);
  if (entries === undefined) return undefined;
  entries.sort((a, b) => a.offset - b.offset);
  return checkNames(entries, context) && checkExpansion(entries, context) ? { entries, tail, tailStart: end.directoryOffset } : undefined;
}

interface EndRecord {
  readonly entries: number;
  readonly directoryBytes: number;
  readonly directoryOffset: number;
  /** Where the zip64 end record starts, or the plain one when there is none. */
  readonly recordsStart: number;
}

function findEnd(context: CheckContext): EndRecord | undefined {
  const { size, problems } = context;
  const endAt = size - endBytes;
  const end = endAt < 0 ? Buffer.alloc(0) : context.readAt(endAt, endBytes);
  if (end.length < endBytes || end.readUInt32LE(0) !== 0x06054b50 || end.readUInt16LE(20) !== 0) {
    explainMissingEnd(context);
    return undefined;
  }
  const plain = { entries: end.readUInt16LE(10), directoryBytes: end.readUInt32LE(12), directoryOffset: end.readUInt32LE(16) };
  if (end.readUInt16LE(4) !== end.readUInt16LE(6) || end.readUInt16LE(8) !== plain.entries || ![0, max16].includes(end.readUInt16LE(4))) {
    problems.add("zip-multi-disk", "The archive says that it is one part of several.");
    return undefined;
  }
  const locator = endAt < locatorBytes ? undefined : context.readAt(endAt - locatorBytes, locatorBytes);
  if (locator?.readUInt32LE(0) !== 0x07064b50) return { ...plain, recordsStart: endAt };
  const recordsStart = endAt - locatorBytes - zip64EndBytes;
  const record = recordsStart < 0 ? undefined : context.readAt(recordsStart, zip64EndBytes);
  if (record?.readUInt32LE(0) !== 0x06064b50 || locator.readBigUInt64LE(8) !== BigInt(recordsStart) || record.readBigUInt64LE(4) !== BigInt(zip64EndBytes - 12)) {
    problems.add("zip-directory", "The zip64 end record is not where its locator says.");
    return undefined;
  }
  const disks = [locator.readUInt32LE(4), record.readUInt32LE(16), record.readUInt32LE(20)];
  if (disks.some((disk) => disk !== 0) || locator.readUInt32LE(16) > 1) {
    problems.add("zip-multi-disk", "The archive says that it is one part of several.");
    return undefined;
  }
  const wide = { entries: Number(record.readBigUInt64LE(32)), directoryBytes: Number(record.readBigUInt64LE(40)), directoryOffset: Number(record.readBigUInt64LE(48)) };
  const agree = (narrow: number, limit: number, value: number): boolean => narrow === limit || narrow === value;
  if (
    record.readBigUInt64LE(24) !== record.readBigUInt64LE(32) ||
    !agree(plain.entries, max16, wide.entries) || !agree(plain.directoryBytes, max32, wide.directoryBytes) || !agree(plain.directoryOffset, max32, wide.directoryOffset)
  ) {
    problems.add("zip-directory", "The two end records of the archive contradict each other.");
    return undefined;
  }
  return { ...wide, recordsStart };
}

/** A cut file is the common case, so it deserves its own name. */
function explainMissingEnd(context: CheckContext): void {
  const { size, problems } = context;
  const length = Math.min(size, max16 + endBytes);
  const found = context.readAt(size - length, length).lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (found < 0) problems.add("truncated", "The archive has no central directory at its end: the file is cut off, or was not written to its end.");
  else problems.add("trailing-bytes", `${length - found - endBytes} bytes follow the end of the archive (or a comment does, which no checkpoint writer makes).`);
}

function readEntries(directory: Buffer, count: number, context: CheckContext): ZipEntry[] | undefined {
  const entries: ZipEntry[] = [];
  let at = 0;
  while (at < directory.length) {
    const entry = readEntry(directory, at);
    if (entry === undefined) {
      context.problems.add("zip-directory", `Record ${entries.length} of the central directory is damaged.`);
      return undefined;
    }
    entries.push(entry.entry);
    at = entry.next;
  }
  if (entries.length === count) return entries;
  context.problems.add("zip-directory", `The central directory has ${entries.length} records, its end record says ${count}.`);
  return undefined;
}

function readEntry(directory: Buffer, at: number): { entry: ZipEntry; next: number } | undefined {
  if (at + 46 > directory.length || directory.readUInt32LE(at) !== 0x02014b50) return undefined;
  const [nameBytes, extraBytes, commentBytes] = [directory.readUInt16LE(at + 28), directory.readUInt16LE(at + 30), directory.readUInt16LE(at + 32)];
  const next = at + 46 + nameBytes + extraBytes + commentBytes;
  if (next > directory.length) return undefined;
  const rawName = directory.subarray(at + 46, at + 46 + nameBytes);
  const extra = directory.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes);
  const narrow = [directory.readUInt32LE(at + 24), directory.readUInt32LE(at + 20), directory.readUInt32LE(at + 42)];
  const wide = widen(narrow, extra);
  if (hasSecondName(extra, rawName)) return undefined;
  if (wide === undefined || (directory.readUInt16LE(at + 34) !== 0 && directory.readUInt16LE(at + 34) !== max16)) return undefined;
  const [bytes = 0, compressedBytes = 0, offset = 0] = wide;
  return {
    entry: {
      name: rawName.toString("utf8"), rawName, bytes, compressedBytes, offset,
      version: directory.readUInt16LE(at + 6), flags: directory.readUInt16LE(at + 8), method: directory.readUInt16LE(at + 10), crc32: directory.readUInt32LE(at + 16),
    },
    next,
  };
}

/** A field of Info-ZIP's that names the entry once more, in Unicode: newer readers take that name, older ones the other (APPNOTE 4.6.9). */
function hasSecondName(extra: Buffer, rawName: Buffer): boolean {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) === 0x7075 && !extra.subarray(at + 9, at + 4 + extra.readUInt16LE(at + 2)).equals(rawName)) return true;
  }
  return false;
}

/** Replaces each 0xffffffff, in order, by the eight bytes that the zip64 extra field holds for it; undefined when it is damaged. */
export function widen(narrow: readonly number[], extra: Buffer): number[] | undefined {
  let zip64: Buffer | undefined;
  let at = 0;
  while (at < extra.length) {
    if (at + 4 > extra.length) return undefined;
    const next = at + 4 + extra.readUInt16LE(at + 2);
    if (next > extra.length) return undefined;
    if (extra.readUInt16LE(at) === 0x0001) {
      if (zip64 !== undefined) return undefined;
      zip64 = extra.subarray(at + 4, next);
    }
    at = next;
  }
  let field = 0;
  const wide: number[] = [];
  for (const value of narrow) {
    if (value !== max32) {
      wide.push(value);
      continue;
    }
    if (zip64 === undefined || field + 8 > zip64.length) return undefined;
    const full = Number(zip64.readBigUInt64LE(field));
    if (!Number.isSafeInteger(full)) return undefined;
    wide.push(full);
    field += 8;
  }
  return wide;
}

function checkNames(entries: readonly ZipEntry[], { problems }: CheckContext): boolean {
  if (entries.length === 0) problems.add("empty", "The archive holds no entry.");
  const seen = new Set<string>();
  for (const { name, rawName, version, flags, method } of entries) {
    if (seen.has(name)) problems.add("zip-duplicate", `Entry ${quote(name)} appears twice.`, name);
    seen.add(name);
    const parts = name.split("/");
    if (name === "" || name.startsWith("/") || /[\\\u0000]|^[A-Za-z]:/.test(name) || parts.includes("..") || parts.includes(".") || parts.includes("") || !Buffer.from(name).equals(rawName)) {
      problems.add("zip-name", `Entry ${quote(name)} has a name that no checkpoint has: absolute, with "..", an empty part, a backslash, or not UTF-8.`, name);
    }
    if ((flags & encrypted) !== 0) problems.add("zip-encrypted", `Entry ${quote(name)} is encrypted.`, name);
    else if ((flags & ~knownFlags) !== 0) problems.add("zip-method", `Entry ${quote(name)} has flags 0x${flags.toString(16)}, of which only 0x${knownFlags.toString(16)} are known.`, name);
    if (version > maxVersion) problems.add("zip-method", `Entry ${quote(name)} needs a reader of version ${version / 10}; ${maxVersion / 10} is the highest known.`, name);
    if (method !== stored && method !== deflated) problems.add("zip-method", `Entry ${quote(name)} is compressed by method ${method}; only stored (0) and deflated (8) are known.`, name);
    if (problems.full) break;
  }
  return !problems.any;
}

/** Above both, nothing is inflated. Deflate reaches 1032:1 on zeros, so a small forged file could otherwise cost hours. */
const freeExpansionBytes = 1024 ** 3;
const maxExpansion = 100;

function checkExpansion(entries: readonly ZipEntry[], { problems }: CheckContext): boolean {
  let [bytes, compressedBytes] = [0, 0];
  for (const entry of entries) {
    if (entry.method !== deflated) continue;
    bytes += entry.bytes;
    compressedBytes += entry.compressedBytes;
  }
  if (bytes <= freeExpansionBytes || bytes <= maxExpansion * compressedBytes) return true;
  problems.add("zip-bomb", `The archive would inflate from ${compressedBytes} to ${bytes} bytes; above ${freeExpansionBytes} bytes at most ${maxExpansion} times is read. Save it without compression.`);
  return false;
}
