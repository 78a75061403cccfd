// Walks a zip archive's bytes in order and holds them against the central directory: every byte must belong to a local header, an entry's
// data, its data descriptor, or the directory. What lies in between would be hashed but never loaded, so it is refused.
import type { ProblemCode } from "../codes.js";
import type { CheckContext, FormatCheck } from "../check.js";
import { quote, type Summary } from "../verdict.js";
import { deflated, hasDescriptor, stored, widen, type ZipDirectory, type ZipEntry } from "./directory.js";
import { BoundedInflate } from "./inflate.js";

/** Receives an entry's bytes after decompression. */
export interface EntrySink {
  /** Most bytes the entry may have; more stop it. Asked again after each piece, since a header inside the entry may promise fewer. */
  readonly limit?: number;
  consume(bytes: Uint8Array, position: number): void;
  finish(complete: boolean): void;
}

const localHeaderBytes = 30;

/** Walks all entries; `open` says who reads each. */
export class ZipStream implements FormatCheck {
  #index = 0;
  #walk: EntryWalk | undefined;
  #broken = false;

  constructor(
    private readonly directory: ZipDirectory,
    private readonly context: CheckContext,
    private readonly open: (entry: ZipEntry) => EntrySink | undefined,
  ) {
    const first = directory.entries[0]?.offset ?? directory.tailStart;
    const last = directory.entries.at(-1)?.offset ?? 0;
    if (first !== 0) this.#break("zip-gap", `The first entry starts at byte ${first}, not at the start of the file.`);
    else if (last >= directory.tailStart) this.#break("zip-overlap", `An entry starts at byte ${last}, inside or behind the central directory.`);
  }

  async consume(chunk: Uint8Array, position: number): Promise<void> {
    let at = 0;
    while (at < chunk.length && !this.#broken) {
      const entry = this.directory.entries[this.#index];
      if (entry === undefined) {
        this.#compareTail(chunk.subarray(at), position + at);
        return;
      }
      const regionEnd = this.directory.entries[this.#index + 1]?.offset ?? this.directory.tailStart;
      this.#walk ??= new EntryWalk(entry, regionEnd, this.context, this.open);
      const length = Math.min(chunk.length - at, regionEnd - position - at);
      if (length > 0) await this.#walk.consume(chunk.subarray(at, at + length));
      at += length;
      if (position + at < regionEnd) return;
      this.#broken = !(await this.#walk.finish());
      this.#walk = undefined;
      this.#index += 1;
    }
  }

  async finish(): Promise<void> {
    if (!this.#broken && this.#walk !== undefined) await this.#walk.finish();
  }

  summary(): Summary | undefined {
    return undefined;
  }

  /** The directory was read before the pass; the bytes that are hashed must be the same ones. */
  #compareTail(bytes: Uint8Array, position: number): void {
    const from = position - this.directory.tailStart;
    if (!this.directory.tail.subarray(from, from + bytes.length).equals(bytes)) this.#break("changed-while-read", "The central directory changed while the file was read.");
  }

  #break(code: ProblemCode, message: string): void {
    this.#broken = true;
    this.context.problems.add(code, message);
  }
}

/** One entry: local header, data, descriptor. */
class EntryWalk {
  #header = Buffer.alloc(0);
  #dataLeft = -1;
  #descriptor = Buffer.alloc(0);
  #sink: EntrySink | undefined;
  #inflate: BoundedInflate | undefined;
  #crc = 0;
  #bytes = 0;
  #failed = false;

  constructor(
    private readonly entry: ZipEntry,
    private readonly regionEnd: number,
    private readonly context: CheckContext,
    private readonly open: (entry: ZipEntry) => EntrySink | undefined,
  ) {}

