// Reads a pickle without unpickling: an interpreter of its opcodes over symbols. Names outside the list are refused and never looked up.
// Opcodes and their arguments: CPython's Lib/pickle.py and Lib/pickletools.py, protocols 1 to 5.
import type { ProblemCode } from "../codes.js";
import { quote } from "../verdict.js";
import { fillNumpyArray, globalRule, normalizeGlobal, type Findings } from "./globals.js";
import { PickleBytes } from "./pickleBytes.js";
import { Container, GlobalName, Instance, NumpyArray, NumpyType, opaque, Placed, TupleValue, type Symbolic } from "./symbols.js";

/** Pickles put members on the stack a thousand at a time, and memoize texts and containers; beyond these a forged one fills the memory. */
const maxStack = 250_000;
const maxMemo = 800_000;
/** Keys of all its dicts: five per parameter in an optimizer's state. */
const maxKeys = 2_000_000;
/** Opcodes that Python knows and no checkpoint has: calls without a REDUCE, numbered classes, and objects from outside the pickle. */
const refusedOpcodes: Readonly<Record<number, string>> = { 0x69: "INST", 0x6f: "OBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x50: "PERSID", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER" };
/** The keys under which trainers put the model's parameters. */
const modelKeys = new Set(["model", "model_state_dict", "state_dict"]);

/** Throws CheckpointError when the pickle cannot be read on; refused names and wrong tensors are problems in `findings`. */
export function readPickle(bytes: Buffer, findings: Findings): Symbolic {
  return new PickleReader(bytes, findings).read();
}

class PickleReader {
  readonly #bytes: PickleBytes;
  readonly #stack: Symbolic[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, Symbolic>();
  readonly #refused = new Set<string>();
  #keys = 0;

  constructor(
    bytes: Buffer,
    private readonly findings: Findings,
  ) {
    this.#bytes = new PickleBytes(bytes);
  }

