// Reads a pickle without unpickling: an interpreter of its opcodes over symbols. Names outside the list are refused and never looked up.
// Opcodes and their arguments: CPython's Lib/pickle.py and Lib/pickletools.py, protocols 1 to 5.
import { quote } from "../verdict.js";
import { fillNumpyArray, globalRule, normalizeGlobal, type Findings } from "./globals.js";
import {
  BytesValue, Container, GlobalName, Instance, LongText, NumpyArray, NumpyType, opaque, Placed, TupleValue, type Symbolic,
} from "./symbols.js";
import { CheckpointError } from "./tensors.js";

/** A text longer than this is never a name; its content is not kept. */
const maxTextBytes = 4096;
const maxStack = 250_000;
const maxMemo = 1_500_000;
/** The keys under which trainers put the model's parameters. */
const modelKeys = new Set(["model", "model_state_dict", "state_dict"]);

/** Throws CheckpointError when the pickle cannot be read on; refused names and wrong tensors are problems in `findings`. */
export function readPickle(bytes: Buffer, findings: Findings): Symbolic {
  return new PickleReader(bytes, findings).read();
}

class PickleReader {
  #at = 0;
  readonly #stack: Symbolic[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, Symbolic>();
  readonly #refused = new Set<string>();

  constructor(
    private readonly bytes: Buffer,
    private readonly findings: Findings,
  ) {}

