// Reads JSON strictly (RFC 8259), from bytes, without building values unless asked: metrics, safetensors headers and shard indexes.
// Why not JSON.parse: it keeps the last of duplicate keys in silence, accepts any depth, and needs the whole tree in memory.
import type { ProblemCode } from "../codes.js";

export type JsonValue = null | boolean | number | string | JsonValue[] | Map<string, JsonValue>;

export interface StrictJsonOptions {
  /** Objects come back as Maps, so that a key such as "__proto__" is only a key. Without it the text is only checked. */
  readonly build: boolean;
  /** Refuses numbers with a fraction, exponent or minus, and those above 2^53 - 1. */
  readonly naturalNumbers?: boolean;
  readonly maxDepth?: number;
  /** Bounds what a small file can make the reader hold: values when building, keys of open objects otherwise. */
  readonly maxNodes?: number;
}

export class JsonSyntaxError extends Error {
  constructor(
    readonly code: ProblemCode,
    message: string,
    readonly position: number,
  ) {
    super(`${message} (byte ${position})`);
  }
}

/** Throws JsonSyntaxError for the first thing wrong; returns the value when building and null otherwise. `bytes` must be UTF-8. */
export function readStrictJson(bytes: Buffer, options: StrictJsonOptions): JsonValue {
  return new Reader(bytes, options).document();
}

const quoteMark = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;

class Reader {
  #at = 0;
  #depth = 0;
  #nodes = 0;
  readonly #maxDepth: number;
  readonly #maxNodes: number;

  constructor(
    private readonly bytes: Buffer,
    private readonly options: StrictJsonOptions,
  ) {
    this.#maxDepth = options.maxDepth ?? 500;
    this.#maxNodes = options.maxNodes ?? 2_000_000;
  }

  document(): JsonValue {
    if (this.bytes[0] === 0xef && this.bytes[1] === 0xbb && this.bytes[2] === 0xbf) this.#fail("json-bom", "The text starts with a byte order mark");
    this.#space();
    if (this.#at >= this.bytes.length) this.#fail("empty", "There is nothing in it but white space");
    const value = this.#value();
    this.#space();
    if (this.#at < this.bytes.length) this.#fail("trailing-bytes", "More text follows the end of the value");
    return value;
  }

  #value(): JsonValue {
    if (this.options.build) this.#count();
    switch (this.bytes[this.#at] ?? 0) {
      case 0x7b:
        return this.#nested(() => this.#object());
      case 0x5b:
        return this.#nested(() => this.#array());
      case quoteMark:
        return this.#string(this.options.build) ?? null;
      case 0x74:
        return this.#word("true", true);
      case 0x66:
        return this.#word("false", false);
      case 0x6e:
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #nested(read: () => JsonValue): JsonValue {
    this.#depth += 1;
    if (this.#depth > this.#maxDepth) this.#fail("json-too-deep", `Nested deeper than ${this.#maxDepth} levels`);
    this.#at += 1;
    this.#space();
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #object(): JsonValue {
    const members = new Map<string, JsonValue>();
    if (this.#take(0x7d)) return members;
    for (;;) {
      const start = this.#at;
      if (this.bytes[start] !== quoteMark) this.#fail("json-syntax", "Expected a key in double quotes");
      const key = this.#string(true) ?? "";
      if (members.has(key)) this.#fail("duplicate-key", `Key ${JSON.stringify(key.slice(0, 200))} appears twice in one object`, start);
      if (!this.options.build) this.#count();
      this.#space();
      if (!this.#take(colon)) this.#fail("json-syntax", "Expected ':' after a key");
      this.#space();
      const value = this.#value();
      members.set(key, this.options.build ? value : null);
      this.#space();
      if (this.#take(0x7d)) break;
      if (!this.#take(comma)) this.#fail("json-syntax", "Expected ',' or '}'");
      this.#space();
    }
    if (this.options.build) return members;
    this.#nodes -= members.size;
    return null;
  }

  #array(): JsonValue {
    const items: JsonValue[] = [];
    if (this.#take(0x5d)) return items;
    for (;;) {
      const value = this.#value();
      if (this.options.build) items.push(value);
      this.#space();
      if (this.#take(0x5d)) return items;
      if (!this.#take(comma)) this.#fail("json-syntax", "Expected ',' or ']'");
      this.#space();
    }
  }

  #string(decode: boolean): string | undefined {
    const start = this.#at;
    this.#at += 1;
    let escaped = false;
    for (;;) {
      const byte = this.bytes[this.#at];
      if (byte === undefined) this.#fail("json-syntax", "The text ends inside a string", start);
      else if (byte === quoteMark) break;
      else if (byte < 0x20) this.#fail("json-syntax", "A control character inside a string must be escaped");
      else if (byte === backslash) {
        escaped = true;
        this.#escape();
      } else this.#at += 1;
    }
    this.#at += 1;
    if (!decode) return undefined;
    return escaped ? (JSON.parse(this.bytes.toString("utf8", start, this.#at)) as string) : this.bytes.toString("utf8", start + 1, this.#at - 1);
  }

  #escape(): void {
    const kind = this.bytes[this.#at + 1];
    if (kind === 0x75) {
      if (!/^[0-9a-fA-F]{4}$/.test(this.bytes.toString("latin1", this.#at + 2, this.#at + 6))) this.#fail("json-syntax", "\\u needs four hexadecimal digits");
      this.#at += 6;
    } else if (kind !== undefined && '"\\/bfnrt'.includes(String.fromCharCode(kind))) this.#at += 2;
    else this.#fail("json-syntax", "Unknown escape in a string");
  }

  #word<T extends JsonValue>(word: string, value: T): T {
    if (this.bytes.toString("latin1", this.#at, this.#at + word.length) !== word) this.#fail("json-syntax", "Expected a value");
    this.#at += word.length;
    return value;
  }

  #number(): JsonValue {
    const start = this.#at;
    while (isNumberByte(this.bytes[this.#at])) this.#at += 1;
    const text = this.bytes.toString("latin1", start, this.#at);
    if (!/^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(text)) {
      const here = this.bytes.toString("latin1", start, start + 9);
      if (/^-?(?:NaN|Infinity)/.test(here)) this.#fail("json-non-finite", "NaN and Infinity are not JSON; whatever reads this next may refuse it", start);
      this.#fail("json-syntax", "Expected a value", start);
    }
    const value = Number(text);
    if (!Number.isFinite(value)) this.#fail("json-non-finite", `The number ${text.slice(0, 40)} is beyond what a float64 holds`, start);
    if (this.options.naturalNumbers === true && (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(value))) {
      this.#fail("json-syntax", `Expected a whole number of at most 2^53 - 1, found ${text.slice(0, 40)}`, start);
    }
    return value;
  }

  #space(): void {
    for (let byte = this.bytes[this.#at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = this.bytes[this.#at]) this.#at += 1;
  }

  #take(byte: number): boolean {
    if (this.bytes[this.#at] !== byte) return false;
    this.#at += 1;
    return true;
  }

  #count(): void {
    this.#nodes += 1;
    if (this.#nodes > this.#maxNodes) this.#fail("json-too-large", `More than ${this.#maxNodes} ${this.options.build ? "values" : "keys at once"}`);
  }

  #fail(code: ProblemCode, message: string, position = this.#at): never {
    throw new JsonSyntaxError(code, message, position);
  }
}

function isNumberByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2e || byte === 0x2b || byte === 0x2d || byte === 0x45 || byte === 0x65;
}
