// Zip archives in every form that writers use (stored, deflated, zip64, data descriptors, padding), and every way that their headers can lie.
import fc from "fast-check";
import { constants, crc32, deflateRawSync } from "node:zlib";
import { littleEndian, zip, type ArchiveLies, type Entry, type Fields } from "../../verify/forge.js";
import type { Lie } from "../specimen.js";
import { readElement } from "./numbers.js";

export interface File {
  readonly name: string;
  readonly data: Buffer;
}

export interface Archive {
  readonly entries: readonly Entry[];
  readonly lies: ArchiveLies;
}

export const writeZip = ({ entries, lies }: Archive): Buffer => zip(entries, lies);

interface Form {
  readonly deflate: boolean;
  readonly level: number;
  readonly pieces: number;
  readonly descriptor: 12 | 16 | 20 | 24 | undefined;
  readonly zip64: boolean;
  readonly padding: number;
}

const forms: fc.Arbitrary<Form> = fc.record({
  deflate: fc.boolean(),
  level: fc.integer({ min: 0, max: 9 }),
  pieces: fc.integer({ min: 1, max: 3 }),
  descriptor: fc.option(fc.constantFrom(12 as const, 16 as const, 20 as const, 24 as const), { nil: undefined, freq: 2 }),
  zip64: fc.boolean(),
  padding: fc.oneof(fc.constant(0), fc.nat(70)),
});

/** The archive of these files in any form. */
export function archiveOf(files: readonly File[]): fc.Arbitrary<Archive> {
  return fc.record({ entries: fc.array(forms, { minLength: files.length, maxLength: files.length }), zip64End: fc.boolean() }).map(({ entries, zip64End }) => ({
    entries: files.map((file, index) => shape(file, entries[index])),
    lies: { zip64End },
  }));
}

function shape({ name, data }: File, form: Form | undefined): Entry {
  if (form === undefined) return { name, data };
  const { deflate, level, pieces, descriptor, zip64, padding } = form;
  return {
    name, data, deflate, zip64,
    ...(deflate ? { raw: deflatePieces(data, level, pieces) } : {}),
    ...(descriptor === undefined ? {} : { descriptor }),
    ...(padding === 0 ? {} : { extra: Buffer.concat([Buffer.from("FB"), littleEndian(2, padding), Buffer.alloc(padding, "Z")]) }),
  };
}

/** Deflated as one block or as several with flushes between, as streaming writers do. */
function deflatePieces(data: Buffer, level: number, pieces: number): Buffer {
  if (pieces === 1) return deflateRawSync(data, { level });
  const step = Math.ceil(data.length / pieces);
  const parts = Array.from({ length: pieces }, (_, index) => data.subarray(index * step, (index + 1) * step));
  const flushed = parts.map((part, index) => deflateRawSync(part, { level, finishFlush: index === pieces - 1 ? constants.Z_FINISH : constants.Z_FULL_FLUSH }));
  return Buffer.concat(flushed);
}

// --- lies ---

type Telling = (archive: Archive, pick: number, amount: number) => readonly [lying: Archive | Buffer, ...codes: Lie["codes"]];

/** Changes one entry, picked among those that `which` allows (all, when it allows none). */
function change({ entries, lies }: Archive, pick: number, edit: (entry: Entry) => Entry, which: (entry: Entry) => boolean = () => true): Archive {
  const allowed = entries.some(which) ? entries.filter(which) : entries;
  const target = allowed[pick % allowed.length];
  return { entries: entries.map((entry) => (entry === target ? edit(entry) : entry)), lies };
}

const hasData = ({ data }: Entry): boolean => data.length > 0;
const flipped = (data: Uint8Array, pick: number, amount: number): Buffer => {
  const bytes = Buffer.from(data);
  if (bytes.length > 0) bytes[pick % bytes.length] = (bytes[pick % bytes.length] ?? 0) ^ (1 << (amount % 8));
  return bytes;
};
const local = (entry: Entry, fields: Fields): Entry => ({ ...entry, local: { ...entry.local, ...fields } });
const both = (entry: Entry, fields: Fields): Entry => ({ ...entry, local: { ...entry.local, ...fields }, central: { ...entry.central, ...fields } });
const flagsOf = ({ descriptor }: Entry): number => 0x0800 | (descriptor === undefined ? 0 : 8);
const badNames = ["../x", "x/../../y", "/etc/passwd", "a\\..\\b", "C:x", "", ".", "a//b", "a/./b", "a\0b"];
const extraField = (id: number, body: Uint8Array): Buffer => Buffer.concat([littleEndian(2, id), littleEndian(2, body.length), body]);