  read(): Symbolic {
    for (;;) {
      const start = this.#at;
      const opcode = this.#byte();
      if (opcode === 0x2e) break; // STOP
      this.#step(opcode, start);
      if (this.#stack.length > maxStack || this.#memo.size > maxMemo) this.#fail("torch-too-large", "It needs more memory than a checkpoint's description should");
    }
    if (this.#at !== this.bytes.length) this.#fail("trailing-bytes", `${this.bytes.length - this.#at} bytes follow its end`);
    const result = this.#pop();
    if (this.#stack.length > 0 || this.#marks.length > 0) this.#fail("pickle-stack", "It leaves more than one value");
    return result;
  }

  #step(opcode: number, start: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        if (this.#byte() > 5) this.#fail("pickle-protocol", "Its protocol is newer than 5");
        return;
      case 0x95: // FRAME
        this.#skip(8);
        return;
      case 0x28: // MARK
        this.#marks.push(this.#stack.length);
        if (this.#marks.length > maxStack) this.#fail("torch-too-large", "It opens too many marks");
        return;
      case 0x30: // POP
        if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
        else this.#pop();
        return;
      case 0x31: // POP_MARK
        this.#popMark();
        return;
      case 0x32: // DUP
        this.#push(this.#top());
        return;
      case 0x4e: // NONE
        return this.#push(null);
      case 0x88: // NEWTRUE
        return this.#push(true);
      case 0x89: // NEWFALSE
        return this.#push(false);
      case 0x4b: // BININT1
        return this.#push(this.#byte());
      case 0x4d: // BININT2
        return this.#push(this.#take(2).readUInt16LE());
      case 0x4a: // BININT
        return this.#push(this.#take(4).readInt32LE());
      case 0x8a: // LONG1
        return this.#push(this.#long(this.#byte()));
      case 0x8b: // LONG4
        return this.#push(this.#long(this.#take(4).readUInt32LE()));
      case 0x49: // INT: a line of decimal digits, or 00 and 01 for the booleans
      case 0x4c: // LONG
        return this.#push(this.#decimal());
      case 0x46: // FLOAT
        this.#line();
        return this.#push(opaque);
      case 0x47: // BINFLOAT
        this.#skip(8);
        return this.#push(opaque);
      case 0x8c: // SHORT_BINUNICODE
        return this.#push(this.#text(this.#byte()));
      case 0x58: // BINUNICODE
        return this.#push(this.#text(this.#take(4).readUInt32LE()));
      case 0x8d: // BINUNICODE8
        return this.#push(this.#text(this.#length8()));
      case 0x55: // SHORT_BINSTRING: the text of Python 2
        return this.#push(this.#text(this.#byte()));
      case 0x54: // BINSTRING
        return this.#push(this.#text(this.#take(4).readUInt32LE()));
      case 0x43: // SHORT_BINBYTES
        return this.#push(this.#skippedBytes(this.#byte()));
      case 0x42: // BINBYTES
        return this.#push(this.#skippedBytes(this.#take(4).readUInt32LE()));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#push(this.#skippedBytes(this.#length8()));
      case 0x29: // EMPTY_TUPLE
        return this.#push(new TupleValue([]));
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#push(new TupleValue(this.#popCount(opcode - 0x84)));
      case 0x74: // TUPLE
        return this.#push(new TupleValue(this.#popMark()));
      case 0x7d: // EMPTY_DICT
        return this.#push(new Container("dict"));
      case 0x5d: // EMPTY_LIST
        return this.#push(new Container("list"));
      case 0x8f: // EMPTY_SET
        return this.#push(new Container("set"));
      case 0x91: // FROZENSET
        return this.#push(this.#fill(new Container("set"), this.#popMark()));
      case 0x6c: // LIST
        return this.#push(this.#fill(new Container("list"), this.#popMark()));
      case 0x64: // DICT
        return this.#push(this.#fill(new Container("dict"), this.#popMark()));
      case 0x61: // APPEND
        return this.#extend(this.#popCount(1));
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        return this.#extend(this.#popMark());
      case 0x73: // SETITEM
        return this.#extend(this.#popCount(2), "dict");
      case 0x75: // SETITEMS
        return this.#extend(this.#popMark(), "dict");
      case 0x71: // BINPUT
        return this.#memoize(this.#byte());
      case 0x72: // LONG_BINPUT
        return this.#memoize(this.#take(4).readUInt32LE());
      case 0x70: // PUT
        return this.#memoize(Number(this.#line()));
      case 0x94: // MEMOIZE
        return this.#memoize(this.#memo.size);
      case 0x68: // BINGET
        return this.#recall(this.#byte());
      case 0x6a: // LONG_BINGET
        return this.#recall(this.#take(4).readUInt32LE());
      case 0x67: // GET
        return this.#recall(Number(this.#line()));
      case 0x63: // GLOBAL
        return this.#global(this.#line(), this.#line(), start);
      case 0x93: { // STACK_GLOBAL
        const [module, name] = this.#popCount(2);
        if (typeof module !== "string" || typeof name !== "string") return this.#fail("pickle-global", "It names a class by something that is no text");
        return this.#global(module, name, start);
      }
      case 0x51: // BINPERSID
        return this.#push(this.findings.catalogue.addStorage(this.#pop()));
      case 0x52: // REDUCE
        return this.#reduce(start);
      case 0x81: // NEWOBJ
        return this.#create(2);
      case 0x92: // NEWOBJ_EX
        return this.#create(3);
      case 0x62: // BUILD
        return this.#build();
      default:
        this.#at = start;
        this.#fail("pickle-opcode", `Opcode 0x${opcode.toString(16).padStart(2, "0")} is not one that checkpoints use`);
    }
  }

  #global(module: string, name: string, start: number): void {
    const full = normalizeGlobal(module, name);
    if (globalRule(full) === undefined && !this.#refused.has(full)) {
      this.#refused.add(full);
      if (this.#refused.size > 1000) this.#fail("pickle-global", "It names more than a thousand classes and functions that are not on the list");
      this.findings.problems.add(
        "pickle-global",
        `The pickle names ${quote(`${module}.${name}`)}, which is not on the list of what a checkpoint may name; loading it would import that. Nothing was run. ` +
          "Save a state dict of tensors and plain values instead.",
        `data.pkl byte ${start}`,
      );
    }
    this.#push(new GlobalName(full));
  }

  #reduce(start: number): void {
    const [callee, args] = this.#popCount(2);
    if (!(args instanceof TupleValue)) return this.#fail("pickle-call", "It calls something with arguments that are no tuple");
    const rule = callee instanceof GlobalName ? globalRule(callee.name) : undefined;
    if (rule?.reduce !== undefined) return this.#push(rule.reduce(args.items, this.findings));
    this.#refuseCall(callee, `data.pkl byte ${start}`);
  }

  #create(operands: number): void {
    const [type] = this.#popCount(operands);
    const rule = type instanceof GlobalName ? globalRule(type.name) : undefined;
    if (rule?.creates === true && rule.reduce !== undefined) return this.#push(rule.reduce([], this.findings));
    this.#refuseCall(type, `data.pkl byte ${this.#at - 1}`);
  }