  read(): Symbolic {
    for (;;) {
      const start = this.#bytes.position;
      const opcode = this.#bytes.byte();
      if (opcode === 0x2e) break; // STOP
      const value = this.#literal(opcode);
      if (value === undefined) this.#operate(opcode, start);
      else this.#stack.push(value);
      if (this.#stack.length > maxStack || this.#marks.length > maxStack || this.#memo.size > maxMemo) {
        this.#fail("torch-too-large", "It needs more memory than a checkpoint's description should");
      }
    }
    if (this.#bytes.left > 0) this.#fail("trailing-bytes", `${this.#bytes.left} bytes follow its end`);
    const result = this.#pop();
    if (this.#stack.length > 0 || this.#marks.length > 0) this.#fail("pickle-stack", "It leaves more than one value");
    return result;
  }

  /** Opcodes that only put a value on the stack; undefined for the others. */
  #literal(opcode: number): Symbolic | undefined {
    const bytes = this.#bytes;
    switch (opcode) {
      case 0x4e: // NONE
        return null;
      case 0x88: // NEWTRUE
        return true;
      case 0x89: // NEWFALSE
        return false;
      case 0x4b: // BININT1
        return bytes.byte();
      case 0x4d: // BININT2
        return bytes.natural(2);
      case 0x4a: // BININT
        return bytes.int32();
      case 0x8a: // LONG1
        return bytes.long(bytes.byte());
      case 0x8b: // LONG4
        return bytes.long(bytes.natural(4));
      case 0x49: // INT
      case 0x4c: // LONG
        return bytes.decimal();
      case 0x46: // FLOAT
        return bytes.float();
      case 0x47: // BINFLOAT
        bytes.skip(8);
        return opaque;
      case 0x8c: // SHORT_BINUNICODE
      case 0x55: // SHORT_BINSTRING: the text of Python 2
        return bytes.text(bytes.byte());
      case 0x58: // BINUNICODE
      case 0x54: // BINSTRING
        return bytes.text(bytes.natural(4));
      case 0x8d: // BINUNICODE8
        return bytes.text(bytes.natural(8));
      case 0x43: // SHORT_BINBYTES
        return bytes.blob(bytes.byte());
      case 0x42: // BINBYTES
        return bytes.blob(bytes.natural(4));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return bytes.blob(bytes.natural(8));
      case 0x29: // EMPTY_TUPLE
        return new TupleValue([]);
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return new TupleValue(this.#popCount(opcode - 0x84));
      case 0x74: // TUPLE
        return new TupleValue(this.#popMark());
      case 0x7d: // EMPTY_DICT
        return new Container("dict");
      case 0x5d: // EMPTY_LIST
        return new Container("list");
      case 0x8f: // EMPTY_SET
        return new Container("set");
      case 0x64: // DICT
        return this.#fill(new Container("dict"), this.#popMark());
      case 0x6c: // LIST
        return this.#fill(new Container("list"), this.#popMark());
      case 0x91: // FROZENSET
        return this.#fill(new Container("set"), this.#popMark());
      case 0x32: // DUP
        return this.#top();
      case 0x68: // BINGET
        return this.#recall(bytes.byte());
      case 0x6a: // LONG_BINGET
        return this.#recall(bytes.natural(4));
      case 0x67: // GET
        return this.#recall(Number(bytes.line()));
      case 0x51: // BINPERSID
        return this.findings.catalogue.addStorage(this.#pop());
      default:
        return undefined;
    }
  }

  #operate(opcode: number, start: number): void {
    const bytes = this.#bytes;
    switch (opcode) {
      case 0x80: // PROTO
        if (bytes.byte() > 5) this.#fail("pickle-protocol", "Its protocol is newer than 5");
        break;
      case 0x95: // FRAME
        bytes.frame();
        break;
      case 0x28: // MARK
        this.#marks.push(this.#stack.length);
        break;
      case 0x30: // POP
        if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
        else this.#pop();
        break;
      case 0x31: // POP_MARK
        this.#popMark();
        break;
      case 0x61: // APPEND
        this.#extend(this.#popCount(1));
        break;
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        this.#extend(this.#popMark());
        break;
      case 0x73: // SETITEM
        this.#extend(this.#popCount(2), "dict");
        break;
      case 0x75: // SETITEMS
        this.#extend(this.#popMark(), "dict");
        break;
      case 0x71: // BINPUT
        this.#memoize(bytes.byte());
        break;
      case 0x72: // LONG_BINPUT
        this.#memoize(bytes.natural(4));
        break;
      case 0x70: // PUT
        this.#memoize(Number(bytes.line()));
        break;
      case 0x94: // MEMOIZE
        this.#memoize(this.#memo.size);
        break;
      case 0x63: // GLOBAL
        this.#global(bytes.line(), bytes.line(), start);
        break;
      case 0x93: // STACK_GLOBAL
        this.#stackGlobal(start);
        break;
      case 0x52: // REDUCE
        this.#reduce(start);
        break;
      case 0x81: // NEWOBJ
        this.#create(2, start);
        break;
      case 0x92: // NEWOBJ_EX
        this.#create(3, start);
        break;
      case 0x62: // BUILD
        this.#build();
        break;
      case 0x69: // INST: GLOBAL and a call in one, as only protocol 0 writes it
        this.#instance(bytes.line(), bytes.line(), start);
        break;
      default:
        this.#failOpcode(opcode);
    }
  }

  /** A refused name is reported as such; the others have no reason to be called this way. */
  #instance(module: string, name: string, start: number): void {
    this.#popMark();
    this.#global(module, name, start);
    const type = this.#pop();
    if (!(type instanceof GlobalName) || !this.#refused.has(type.name)) this.#failOpcode(0x69);
    this.#stack.push(new Instance("refused", true));
  }

  #failOpcode(opcode: number): never {
    const name = refusedOpcodes[opcode];
    this.#fail("pickle-opcode", `Opcode 0x${opcode.toString(16).padStart(2, "0")}${name === undefined ? "" : ` (${name})`} is not one that checkpoints use`);
  }

  #stackGlobal(start: number): void {
    const [module, name] = this.#popCount(2);
    if (typeof module !== "string" || typeof name !== "string") this.#fail("pickle-global", "It names a class by something that is no text");
    this.#global(module, name, start);
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
    this.#stack.push(new GlobalName(full));
  }

  #reduce(start: number): void {
    const [callee, args] = this.#popCount(2);
    if (!(args instanceof TupleValue)) this.#fail("pickle-call", "It calls something with arguments that are no tuple");
    const rule = callee instanceof GlobalName ? globalRule(callee.name) : undefined;
    this.#stack.push(rule?.reduce === undefined ? this.#refuseCall(callee, start) : rule.reduce(args.items, this.findings));
  }