  async consume(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    if (this.#dataLeft < 0 && !this.#failed) rest = this.#readHeader(rest);
    if (this.#failed || rest.length === 0) return;
    if (this.#dataLeft > 0) {
      const data = rest.subarray(0, this.#dataLeft);
      this.#dataLeft -= data.length;
      rest = rest.subarray(data.length);
      if (this.#inflate === undefined) this.#take(data);
      else await this.#inflate.write(data);
    }
    if (rest.length > 0) this.#descriptor = Buffer.concat([this.#descriptor, rest]);
  }

  /** False when nothing behind this entry can be trusted to be where the directory says. */
  async finish(): Promise<boolean> {
    if (this.#failed) return false;
    if (this.#dataLeft !== 0) {
      this.#fail("zip-overlap", `needs more bytes than lie before the next one at ${this.regionEnd}`);
      return false;
    }
    const fault = await this.#inflate?.end();
    this.#compareData(fault);
    this.#sink?.finish(!this.#failed);
    this.#checkDescriptor();
    return true;
  }

  #compareData(inflateFault: string | undefined): void {
    const { entry } = this;
    if (inflateFault !== undefined) this.#fail("zip-deflate", inflateFault);
    else if (this.#bytes !== entry.bytes) this.#fail("zip-size", `has ${this.#bytes} bytes, the directory says ${entry.bytes}`);
    else if (this.#crc !== entry.crc32) this.#fail("crc-mismatch", `has CRC32 ${hex(this.#crc)}, the directory says ${hex(entry.crc32)}: its data is damaged`);
  }

  /** Collects the local header, compares it, and returns what follows it. */
  #readHeader(bytes: Uint8Array): Uint8Array {
    let rest = this.#collect(bytes, localHeaderBytes);
    if (this.#header.length < localHeaderBytes) return rest;
    const nameBytes = this.#header.readUInt16LE(26);
    const total = localHeaderBytes + nameBytes + this.#header.readUInt16LE(28);
    rest = this.#collect(rest, total);
    if (this.#header.length < total) return rest;
    this.#compareHeader(this.#header, nameBytes);
    this.#checkRoom(total);
    if (this.#failed) return rest;
    this.#dataLeft = this.entry.compressedBytes;
    this.#sink = this.open(this.entry);
    if (this.entry.method === deflated) {
      this.#inflate = new BoundedInflate(this.entry.compressedBytes, () => Math.min(this.entry.bytes, this.#sink?.limit ?? Infinity), (piece) => this.#take(piece));
    }
    return rest;
  }

  #collect(bytes: Uint8Array, length: number): Uint8Array {
    const missing = Math.min(bytes.length, length - this.#header.length);
    if (missing > 0) this.#header = Buffer.concat([this.#header, bytes.subarray(0, missing)]);
    return bytes.subarray(Math.max(0, missing));
  }

  #compareHeader(header: Buffer, nameBytes: number): void {
    const { entry } = this;
    if (header.readUInt32LE(0) !== 0x04034b50) {
      this.#fail("zip-local-header", `has no local header at byte ${entry.offset}`);
      return;
    }
    const name = header.subarray(localHeaderBytes, localHeaderBytes + nameBytes);
    if (!name.equals(entry.rawName)) this.#disagree("name", quote(name.toString("utf8")), quote(entry.name));
    if (header.readUInt16LE(6) !== entry.flags) this.#disagree("flags", header.readUInt16LE(6), entry.flags);
    if (header.readUInt16LE(8) !== entry.method) this.#disagree("method", header.readUInt16LE(8), entry.method);
    const sizes = widen([header.readUInt32LE(22), header.readUInt32LE(18)], header.subarray(localHeaderBytes + nameBytes));
    if (sizes === undefined) {
      this.#fail("zip-local-header", "has a damaged extra field in its local header");
      return;
    }
    // With a data descriptor the local header may leave these three at zero, since its writer did not know them yet.
    const deferred = (entry.flags & hasDescriptor) !== 0;
    const [bytes = 0, compressedBytes = 0] = sizes;
    const values: readonly (readonly [string, number, number])[] = [
      ["CRC32", header.readUInt32LE(14), entry.crc32],
      ["size", bytes, entry.bytes],
      ["compressed size", compressedBytes, entry.compressedBytes],
    ];
    for (const [what, local, central] of values) if (local !== central && !(deferred && local === 0)) this.#disagree(what, local, central);
  }

  /** The space up to the next entry must be exactly header, data and descriptor. */
  #checkRoom(headerBytes: number): void {
    const { entry } = this;
    if (entry.method === stored && entry.bytes !== entry.compressedBytes) this.#fail("zip-size", `is stored, with ${entry.compressedBytes} bytes for ${entry.bytes}`);
    const room = this.regionEnd - entry.offset - headerBytes - entry.compressedBytes;
    const deferred = (entry.flags & hasDescriptor) !== 0;
    if (room < 0) this.#fail("zip-overlap", `needs ${-room} more bytes than lie before the next one`);
    else if (deferred ? ![12, 16, 20, 24].includes(room) : room !== 0) this.#fail("zip-gap", `is followed by ${room} bytes that belong to nothing`);
  }

  #checkDescriptor(): void {
    const { entry } = this;
    const descriptor = this.#descriptor;
    if (descriptor.length === 0) return;
    const signed = descriptor.length === 16 || descriptor.length === 24;
    const at = signed ? 4 : 0;
    const wide = descriptor.length - at === 20;
    const sizeAt = (index: number): number => (wide ? Number(descriptor.readBigUInt64LE(at + 4 + 8 * index)) : descriptor.readUInt32LE(at + 4 + 4 * index));
    const agrees = (!signed || descriptor.readUInt32LE(0) === 0x08074b50) && descriptor.readUInt32LE(at) === entry.crc32 && sizeAt(0) === entry.compressedBytes && sizeAt(1) === entry.bytes;
    if (!agrees) this.#fail("zip-descriptor", "has a data descriptor that contradicts the central directory");
  }

  #take(piece: Uint8Array): void {
    this.#crc = this.context.memory.crc32(piece, this.#crc);
    this.#sink?.consume(piece, this.#bytes);
    this.#bytes += piece.length;
  }

  #disagree(what: string, local: string | number, central: string | number): void {
    this.#fail("zip-disagreement", `has ${what} ${local} in its local header and ${central} in the central directory`);
  }

  #fail(code: ProblemCode, message: string): void {
    this.#failed = true;
    this.context.problems.add(code, `Entry ${quote(this.entry.name)} ${message}.`, this.entry.name);
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
