// Writes pickles with every opcode that has the same meaning, as different Pythons, protocols and picklers do.
import { littleEndian } from "../../verify/forge.js";

export type PickleValue =
  | null
  | boolean
  | bigint
  | string
  | Uint8Array
  | { readonly float: number }
  | { readonly tuple: readonly PickleValue[] }
  | { readonly list: readonly PickleValue[] }
  | { readonly set: readonly PickleValue[] }
  | { readonly dict: readonly (readonly [PickleValue, PickleValue])[] }
  | { readonly ordered: readonly (readonly [PickleValue, PickleValue])[] }
  | { readonly global: readonly [module: string, name: string] }
  | { readonly call: PickleValue; readonly args: readonly PickleValue[]; readonly state?: PickleValue }
  | { readonly persistent: PickleValue }
  /** Opcodes as they are: what no pickler would write. */
  | { readonly opcodes: Uint8Array };

/** `spelling` decides between equal opcodes, one number after the other, again and again. */
export function writePickle(value: PickleValue, protocol: number, spelling: readonly number[]): Buffer {
  const pickler = new Pickler(protocol, spelling.length === 0 ? [0] : spelling);
  return Buffer.concat([Buffer.from([0x80, protocol]), ...(protocol >= 4 && pickler.flip() ? [Buffer.from([0x95]), littleEndian(8, 0)] : []), pickler.value(value), Buffer.from(".")]);
}

const text = (opcodes: string): Buffer => Buffer.from(opcodes, "latin1");

class Pickler {
  #choices = 0;
  #slots = 0;
  readonly #memo = new Map<string, number>();

  constructor(
    private readonly protocol: number,
    private readonly spelling: readonly number[],
  ) {}

  flip(): boolean {
    return this.#choose(2) === 1;
  }

