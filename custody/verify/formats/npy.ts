// Checks numpy files: one array (.npy), and zip archives of arrays (.npz). Shape, type and length must agree to the byte; floats must be finite.
import type { ProblemCode } from "../codes.js";
import type { CheckContext, FormatCheck } from "../check.js";
import { isNonFinite } from "../finite/kinds.js";
import { FiniteScan } from "../finite/scanner.js";
import { quote, Tally, type Summary } from "../verdict.js";
import { readZipDirectory, type ZipEntry } from "../zip/directory.js";
import { ZipStream, type EntrySink } from "../zip/stream.js";
import { locateNpyHeader, NpyHeaderError, npyPreambleBytes, readNpyHeader, type NpyLayout } from "./npyHeader.js";

/** One array, from the bytes of a file or of an archive's entry. */
class NpySink implements EntrySink {
  #head = Buffer.alloc(0);
  #headerEnd = npyPreambleBytes;
  #dataStart: number | undefined;
  #layout: NpyLayout | undefined;
  #scan: ItemScan | undefined;
  #bytes = 0;
  #failed = false;

  constructor(
    private readonly name: string,
    private readonly context: CheckContext,
    private readonly tally: Tally,
    private readonly entry?: string,
  ) {}

  get limit(): number {
    return this.#layout === undefined || this.#dataStart === undefined ? Infinity : this.#dataStart + this.#layout.dataBytes;
  }

  consume(bytes: Uint8Array, position: number): void {
    this.#bytes = position + bytes.length;
    if (this.#failed) return;
    if (this.#layout === undefined) {
      this.#head = Buffer.concat([this.#head, bytes.subarray(0, Math.max(0, this.#headerEnd - position))]);
      this.#readHead(bytes, position);
    }
    if (this.#dataStart === undefined) return;
    const from = Math.max(0, this.#dataStart - position);
    if (from < bytes.length) this.#scan?.consume(bytes.subarray(from), position + from - this.#dataStart);
  }

  finish(complete: boolean): void {
    if (this.#failed || !complete) return;
    if (this.#layout === undefined || this.#dataStart === undefined) {
      this.#fail("truncated", `It ends after ${this.#bytes} bytes, inside its header.`);
      return;
    }
    const data = this.#bytes - this.#dataStart;
    const { dtype, elements, dataBytes } = this.#layout;
    if (data === dataBytes) this.tally.add(dtype, elements, dataBytes);
    else this.#fail(data < dataBytes ? "truncated" : "trailing-bytes", `Its header promises ${dataBytes} data bytes, and ${data} are there.`);
  }

  /** Twice at most: the preamble says how long the header is. `#head` holds the array's first bytes, up to `#headerEnd`. */
  #readHead(bytes: Uint8Array, position: number): void {
    try {
      if (this.#dataStart === undefined && this.#head.length >= npyPreambleBytes) {
        const { start, end, encoding } = locateNpyHeader(this.#head);
        if (end > this.#headerEnd) {
          this.#head = Buffer.concat([this.#head, bytes.subarray(Math.max(0, this.#headerEnd - position), Math.max(0, end - position))]);
          this.#headerEnd = end;
        }
        if (this.#head.length < end) return;
        this.#layout = readNpyHeader(this.#head.subarray(start, end), encoding);
        this.#dataStart = end;
        this.#scan = itemScan(this.#layout, this.name, this.context, this.tally, this.entry);
      }
    } catch (error) {
      if (!(error instanceof NpyHeaderError)) throw error;
      this.#fail(error.code, error.message);
    }
  }

  #fail(code: ProblemCode, message: string): void {
    this.#failed = true;
    this.context.problems.add(code, `Array ${quote(this.name)}: ${message}`, this.entry ?? this.name);
  }
}

interface ItemScan {
  consume(bytes: Uint8Array, position: number): void;
}

function itemScan(layout: NpyLayout, name: string, context: CheckContext, tally: Tally, entry: string | undefined): ItemScan | undefined {
  const [first] = layout.floats;
  if (first === undefined) return undefined;
  const filled = layout.dtype !== "structured";
  if (filled) return new FiniteScan([{ start: 0, end: layout.dataBytes, kind: first.kind, tensor: name }], context, tally, entry);
  return new StructuredScan(layout, name, context, tally);
}

/** Structured arrays mix kinds inside an item, and are small: one item at a time. */
class StructuredScan implements ItemScan {
  readonly #item: Buffer;
  #filled = 0;
  #index = 0;
  #done = false;

  constructor(
    private readonly layout: NpyLayout,
    private readonly name: string,
    private readonly context: CheckContext,
    private readonly tally: Tally,
  ) {
    this.#item = Buffer.alloc(layout.itemBytes);
  }

  consume(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#done; ) {
      const length = Math.min(bytes.length - at, this.#item.length - this.#filled);
      this.#item.set(bytes.subarray(at, at + length), this.#filled);
      at += length;
      this.#filled += length;
      if (this.#filled === this.#item.length) this.#checkItem();
    }
  }

  #checkItem(): void {
    this.#filled = 0;
    this.#index += 1;
    if (!this.layout.floats.some(({ offset, kind }) => isNonFinite(kind, this.#item, offset))) return;
    this.#done = true;
    if (this.context.mayBeNonFinite(this.name)) this.tally.allowNonFinite(this.name);
    else this.context.problems.add("non-finite", `Array ${quote(this.name)} holds NaN or infinity, first in item ${this.#index - 1}.`, this.name);
  }
}

export class NpyCheck implements FormatCheck {
  readonly #tally = new Tally();
  readonly #array: NpySink;

  constructor(context: CheckContext) {
    this.#array = new NpySink("array", context, this.#tally);
  }

  consume(chunk: Uint8Array, position: number): void {
    this.#array.consume(chunk, position);
  }

  finish(): void {
    this.#array.finish(true);
  }

  summary(): Summary | undefined {
    return this.#tally.tensors === 0 ? undefined : this.#tally.summary();
  }
}

export class NpzCheck implements FormatCheck {
  readonly #tally = new Tally();
  readonly #stream: ZipStream | undefined;

  constructor(context: CheckContext) {
    const directory = readZipDirectory(context);
    for (const { name } of directory?.entries ?? []) {
      if (!name.endsWith(".npy")) context.problems.add("npz-entry", `Entry ${quote(name)} is not an array; every entry of an .npz is a .npy.`, name);
    }
    if (directory === undefined || context.problems.any) return;
    this.#stream = new ZipStream(directory, context, (entry: ZipEntry) => new NpySink(entry.name.slice(0, -".npy".length), context, this.#tally, entry.name));
  }

  async consume(chunk: Uint8Array, position: number): Promise<void> {
    await this.#stream?.consume(chunk, position);
  }

  async finish(): Promise<void> {
    await this.#stream?.finish();
  }

  summary(): Summary | undefined {
    return this.#tally.tensors === 0 ? undefined : this.#tally.summary();
  }
}