const tellings: Readonly<Record<string, Telling>> = {
  "an entry twice": ({ entries, lies }, pick) => [{ entries: [...entries, ...entries.slice(pick % entries.length, (pick % entries.length) + 1)], lies }, "zip-duplicate"],
  "a name twice, with other data": ({ entries, lies }, pick, amount) => {
    const twin = entries[pick % entries.length];
    return [{ entries: [...entries, ...(twin === undefined ? [] : [{ name: twin.name, data: Buffer.alloc(amount, 7) }])], lies }, "zip-duplicate"];
  },
  "a name that leads elsewhere": (archive, pick, amount) => [change(archive, pick, (entry) => ({ ...entry, name: badNames[amount % badNames.length] ?? "" })), "zip-name", "torch-layout"],
  "a name that is not UTF-8": (archive, pick, amount) => {
    const marked = writeZip(change(archive, pick, (entry) => ({ ...entry, name: `\ufffd${entry.name}` }))).toString("latin1");
    return [Buffer.from(marked.replaceAll("\xef\xbf\xbd", ["\xff\xff\xff", "\xc0\x80\x80", "\xed\xa0\x80"][amount % 3] ?? ""), "latin1"), "zip-name"];
  },
  "data without its CRC, sizes right": (archive, pick, amount) => [
    change(archive, pick, (entry) => {
      const data = flipped(entry.data, pick, amount);
      return { ...entry, raw: entry.deflate === true ? deflateRawSync(data) : data };
    }, hasData), "crc-mismatch",
  ],
  "a CRC lie in both headers": (archive, pick, amount) => [change(archive, pick, (entry) => ({ ...both(entry, { crc: (pick ^ (amount << 8)) >>> 0 }), descriptor: undefined as never })), "crc-mismatch", "zip-gap"],
  "headers of different CRC": (archive, pick, amount) => [change(archive, pick, (entry) => local(entry, { crc: 1 + amount })), "zip-disagreement"],
  "headers of different names": (archive, pick) => [change(archive, pick, (entry) => local(entry, { name: `${entry.name.slice(0, -1)}_` })), "zip-disagreement"],
  "headers of different sizes": (archive, pick, amount) => [change(archive, pick, (entry) => local(entry, { bytes: entry.data.length + 1 + amount })), "zip-disagreement"],
  "headers of different compressed sizes": (archive, pick, amount) => [change(archive, pick, (entry) => local(entry, { compressedBytes: (entry.raw ?? entry.data).length + 1_000 + amount })), "zip-disagreement"],
  "headers of different methods": (archive, pick) => [change(archive, pick, (entry) => local(entry, { method: entry.deflate === true ? 0 : 8 })), "zip-disagreement"],
  "headers of different flags": (archive, pick, amount) => [change(archive, pick, (entry) => local(entry, { flags: flagsOf(entry) ^ (1 << (amount % 16)) })), "zip-disagreement"],
  "a method that is not known": (archive, pick, amount) => [change(archive, pick, (entry) => both(entry, { method: [1, 6, 9, 12, 14, 93, 95, 99, 0xffff][amount % 9] ?? 1 })), "zip-method"],
  "an encrypted entry": (archive, pick, amount) => [change(archive, pick, (entry) => both(entry, { flags: flagsOf(entry) | (amount % 2 === 0 ? 0x01 : 0x40) })), "zip-encrypted"],
  "patched or masked data": (archive, pick, amount) => [change(archive, pick, (entry) => both(entry, { flags: flagsOf(entry) | (amount % 2 === 0 ? 0x20 : 0x2000) })), "zip-method"],
  "a size beyond the data": (archive, pick, amount) => [change(archive, pick, (entry) => both(entry, { bytes: entry.data.length + 1 + amount })), "zip-size", "zip-bomb", "torch-too-large", "torch-storage-size", "zip-deflate"],
  "a size short of the data": (archive, pick) => [change(archive, pick, (entry) => both(entry, { bytes: pick % entry.data.length }), hasData), "zip-size", "zip-deflate", "torch-storage-size"],
  "a size of a terabyte": (archive, pick) => [change(archive, pick, (entry) => ({ ...both(entry, { bytes: 2 ** 40 }), zip64: true })), "zip-size", "zip-bomb", "torch-too-large", "torch-storage-size", "zip-deflate"],
  "a size beyond 2^53": (archive, pick) => [change(archive, pick, (entry) => ({ ...both(entry, { bytes: 2 ** 60 }), zip64: true })), "zip-directory"],
  "a zip64 field that is missing": (archive, pick) => [change(archive, pick, (entry) => ({ ...both(entry, { bytes: 0xffffffff }), zip64: false })), "zip-directory", "zip-local-header", "zip-size"],
  "two zip64 fields": (archive, pick) => [change(archive, pick, (entry) => ({ ...entry, zip64: true, extra: extraField(1, Buffer.alloc(24)) })), "zip-directory"],
  "an extra field that runs out": (archive, pick, amount) => [change(archive, pick, (entry) => ({ ...entry, extra: Buffer.concat([littleEndian(2, 0x4246), littleEndian(2, 100 + amount), Buffer.alloc(3)]) })), "zip-directory"],
  "a second name in an extra field": (archive, pick) => [
    change(archive, pick, (entry) => ({ ...entry, extra: extraField(0x7075, Buffer.concat([Buffer.from([1]), littleEndian(4, crc32(entry.name)), Buffer.from(`other-${entry.name}`)])) })), "zip-directory",
  ],
  "bytes behind an entry": (archive, pick, amount) => [change(archive, pick, (entry) => ({ ...entry, gap: Buffer.alloc(25 + amount, "PK\x03\x04") })), "zip-gap"],
  "bytes before the archive": ({ entries, lies }, _, amount) => [{ entries, lies: { ...lies, prefix: Buffer.alloc(1 + amount, "#!/bin/sh\n") } }, "zip-gap", "torch-magic"],
  "bytes behind the archive": ({ entries, lies }, _, amount) => [{ entries, lies: { ...lies, suffix: Buffer.alloc(1 + amount) } }, "trailing-bytes"],
  "a second end behind the archive": ({ entries, lies }) => [{ entries, lies: { ...lies, suffix: zip([]) } }, "zip-directory", "empty", "trailing-bytes"],
  "bytes behind the directory": ({ entries, lies }, _, amount) => [{ entries, lies: { ...lies, behindDirectory: Buffer.alloc(1 + amount) } }, "zip-directory"],
  "a wrong number of entries": ({ entries, lies }, pick, amount) => [{ entries, lies: { ...lies, entries: pick % 2 === 0 ? entries.length + 1 + amount : entries.length - 1 } }, "zip-directory"],
  "a directory elsewhere": ({ entries, lies }, pick) => [{ entries, lies: { ...lies, directoryOffset: pick % 5000 === zip(entries).length ? 1 : pick % 5000 } }, "zip-directory", "trailing-bytes"],
  "an entry that points elsewhere": (archive, pick, amount) => [change(archive, pick, (entry) => ({ ...entry, central: { ...entry.central, offset: 100_000 + pick + amount } })), "zip-overlap", "zip-gap"],
  "two entries at one place": ({ entries, lies }, pick) => {
    const twin = entries[pick % entries.length];
    const rest = entries.filter((entry) => entry !== twin);
    const offset = zip(rest).length - directoryBytes(rest);
    const copies = twin === undefined ? [] : [twin, { ...twin, name: `${twin.name.replace(/[^/]*$/, "")}0${twin.name.replace(/^.*\//, "")}`, central: { offset } }];
    return [{ entries: [...rest, ...copies], lies }, "zip-overlap", "zip-gap", "zip-disagreement", "torch-storage-unnamed", "torch-layout"];
  },
  "compressed data cut short": (archive, pick) => [change(archive, pick, (entry) => ({ ...entry, deflate: true, raw: deflateRawSync(entry.data).subarray(0, pick % deflateRawSync(entry.data).length) })), "zip-deflate", "crc-mismatch", "zip-size"],
  "compressed data that is none": (archive, pick, amount) => [change(archive, pick, (entry) => ({ ...entry, deflate: true, raw: Buffer.alloc(1 + amount, 0xff) })), "zip-deflate"],
  "bytes behind compressed data": (archive, pick, amount) => [change(archive, pick, (entry) => ({ ...entry, deflate: true, raw: Buffer.concat([deflateRawSync(entry.data), Buffer.alloc(1 + amount)]) })), "zip-deflate"],
  "compressed data of more than it says": (archive, pick, amount) => [change(archive, pick, (entry) => ({ ...entry, deflate: true, raw: deflateRawSync(Buffer.concat([entry.data, Buffer.alloc(1 + 1000 * amount)])) })), "zip-deflate", "zip-size"],
};

