// Checks a safetensors file: https://github.com/huggingface/safetensors (format, and the validation its own reader does in tensor.rs).
import { isUtf8 } from "node:buffer";
import type { CheckContext, FormatCheck, Links } from "../check.js";
import { floatKind, type FloatName } from "../finite/kinds.js";
import { FiniteScan, type FloatRange } from "../finite/scanner.js";
import { quote, Tally, type Problem, type Summary } from "../verdict.js";
import { JsonSyntaxError, readStrictJson, type JsonValue } from "./strictJson.js";

/** The library's own limit (MAX_HEADER_SIZE in tensor.rs). */
const maxHeaderBytes = 100_000_000;
/** Ours, so that a forged header cannot fill the memory: a hundred thousand tensors, ten times what the largest published files hold. */
const maxHeaderValues = 800_000;
const lengthBytes = 8;

/** Bits per element, and the kind to scan where the element is a float (or a pair of floats). */
const dtypes: Readonly<Record<string, { readonly bits: number; readonly float?: FloatName }>> = {
  BOOL: { bits: 8 },
  U8: { bits: 8 }, I8: { bits: 8 }, U16: { bits: 16 }, I16: { bits: 16 },
  U32: { bits: 32 }, I32: { bits: 32 }, U64: { bits: 64 }, I64: { bits: 64 },
  F4: { bits: 4 }, F6_E2M3: { bits: 6 }, F6_E3M2: { bits: 6 },
  F8_E4M3: { bits: 8, float: "F8_E4M3" }, F8_E5M2: { bits: 8, float: "F8_E5M2" }, F8_E8M0: { bits: 8, float: "F8_E8M0" },
  F8_E4M3FNUZ: { bits: 8, float: "F8_E4M3FNUZ" }, F8_E5M2FNUZ: { bits: 8, float: "F8_E5M2FNUZ" },
  F16: { bits: 16, float: "F16" }, BF16: { bits: 16, float: "BF16" },
  F32: { bits: 32, float: "F32" }, F64: { bits: 64, float: "F64" }, C64: { bits: 64, float: "F32" },
};

interface TensorEntry {
  readonly name: string;
  readonly dtype: string;
  readonly elements: number;
  readonly begin: number;
  readonly end: number;
}

export class SafetensorsCheck implements FormatCheck {
  readonly #tally = new Tally();
  readonly #lengthField = Buffer.alloc(lengthBytes);
  #header: Buffer | undefined;
  #dataStart = 0;
  #scan: FiniteScan | undefined;
  #names: string[] = [];

  constructor(private readonly context: CheckContext) {
    if (context.size < lengthBytes) context.problems.add("truncated", `The file has ${context.size} bytes; a safetensors file starts with an 8-byte header length.`);
  }

