// Reads the header of an npy array: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html (versions 1.0, 2.0, 3.0).
import { isUtf8 } from "node:buffer";
import type { ProblemCode } from "../codes.js";
import { floatKind, type FloatKind, type FloatName } from "../finite/kinds.js";
import { quote } from "../verdict.js";
import { PythonTuple, readPythonLiteral, type PythonLiteral } from "./pythonLiteral.js";

export interface NpyLayout {
  readonly dtype: string;
  readonly elements: number;
  readonly itemBytes: number;
  /** Bytes of the array's data: what must follow the header, exactly. */
  readonly dataBytes: number;
  /** Floats inside one item; a plain float array has one (a complex one two) that fill it. */
  readonly floats: readonly { readonly offset: number; readonly kind: FloatKind }[];
}

export class NpyHeaderError extends Error {
  constructor(
    readonly code: ProblemCode,
    message: string,
  ) {
    super(message);
  }
}

export const npyMagic = Buffer.from("\x93NUMPY", "latin1");
/** Magic, version and the longest length field. */
export const npyPreambleBytes = 12;
/** numpy.load refuses more unless it is told to trust the file (max_header_size in numpy/lib/format.py). */
const maxHeaderBytes = 10_000;
const maxItemBytes = 1024 * 1024;

/** Where the header text lies. Throws NpyHeaderError; `preamble` must have 12 bytes, or all bytes of a shorter file. */
export function locateNpyHeader(preamble: Buffer): { readonly start: number; readonly end: number; readonly encoding: "latin1" | "utf8" } {
  if (preamble.length < npyPreambleBytes || !preamble.subarray(0, npyMagic.length).equals(npyMagic)) throw new NpyHeaderError("npy-magic", "It does not start like an npy array.");
  const [major, minor] = [preamble[6] ?? 0, preamble[7] ?? 0];
  if (major < 1 || major > 3 || minor !== 0) throw new NpyHeaderError("npy-version", `npy version ${major}.${minor} is unknown; 1.0, 2.0 and 3.0 can be read.`);
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? preamble.readUInt16LE(8) : preamble.readUInt32LE(8);
  if (length > maxHeaderBytes) throw new NpyHeaderError("npy-header", `The header claims ${length} bytes; at most ${maxHeaderBytes} are read.`);
  return { start, end: start + length, encoding: major === 3 ? "utf8" : "latin1" };
}

/** What the header promises. Throws NpyHeaderError. */
export function readNpyHeader(bytes: Buffer, encoding: "latin1" | "utf8"): NpyLayout {
  if (encoding === "utf8" && !isUtf8(bytes)) throw new NpyHeaderError("npy-header", "The header is not valid UTF-8.");
  const header = readDict(bytes.toString(encoding));
  const [descr, order, shape] = [header.get("descr"), header.get("fortran_order"), header.get("shape")];
  if (header.size !== 3 || descr === undefined || typeof order !== "boolean" || !(shape instanceof PythonTuple)) {
    throw new NpyHeaderError("npy-header", "The header must have exactly descr, fortran_order and shape.");
  }
  const extents = shape.items.map((extent) => {
    if (typeof extent !== "number" || !Number.isSafeInteger(extent) || extent < 0) throw new NpyHeaderError("npy-header", "The shape must be a tuple of whole numbers from 0.");
    return extent;
  });
  const item = readItem(descr);
  const elements = extents.includes(0) ? 0 : extents.reduce((product, extent) => product * extent, 1);
  const dataBytes = elements * item.bytes;
  if (!Number.isSafeInteger(dataBytes)) throw new NpyHeaderError("npy-header", `The shape (${extents.slice(0, 16).join(", ")}) is larger than any file.`);
  return { dtype: typeof descr === "string" ? descr : "structured", elements, itemBytes: item.bytes, dataBytes, floats: item.floats };
}

function readDict(text: string): Map<string, PythonLiteral> {
  try {
    const value = readPythonLiteral(text);
    if (value instanceof Map) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new NpyHeaderError("npy-header", `The header is not the literal it must be: ${error.message}.`);
  }
  throw new NpyHeaderError("npy-header", "The header is not a dict.");
}

interface Item {
  readonly bytes: number;
  readonly floats: { readonly offset: number; readonly kind: FloatKind }[];
}