/** Without entries the two end records are all that is left. */
const directoryBytes = (entries: readonly Entry[]): number => {
  const bytes = zip(entries);
  return bytes.length - bytes.readUInt32LE(bytes.length - 6);
};

/** An archive whose headers lie; `name` is what the file is called. */
export function lyingArchives(name: string, archives: fc.Arbitrary<Archive>): fc.Arbitrary<Lie> {
  return fc.tuple(archives, fc.constantFrom(...Object.entries(tellings)), fc.nat(1_000_000), fc.nat(60)).map(([archive, [what, tell], pick, amount]) => {
    const [lying, ...codes] = tell(archive, pick, amount);
    return { what, name, bytes: Buffer.isBuffer(lying) ? lying : writeZip(lying), codes };
  });
}

// --- single fields ---

export interface Field {
  readonly name: string;
  readonly at: number;
  readonly width: 2 | 4 | 8;
  /** Values that mean what is there: itself, and where a zip64 record has the number, that number or the mark for it. */
  readonly same: readonly bigint[];
}

/** Every field of every record of a written archive that a reader must not ignore. */
export function tellingFields(bytes: Buffer): Field[] {
  const end = bytes.length - 22;
  const wide = bytes.readUInt32LE(end - 20) === 0x07064b50;
  const directory = wide ? Number(bytes.readBigUInt64LE(end - 76 + 48)) : bytes.readUInt32LE(end + 16);
  const fields: Field[] = [];
  const add = (name: string, at: number, width: Field["width"], ...same: readonly (number | bigint)[]): void => {
    fields.push({ name, at, width, same: [readElement(bytes, at, width), ...same.map(BigInt)] });
  };
  add("disk", end + 4, 2);
  add("directory's disk", end + 6, 2);
  add("entries on this disk", end + 8, 2);
  add("entries", end + 10, 2);
  add("directory size", end + 12, 4, ...(wide ? [0xffffffff] : []));
  add("directory offset", end + 16, 4, ...(wide ? [0xffffffff, directory] : []));
  add("comment length", end + 20, 2);
  if (wide) {
    add("place of the zip64 record", end - 20 + 8, 8);
    add("zip64 locator's disk", end - 20 + 4, 4);
    add("zip64 number of disks", end - 20 + 16, 4, 0, 1);
    add("zip64 disk", end - 76 + 16, 4);
    add("zip64 directory's disk", end - 76 + 20, 4);
    for (const [name, at] of [["size", 4], ["entries on this disk", 24], ["entries", 32], ["directory size", 40], ["directory offset", 48]] as const) add(`zip64 ${name}`, end - 76 + at, 8);
  }
  let at = directory;
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) at = addEntry(bytes, at, add);
  return fields;
}