  /** A call of a refused name was already reported with the name. */
  #refuseCall(callee: Symbolic | undefined, where: string): void {
    const name = callee instanceof GlobalName ? callee.name : undefined;
    if (name === undefined || !this.#refused.has(name)) {
      this.findings.problems.add("pickle-call", `The pickle calls ${name === undefined ? "a value that is no function" : quote(name)}, which a checkpoint has no reason to call. Nothing was run.`, where);
    }
    this.#push(new Instance("refused", true));
  }

  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    if (target instanceof NumpyArray) fillNumpyArray(target, state, this.findings);
    else if (target instanceof Container || target instanceof NumpyType || (target instanceof Instance && target.takesState)) return;
    else this.#fail("pickle-build", "It sets the state of a value that takes none");
  }

  #extend(items: readonly Symbolic[], kind?: "dict"): void {
    const target = this.#top();
    // A refused object may take anything: the file has failed, and reading on finds what else is wrong.
    if (target instanceof Instance && target.type === "refused") return;
    if (!(target instanceof Container) || (kind === "dict") !== (target.kind === "dict")) return this.#fail("pickle-stack", "It adds members to a value that has none");
    this.#fill(target, items);
  }

  #fill(target: Container, items: readonly Symbolic[]): Container {
    if (target.kind !== "dict") {
      for (const item of items) if (item instanceof Placed) item.place(target, String(target.size++));
        else target.size += 1;
      return target;
    }
    if (items.length % 2 !== 0) this.#fail("pickle-stack", "It gives a dict a key without a value");
    for (let index = 0; index < items.length; index += 2) {
      const [key, item] = [items[index], items[index + 1]];
      if (!(item instanceof Placed) || (typeof key !== "string" && typeof key !== "number")) continue;
      item.place(target, String(key));
      if (item instanceof Container && modelKeys.has(String(key))) this.findings.models.push(item);
    }
    target.size += items.length / 2;
    return target;
  }

  #push(value: Symbolic): void {
    this.#stack.push(value);
  }

  #pop(): Symbolic {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.#fail("pickle-stack", "It takes a value from an empty stack");
    return this.#stack.pop() ?? null;
  }

  #popCount(count: number): Symbolic[] {
    if (this.#stack.length - count < (this.#marks.at(-1) ?? 0)) this.#fail("pickle-stack", "It takes more values than there are");
    return this.#stack.splice(this.#stack.length - count, count);
  }

  #popMark(): Symbolic[] {
    const mark = this.#marks.pop();
    if (mark === undefined) return this.#fail("pickle-stack", "It closes a mark that was never opened");
    return this.#stack.splice(mark);
  }

  #top(): Symbolic {
    const value = this.#stack.at(-1);
    if (value === undefined || this.#stack.length <= (this.#marks.at(-1) ?? 0)) return this.#fail("pickle-stack", "It looks at an empty stack");
    return value;
  }

  #memoize(slot: number): void {
    if (!Number.isSafeInteger(slot) || slot < 0) this.#fail("pickle-stack", "It uses a memo slot that is no number");
    this.#memo.set(slot, this.#top());
  }

  #recall(slot: number): void {
    const value = this.#memo.get(slot);
    if (value === undefined) return this.#fail("pickle-stack", `It recalls memo ${slot}, which was never stored`);
    this.#push(value);
  }

  #byte(): number {
    const byte = this.bytes[this.#at];
    if (byte === undefined) return this.#fail("truncated", "It ends without its STOP");
    this.#at += 1;
    return byte;
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.bytes.length) this.#fail("truncated", "It ends inside an operand");
    const taken = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  #skip(length: number): void {
    this.#take(length);
  }

  #length8(): number {
    return Number(this.#take(8).readBigUInt64LE());
  }

  #skippedBytes(length: number): BytesValue {
    this.#skip(length);
    return new BytesValue(length);
  }

  #text(length: number): string | LongText {
    const text = this.#take(length);
    if (length <= maxTextBytes) return text.toString("utf8");
    let characters = 0;
    for (const byte of text) if ((byte & 0xc0) !== 0x80) characters += 1;
    return new LongText(characters);
  }

  #line(): string {
    const end = this.bytes.indexOf(0x0a, this.#at);
    if (end < 0 || end - this.#at > maxTextBytes) return this.#fail("truncated", "It ends inside a line");
    const line = this.bytes.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return line;
  }

  #decimal(): Symbolic {
    const text = this.#line();
    if (text === "00" || text === "01") return text === "01";
    const digits = /^(-?[0-9]+)L?$/.exec(text)?.[1];
    if (digits === undefined) return this.#fail("pickle-opcode", "It has a number that is none");
    return digits.length < 16 ? Number(digits) : opaque;
  }

  /** Two's complement, little end first. What does not fit a safe integer is no size, offset or key. */
  #long(length: number): Symbolic {
    const bytes = this.#take(length);
    if (length > 8) return opaque;
    let value = 0n;
    for (const [index, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(8 * index);
    const signed = Number(BigInt.asIntN(8 * length, value));
    return Number.isSafeInteger(signed) ? signed : opaque;
  }

  #fail(code: string, message: string): never {
    throw new CheckpointError(code, `The pickle cannot be read on at byte ${this.#at}: ${message}.`);
  }
}