/** https://numpy.org/doc/stable/reference/arrays.datetime.html#datetime-units, with the multiple that numpy may put before them. */
const timeUnit = /^\[(?:[1-9][0-9]{0,8})?(?:Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\]$/;
const floatNames: Readonly<Record<string, readonly FloatName[]>> = { f2: ["F16"], f4: ["F32"], f8: ["F64"], c8: ["F32", "F32"], c16: ["F64", "F64"] };

/** A type string such as "<f4", or a list of fields (name, type[, shape]) for a structured array. */
function readItem(descr: PythonLiteral): Item {
  if (typeof descr === "string") return readScalar(descr);
  if (!Array.isArray(descr)) throw new NpyHeaderError("npy-dtype", "descr must be a type string or a list of fields.");
  if (descr.length === 0) throw new NpyHeaderError("npy-dtype", "descr lists no field.");
  const floats: Item["floats"] = [];
  const names = new Set<string>();
  let bytes = 0;
  for (const field of descr) {
    const [name, type, shape] = field instanceof PythonTuple && field.items.length <= 3 ? field.items : [];
    if (name === undefined || type === undefined) throw new NpyHeaderError("npy-dtype", "A field of descr must be a tuple (name, type) or (name, type, shape).");
    noteNames(names, name, type);
    const item = readItem(type);
    const count = repeats(shape);
    if (item.bytes * count > maxItemBytes) throw new NpyHeaderError("npy-dtype", `One item of the array has more than ${maxItemBytes} bytes.`);
    for (let index = 0; index < count; index += 1) {
      for (const { offset, kind } of item.floats) floats.push({ offset: bytes + index * item.bytes + offset, kind });
    }
    bytes += item.bytes * count;
    if (bytes > maxItemBytes) throw new NpyHeaderError("npy-dtype", `One item of the array has more than ${maxItemBytes} bytes.`);
  }
  return { bytes, floats };
}

/** A field's name, or its title and name; numpy refuses a second of one name. Padding is a field of raw bytes without a name. */
function noteNames(seen: Set<string>, name: PythonLiteral, type: PythonLiteral): void {
  if (name === "" && typeof type === "string" && /^[<>|=]?V[0-9]+$/.test(type)) return;
  const given = name instanceof PythonTuple ? name.items : [name];
  if (given.length > 2 || (name instanceof PythonTuple && given.length !== 2)) throw new NpyHeaderError("npy-dtype", "The name of a field must be a text, or a title and a name.");
  for (const text of given) {
    if (typeof text !== "string") throw new NpyHeaderError("npy-dtype", "The name of a field must be a text, or a title and a name.");
    if (seen.has(text)) throw new NpyHeaderError("npy-dtype", `Two fields are called ${quote(text)}.`);
    seen.add(text);
  }
}

function repeats(shape: PythonLiteral | undefined): number {
  const extents = shape === undefined ? [] : shape instanceof PythonTuple ? shape.items : [shape];
  let product = 1;
  for (const extent of extents) {
    if (typeof extent !== "number" || extent < 0 || extent > maxItemBytes) throw new NpyHeaderError("npy-dtype", "The shape of a field must be whole numbers from 0.");
    product *= extent;
    if (product > maxItemBytes) throw new NpyHeaderError("npy-dtype", `One item of the array has more than ${maxItemBytes} bytes.`);
  }
  return product;
}

function readScalar(type: string): Item {
  const found = /^([<>|=])([a-zA-Z])([0-9]*)(\[.*\])?$/.exec(type);
  const [, order = "", letter = "", size = "", unit] = found ?? [];
  if (letter === "O") throw new NpyHeaderError("npy-object", "The array holds pickled Python objects; reading it would run code. Save it as plain arrays.");
  if (`${letter}${size}` === "f16" || `${letter}${size}` === "c32") {
    throw new NpyHeaderError("npy-dtype", `Type ${quote(type)} is a long double, whose bytes differ between machines. Save it as float64.`);
  }
  const names = floatNames[`${letter}${size}`];
  const bytes = Number(size) * (letter === "U" ? 4 : 1);
  const plain = /^(?:b1|[iu][1248]|[SUVa][0-9]+|[mM]8)$/.test(`${letter}${size}`);
  const unitFits = unit === undefined || (/^[mM]$/.test(letter) && timeUnit.test(unit));
  if (found === null || (names === undefined && !plain) || !unitFits || bytes > maxItemBytes) throw new NpyHeaderError("npy-dtype", `Type ${quote(type)} is unknown.`);
  const width = names === undefined ? 0 : bytes / names.length;
  return { bytes, floats: (names ?? []).map((name, index) => ({ offset: index * width, kind: floatKind(name, order === ">") })) };
}
