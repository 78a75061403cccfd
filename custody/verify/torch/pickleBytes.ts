// Reads the operands of a pickle's opcodes from its bytes: CPython's Lib/pickletools.py describes each.
import { isUtf8 } from "node:buffer";
import type { ProblemCode } from "../codes.js";
import { BytesValue, LongText, opaque, type Symbolic } from "./symbols.js";
import { CheckpointError } from "./tensors.js";

/** A text longer than this is never a name; its content is not kept. */
const maxTextBytes = 4096;

/** Every method throws CheckpointError where the bytes end too early. */
export class PickleBytes {
  #at = 0;
  /** Python reads a frame at once: no operand may reach across its end. */
  #frameEnd = 0;

  constructor(private readonly bytes: Buffer) {}

  get position(): number {
    return this.#at;
  }

  get left(): number {
    return this.bytes.length - this.#at;
  }

  frame(): void {
    const length = this.natural(8);
    if (this.#at < this.#frameEnd) this.fail("pickle-opcode", "It begins a frame inside another");
    if (length > this.left) this.fail("truncated", "It ends inside a frame");
    this.#frameEnd = this.#at + length;
  }

  byte(): number {
    const byte = this.bytes[this.#at];
    if (byte === undefined) this.fail("truncated", "It ends without its STOP");
    this.#at += 1;
    return byte;
  }

  /** Unsigned, little end first. */
  natural(width: 1 | 2 | 4 | 8): number {
    const field = this.#take(width);
    return width === 8 ? Number(field.readBigUInt64LE()) : field.readUIntLE(0, width);
  }

  int32(): number {
    return this.#take(4).readInt32LE();
  }

  skip(length: number): void {
    this.#take(length);
  }

  blob(length: number): BytesValue {
    this.#take(length);
    return new BytesValue(length);
  }

  text(length: number): string | LongText {
    const text = this.#take(length);
    if (!isUtf8(text)) this.fail("pickle-opcode", "It has a text that is not UTF-8");
    if (length <= maxTextBytes) return text.toString("utf8");
    let characters = 0;
    for (const byte of text) if ((byte & 0xc0) !== 0x80) characters += 1;
    return new LongText(characters);
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.#at);
    if (end < 0 || end - this.#at > maxTextBytes) this.fail("truncated", "It ends inside a line");
    const line = this.bytes.subarray(this.#at, end);
    if (!isUtf8(line)) this.fail("pickle-opcode", "It has a text that is not UTF-8");
    this.#stayInFrame(end + 1);
    this.#at = end + 1;
    return line.toString("utf8");
  }

  /** A line of decimal digits; 00 and 01 are the booleans of protocol 1. */
  decimal(): Symbolic {
    const text = this.line();
    if (text === "00" || text === "01") return text === "01";
    const digits = /^(-?[0-9]+)L?$/.exec(text)?.[1];
    if (digits === undefined) this.fail("pickle-opcode", "It has a number that is none");
    return digits.length < 16 ? Number(digits) : opaque;
  }

  /** A line with what Python's repr() of a float writes. */
  float(): Symbolic {
    if (!/^(?:[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?(?:inf|nan))$/.test(this.line())) this.fail("pickle-opcode", "It has a number that is none");
    return opaque;
  }

  /** Two's complement, little end first. What does not fit a safe integer is no size, offset or key. */
  long(length: number): Symbolic {
    const bytes = this.#take(length);
    if (length > 8) return opaque;
    let value = 0n;
    for (const [index, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(8 * index);
    const signed = Number(BigInt.asIntN(8 * length, value));
    return Number.isSafeInteger(signed) ? signed : opaque;
  }

  fail(code: ProblemCode, message: string): never {
    throw new CheckpointError(code, `The pickle cannot be read on at byte ${this.#at}: ${message}.`);
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.bytes.length) this.fail("truncated", "It ends inside an operand");
    this.#stayInFrame(end);
    const taken = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  #stayInFrame(end: number): void {
    if (this.#at < this.#frameEnd && end > this.#frameEnd) this.fail("pickle-opcode", "An operand reaches across the end of a frame");
  }
}