/** Returns where the next record of the directory starts. */
function addEntry(bytes: Buffer, at: number, add: (name: string, at: number, width: Field["width"], ...same: readonly (number | bigint)[]) => void): number {
  const [name, extra] = [bytes.readUInt16LE(at + 28), bytes.readUInt16LE(at + 30)];
  const zip64 = bytes.readUInt32LE(at + 42) === 0xffffffff;
  const real = (index: number, narrow: number): number => (zip64 ? Number(bytes.readBigUInt64LE(at + 46 + name + 4 + 8 * index)) : bytes.readUInt32LE(at + narrow));
  const [size, compressed, offset] = [real(0, 24), real(1, 20), real(2, 42)];
  add("flags", at + 8, 2);
  add("method", at + 10, 2);
  add("CRC", at + 16, 4);
  add("compressed size", at + 20, 4, compressed);
  add("size", at + 24, 4, size);
  add("name length", at + 28, 2);
  add("extra length", at + 30, 2);
  add("offset", at + 42, 4, offset);
  add("local signature", offset, 4);
  add("local flags", offset + 6, 2);
  add("local method", offset + 8, 2);
  add("local name length", offset + 26, 2);
  add("local extra length", offset + 28, 2);
  if ((bytes.readUInt16LE(offset + 6) & 8) === 0) {
    add("local CRC", offset + 14, 4);
    add("local compressed size", offset + 18, 4, compressed);
    add("local size", offset + 22, 4, size);
  }
  return at + 46 + name + extra;
}