  #create(operands: number, start: number): void {
    const [type] = this.#popCount(operands);
    const rule = type instanceof GlobalName ? globalRule(type.name) : undefined;
    const creates = rule?.creates === true ? rule.reduce : undefined;
    this.#stack.push(creates === undefined ? this.#refuseCall(type, start) : creates([], this.findings));
  }

  /** A call of a refused name was already reported with the name. */
  #refuseCall(callee: Symbolic | undefined, start: number): Symbolic {
    const name = callee instanceof GlobalName ? callee.name : undefined;
    if (name === undefined || !this.#refused.has(name)) {
      this.findings.problems.add("pickle-call", `The pickle calls ${name === undefined ? "a value that is no function" : quote(name)}, which a checkpoint has no reason to call. Nothing was run.`, `data.pkl byte ${start}`);
    }
    return new Instance("refused", true);
  }

  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    if (target instanceof NumpyArray) fillNumpyArray(target, state, this.findings);
    // A dict's state is attributes, which nobody restores a model from; an instance's is all that it has.
    else if (target instanceof Container || target instanceof NumpyType) return;
    else if (target instanceof Instance && target.takesState) target.hold([state]);
    else this.#fail("pickle-build", "It sets the state of a value that takes none");
  }

  #extend(items: readonly Symbolic[], kind?: "dict"): void {
    const target = this.#top();
    // A refused object may take anything: the file has failed, and reading on finds what else is wrong.
    if (target instanceof Instance && target.type === "refused") return;
    if (!(target instanceof Container) || (kind === "dict") !== (target.kind === "dict")) this.#fail("pickle-stack", "It adds members to a value that has none");
    this.#fill(target, items);
  }

  #fill(target: Container, items: readonly Symbolic[]): Container {
    if (target.kind !== "dict") {
      for (const [index, item] of items.entries()) if (item instanceof Placed) item.place(target, String(target.size + index));
      target.hold(items);
      target.size += items.length;
      return target;
    }
    if (items.length % 2 !== 0) this.#fail("pickle-stack", "It gives a dict a key without a value");
    for (let index = 0; index < items.length; index += 2) {
      const [key, item] = [items[index], items[index + 1]];
      target.hold(items.slice(index + 1, index + 2));
      if (typeof key === "string" || typeof key === "number") this.#addKey(target, key);
      if (typeof key === "string") target.noteKey(key, item);
      if (!(item instanceof Placed) || (typeof key !== "string" && typeof key !== "number")) continue;
      item.place(target, String(key));
      if (item instanceof Container && modelKeys.has(String(key))) this.findings.models.push(item);
    }
    target.size += items.length / 2;
    return target;
  }

  /** No pickler writes one twice: the later hides the earlier, and what was counted would not be what loads. */
  #addKey(target: Container, key: string | number): void {
    this.#keys += 1;
    if (this.#keys > maxKeys) this.#fail("torch-too-large", "It needs more memory than a checkpoint's description should");
    if (!target.addKey(key)) this.findings.problems.add("duplicate-key", `The pickle gives a dict the key ${quote(String(key))} twice; the later value hides the earlier.`, String(key));
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
    if (mark === undefined) this.#fail("pickle-stack", "It closes a mark that was never opened");
    return this.#stack.splice(mark);
  }

  #top(): Symbolic {
    const value = this.#stack.at(-1);
    if (value === undefined || this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.#fail("pickle-stack", "It looks at an empty stack");
    return value;
  }

  #memoize(slot: number): void {
    if (!Number.isSafeInteger(slot) || slot < 0) this.#fail("pickle-stack", "It uses a memo slot that is no number");
    this.#memo.set(slot, this.#top());
  }

  #recall(slot: number): Symbolic {
    const value = this.#memo.get(slot);
    if (value === undefined) this.#fail("pickle-stack", `It recalls memo ${slot}, which was never stored`);
    return value;
  }

  #fail(code: ProblemCode, message: string): never {
    return this.#bytes.fail(code, message);
  }
}