  value(value: PickleValue): Buffer {
    if (value === null) return text("N");
    if (typeof value === "boolean") return value ? Buffer.from([0x88]) : Buffer.from([0x89]);
    if (typeof value === "bigint") return this.#int(value);
    if (typeof value === "string") return this.#memoized(`text ${value}`, () => this.#text(value));
    if (value instanceof Uint8Array) return this.#bytes(value);
    if ("float" in value) return this.#float(value.float);
    if ("tuple" in value) return this.#tuple(value.tuple);
    if ("list" in value) return this.#list(value.list);
    if ("set" in value) return this.#set(value.set);
    if ("dict" in value) return this.#dict(text("}"), value.dict);
    if ("ordered" in value) return this.#dict(this.value({ call: { global: ["collections", "OrderedDict"] }, args: [] }), value.ordered, false);
    if ("global" in value) return this.#memoized(`global ${value.global.join(".")}`, () => this.#global(...value.global));
    if ("call" in value) return Buffer.concat([this.value(value.call), this.#tuple(value.args), text("R"), ...(value.state === undefined ? [] : [this.value(value.state), text("b")])]);
    if ("persistent" in value) return Buffer.concat([this.value(value.persistent), text("Q")]);
    return Buffer.from(value.opcodes);
  }

  #choose(ways: number): number {
    this.#choices += 1;
    return (this.spelling[this.#choices % this.spelling.length] ?? 0) % ways;
  }

  /** Stored under a memo slot when met first, sometimes recalled when met again. */
  #memoized(key: string, write: () => Buffer): Buffer {
    const slot = this.#memo.get(key);
    if (slot !== undefined && this.flip()) return slot < 256 && this.flip() ? Buffer.from([0x68, slot]) : this.flip() ? Buffer.concat([text("j"), littleEndian(4, slot)]) : text(`g${slot}\n`);
    const written = write();
    if (slot !== undefined || this.flip()) return written;
    const next = this.#slots++;
    this.#memo.set(key, next);
    const puts = [next < 256 ? Buffer.from([0x71, next]) : Buffer.concat([text("r"), littleEndian(4, next)]), text(`p${next}\n`), Buffer.from([0x94])];
    return Buffer.concat([written, puts[this.#choose(this.protocol >= 4 ? 3 : 2)] ?? Buffer.alloc(0)]);
  }

  #int(value: bigint): Buffer {
    const ways: Buffer[] = [text(`I${value}\n`), text(`L${value}L\n`)];
    if (value >= 0n && value < 256n) ways.push(Buffer.from([0x4b, Number(value)]));
    if (value >= 0n && value < 65536n) ways.push(Buffer.concat([text("M"), littleEndian(2, value)]));
    if (BigInt.asIntN(32, value) === value) ways.push(Buffer.concat([text("J"), littleEndian(4, BigInt.asUintN(32, value))]));
    if (BigInt.asIntN(64, value) === value) ways.push(Buffer.concat([Buffer.from([0x8a, 8]), littleEndian(8, BigInt.asUintN(64, value))]));
    return ways[this.#choose(ways.length)] ?? text("N");
  }

  #text(value: string): Buffer {
    const utf8 = Buffer.from(value);
    const ways = [Buffer.concat([text("X"), littleEndian(4, utf8.length), utf8]), Buffer.concat([Buffer.from([0x8d]), littleEndian(8, utf8.length), utf8])];
    if (utf8.length < 256) ways.push(Buffer.concat([Buffer.from([0x8c, utf8.length]), utf8]));
    return ways[this.#choose(ways.length)] ?? text("N");
  }

  /** Protocol 2 has no bytes: they travel as latin-1 text. */
  #bytes(value: Uint8Array): Buffer {
    if (this.protocol < 3) return this.value({ call: { global: ["_codecs", "encode"] }, args: [Buffer.from(value).toString("latin1"), "latin1"] });
    const ways = [Buffer.concat([text("B"), littleEndian(4, value.length), value]), Buffer.concat([Buffer.from([0x8e]), littleEndian(8, value.length), value])];
    if (value.length < 256) ways.push(Buffer.concat([Buffer.from([0x43, value.length]), value]));
    return ways[this.#choose(ways.length)] ?? text("N");
  }

  #float(value: number): Buffer {
    const field = Buffer.alloc(8);
    field.writeDoubleBE(value);
    return this.flip() && Number.isFinite(value) ? text(`F${value}\n`) : Buffer.concat([text("G"), field]);
  }

  #tuple(items: readonly PickleValue[]): Buffer {
    const marked = (): Buffer => Buffer.concat([text("("), ...items.map((item) => this.value(item)), text("t")]);
    if (items.length > 3 || this.flip()) return marked();
    return Buffer.concat([...items.map((item) => this.value(item)), items.length === 0 ? text(")") : Buffer.from([0x84 + items.length])]);
  }

  #list(items: readonly PickleValue[]): Buffer {
    switch (this.#choose(3)) {
      case 0:
        return Buffer.concat([text("]("), ...items.map((item) => this.value(item)), text("e")]);
      case 1:
        return Buffer.concat([text("]"), ...items.flatMap((item) => [this.value(item), text("a")])]);
      default:
        return Buffer.concat([text("("), ...items.map((item) => this.value(item)), text("l")]);
    }
  }

  #set(items: readonly PickleValue[]): Buffer {
    if (this.protocol < 4 || this.flip()) return this.value({ call: { global: [this.protocol < 3 ? "__builtin__" : "builtins", "set"] }, args: [{ list: items }] });
    const members = items.map((item) => this.value(item));
    return this.flip() ? Buffer.concat([Buffer.from([0x8f]), text("("), ...members, Buffer.from([0x90])]) : Buffer.concat([text("("), ...members, Buffer.from([0x91])]);
  }

  #dict(start: Buffer, items: readonly (readonly [PickleValue, PickleValue])[], plain = true): Buffer {
    const pairs = (): Buffer[] => items.map(([key, item]) => Buffer.concat([this.value(key), this.value(item)]));
    const way = this.#choose(plain ? 3 : 2);
    if (way === 0) return Buffer.concat([start, text("("), ...pairs(), text("u")]);
    if (way === 1) return Buffer.concat([start, ...pairs().flatMap((pair) => [pair, text("s")])]);
    return Buffer.concat([text("("), ...pairs(), text("d")]);
  }

  #global(module: string, name: string): Buffer {
    if (this.flip()) return Buffer.from(`c${module}\n${name}\n`, "utf8");
    return Buffer.concat([this.value(module), this.value(name), Buffer.from([0x93])]);
  }
}
