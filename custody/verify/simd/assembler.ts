// Assembles small WebAssembly modules from named instructions, so that the vector loops can be read and reviewed as source.
// Binary format: https://webassembly.github.io/spec/core/binary/ (sections 5.3 to 5.5; vector instructions in 5.4).

export type Code = readonly number[];
export type ValueType = typeof i32 | typeof i64 | typeof v128;

export const i32 = 0x7f;
export const i64 = 0x7e;
export const v128 = 0x7b;

export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

/** A module that works on the memory it is given, or undefined where the engine has no vector instructions. */
export function instantiate(functions: readonly WasmFunction[], memory: WasmMemory): Readonly<Record<string, unknown>> | undefined {
  const code = assemble(functions);
  return wasm.validate(code) ? new wasm.Instance(new wasm.Module(code), { host: { memory } }).exports : undefined;
}

export function createMemory(pages: number): WasmMemory {
  return new wasm.Memory({ initial: pages });
}

export const wasmPageBytes = 65536;

// --- instructions ---

export const get = (local: number): Code => [0x20, local];
export const set = (local: number): Code => [0x21, local];
export const addConstant = (local: number, value: number): Code => [...get(local), 0x41, ...signed(value), 0x6a, ...set(local)];
export const isBelow = (left: number, right: number): Code => [...get(left), ...get(right), 0x49];
export const isNotBelow = (left: number, right: number): Code => [...get(left), ...get(right), 0x4f];
export const block = (...body: readonly Code[]): Code => [0x02, 0x40, ...body.flat(), 0x0b];
export const loop = (...body: readonly Code[]): Code => [0x03, 0x40, ...body.flat(), 0x0b];
export const branchIf = (depth: number): Code => [0x0d, depth];
export const branch = (depth: number): Code => [0x0c, depth];

export const v128Load = (address: Code, offset: number): Code => [...address, ...vectorOperation(0x00), 0x00, ...unsigned(offset)];
/** The address and the value are on the stack. */
export const v128Store = (offset: number): Code => [...vectorOperation(0x0b), 0x00, ...unsigned(offset)];
export const v128And: Code = vectorOperation(0x4e);
export const v128Or: Code = vectorOperation(0x50);
export const v128Xor: Code = vectorOperation(0x51);
export const v128AnyTrue: Code = vectorOperation(0x53);
export const i64x2Splat: Code = vectorOperation(0x12);
/** Lane-wise equality, by the bytes of a lane. */
export const laneEquals: Readonly<Record<1 | 2 | 4 | 8, Code>> = {
  1: vectorOperation(0x23), 2: vectorOperation(0x2d), 4: vectorOperation(0x37), 8: vectorOperation(0xd6),
};

function vectorOperation(operation: number): Code {
  return [0xfd, ...unsigned(operation)];
}

// --- module ---

function assemble(functions: readonly WasmFunction[]): Uint8Array {
  const list = <T>(items: readonly T[], write: (item: T, index: number) => Code): Code => [...unsigned(items.length), ...items.flatMap((item, index) => [...write(item, index)])];
  const types = (values: readonly ValueType[]): Code => list(values, (value) => [value]);
  const name = (text: string): Code => list([...Buffer.from(text)], (byte) => [byte]);
  const sized = (code: Code): Code => [...unsigned(code.length), ...code];
  const section = (id: number, code: Code): Code => [id, ...sized(code)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, list(functions, ({ parameters, results }) => [0x60, ...types(parameters), ...types(results)])),
    ...section(2, list(["memory"], (memory) => [...name("host"), ...name(memory), 0x02, 0x00, 0x01])),
    ...section(3, list(functions, (_, index) => unsigned(index))),
    ...section(7, list(functions, (item, index) => [...name(item.name), 0x00, ...unsigned(index)])),
    ...section(10, list(functions, ({ locals, body }) => sized([...list(locals, (type) => [1, type]), ...body, 0x0b]))),
  ]);
}

/** LEB128. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const [byte, rest] = [value & 0x7f, value >> 7];
  const last = (rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0);
  return last ? [byte] : [byte | 0x80, ...signed(rest)];
}

// Neither lib es2023 nor @types/node declares WebAssembly; this is the part used here.
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
interface WasmGlobal {
  readonly Memory: new (limits: { initial: number }) => WasmMemory;
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> };
  validate(code: Uint8Array): boolean;
}
const wasm = (globalThis as unknown as { WebAssembly: WasmGlobal }).WebAssembly;