  consume(chunk: Uint8Array, position: number): void {
    const stop = position + chunk.length;
    if (position < lengthBytes) {
      this.#lengthField.set(chunk.subarray(0, lengthBytes - position), position);
      if (stop >= lengthBytes) this.#openHeader();
    }
    if (this.#header !== undefined && position < this.#dataStart && stop > lengthBytes) {
      const from = Math.max(position, lengthBytes);
      const to = Math.min(stop, this.#dataStart);
      this.#header.set(chunk.subarray(from - position, to - position), from - lengthBytes);
      if (to === this.#dataStart) this.#readHeader(this.#header);
    }
    if (this.#scan !== undefined && stop > this.#dataStart) {
      const from = Math.max(position, this.#dataStart);
      this.#scan.consume(chunk.subarray(from - position), from - this.#dataStart);
    }
  }

  finish(): void {
    this.#header = undefined;
  }

  summary(): Summary | undefined {
    return this.#tally.tensors === 0 ? undefined : this.#tally.summary();
  }

  links(): Links {
    return { tensorNames: this.#names };
  }

  #openHeader(): void {
    const length = this.#lengthField.readBigUInt64LE();
    const { size, problems } = this.context;
    if (length > BigInt(maxHeaderBytes)) problems.add("header-too-large", `The header claims ${length} bytes; at most ${maxHeaderBytes} are allowed. This is not a safetensors file, or its start is damaged.`);
    else if (length < 2n) problems.add("header-too-small", `The header claims ${length} bytes; the smallest header is {}.`);
    else if (length + BigInt(lengthBytes) > BigInt(size)) problems.add("truncated", `The header claims ${length} bytes, and the file ends after ${size - lengthBytes} of them.`);
    else {
      this.#header = Buffer.alloc(Number(length));
      this.#dataStart = lengthBytes + Number(length);
    }
  }

  #readHeader(text: Buffer): void {
    this.#header = undefined;
    const { problems } = this.context;
    if (text[0] !== 0x7b) problems.add("header-start", "The header does not start with '{'.");
    else if (!isUtf8(text)) problems.add("header-syntax", "The header is not valid UTF-8.");
    else {
      try {
        this.#readTensors(readStrictJson(text, { build: true, naturalNumbers: true, maxDepth: 8, maxNodes: maxHeaderValues }));
      } catch (error) {
        if (!(error instanceof JsonSyntaxError)) throw error;
        const code = error.code === "duplicate-key" ? error.code : "header-syntax";
        problems.add(code, `The header is not the JSON it must be: ${error.message}.`, `byte ${lengthBytes + error.position}`);
      }
    }
  }

  #readTensors(header: JsonValue): void {
    if (!(header instanceof Map)) return;
    const tensors: TensorEntry[] = [];
    for (const [name, value] of header) {
      if (name === "__metadata__") this.#checkMetadata(value);
      else {
        const tensor = this.#readTensor(name, value);
        if (tensor !== undefined) tensors.push(tensor);
      }
    }
    if (this.context.problems.any) return;
    const { problems, size } = this.context;
    if (tensors.length === 0) problems.add("empty", "The file holds no tensor.");
    else if (this.#tally.elements === 0) problems.add("empty", `None of its ${tensors.length} tensors holds a single element.`);
    this.#names = tensors.map((tensor) => tensor.name);
    tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
    let expected = 0;
    for (const { name, begin, end } of tensors) {
      if (begin > expected) problems.add("offset-gap", `Bytes ${expected} to ${begin} of the data belong to no tensor; ${quote(name)} starts behind them.`, name);
      else if (begin < expected) problems.add("offset-overlap", `Tensor ${quote(name)} starts at ${begin}, inside the tensor that ends at ${expected}.`, name);
      if (problems.full) return;
      expected = Math.max(expected, end);
    }
    const data = size - this.#dataStart;
    if (data < expected) problems.add("truncated", `The tensors need ${expected} data bytes, the file has ${data}.`);
    if (data > expected) problems.add("trailing-bytes", `The tensors end after ${expected} data bytes, the file has ${data}.`);
    this.#scan = new FiniteScan(tensors.flatMap(floatRange), this.context, this.#tally);
  }

  #checkMetadata(value: JsonValue): void {
    const texts = value instanceof Map && [...value.values()].every((item) => typeof item === "string");
    if (!texts) this.context.problems.add("header-shape", "__metadata__ must map texts to texts.", "__metadata__");
  }

  #readTensor(name: string, value: JsonValue): TensorEntry | undefined {
    const tensor = parseTensor(name, value);
    if ("code" in tensor) {
      this.context.problems.add(tensor.code, `Tensor ${quote(name)}: ${tensor.message}`, name);
      return undefined;
    }
    this.#tally.add(tensor.dtype, tensor.elements, tensor.end - tensor.begin);
    return tensor;
  }
}

function parseTensor(name: string, value: JsonValue): TensorEntry | Problem {
  if (!(value instanceof Map)) return { code: "header-shape", message: "its entry is not an object." };
  const [dtype, shape, offsets] = [value.get("dtype"), value.get("shape"), value.get("data_offsets")];
  if (value.size !== 3 || typeof dtype !== "string" || !isNumberList(shape) || !isNumberList(offsets)) {
    return { code: "header-shape", message: "it must have exactly dtype, shape and data_offsets." };
  }
  const known = Object.hasOwn(dtypes, dtype) ? dtypes[dtype] : undefined;
  if (known === undefined) return { code: "unknown-dtype", message: `dtype ${quote(dtype)} is not one of ${Object.keys(dtypes).join(", ")}.` };
  const [begin, end] = offsets;
  if (offsets.length !== 2 || begin === undefined || end === undefined || begin > end) {
    return { code: "offset-order", message: "data_offsets must be [begin, end] with begin <= end." };
  }
  const elements = shape.includes(0) ? 0 : shape.reduce((product, extent) => product * extent, 1);
  const bits = elements * known.bits;
  if (!Number.isSafeInteger(bits) || bits % 8 !== 0 || bits / 8 !== end - begin) {
    return { code: "shape-mismatch", message: `shape [${shape.slice(0, 16).join(", ")}] of ${dtype} is ${bits / 8} bytes, its data_offsets span ${end - begin}.` };
  }
  return { name, dtype, elements, begin, end };
}

function isNumberList(value: JsonValue | undefined): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === "number");
}

function floatRange({ name, dtype, begin, end }: TensorEntry): FloatRange[] {
  const float = dtypes[dtype]?.float;
  return float === undefined ? [] : [{ start: begin, end, kind: floatKind(float), tensor: name }];
}
