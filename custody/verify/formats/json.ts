// Checks of JSON files: any JSON (metrics, configs) and the index of a sharded safetensors checkpoint.
import { isUtf8 } from "node:buffer";
import type { CheckContext, FormatCheck, Links } from "../check.js";
import { shardSuffix, type ShardIndexFormat } from "../shards.js";
import { quote, type Summary } from "../verdict.js";
import { JsonSyntaxError, readStrictJson, type JsonValue } from "./strictJson.js";

/** Above this a JSON file is not read whole, and so cannot be checked. */
export const maxJsonBytes = 64 * 1024 * 1024;

/** Tensors of one sharded checkpoint, and what the index says besides. */
const maxIndexValues = 600_000;

export class JsonCheck implements FormatCheck {
  readonly #text: Buffer | undefined;

  constructor(protected readonly context: CheckContext) {
    if (context.size > maxJsonBytes) {
      context.problems.add(
        "json-too-large",
        `The file has ${context.size} bytes, and JSON is checked up to ${maxJsonBytes}. Write long series as one JSON value per line (.jsonl) or as .npz.`,
      );
    } else this.#text = Buffer.alloc(context.size);
  }

  consume(chunk: Uint8Array, position: number): void {
    this.#text?.set(chunk, position);
  }

  finish(): void {
    if (this.#text === undefined) return;
    if (!isUtf8(this.#text)) {
      this.context.problems.add("json-not-utf8", "The text is not valid UTF-8.");
      return;
    }
    try {
      this.read(this.#text);
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      this.context.problems.add(error.code, `${error.message}.`, `byte ${error.position}`);
    }
  }

  summary(): Summary | undefined {
    return undefined;
  }

  protected read(text: Buffer): void {
    readStrictJson(text, { build: false });
  }
}

/** `*.safetensors.index.json`, `*.bin.index.json`: {"metadata": {...}, "weight_map": {tensor: shard file}}. The shards themselves are compared by verifyTree. */
export class ShardIndexCheck extends JsonCheck {
  #weightMap: (readonly [string, string])[] = [];
  readonly #suffix: string;

  constructor(context: CheckContext, format: ShardIndexFormat) {
    super(context);
    this.#suffix = shardSuffix[format];
  }

  links(): Links {
    return { weightMap: this.#weightMap };
  }

  protected override read(text: Buffer): void {
    const index = readStrictJson(text, { build: true, maxNodes: maxIndexValues });
    const weights = index instanceof Map ? index.get("weight_map") : undefined;
    if (!(weights instanceof Map)) {
      this.context.problems.add("index-shape", 'A shard index is an object whose "weight_map" maps each tensor to the file that holds it.');
      return;
    }
    if (weights.size === 0) this.context.problems.add("empty", "The weight_map names no tensor.");
    for (const [tensor, shard] of weights) this.#addEntry(tensor, shard);
  }

  #addEntry(tensor: string, shard: JsonValue): void {
    if (typeof shard !== "string" || !isShardName(shard, this.#suffix)) {
      const found = typeof shard === "string" ? quote(shard) : "something that is not a text";
      this.context.problems.add("index-shard-name", `The shard of tensor ${quote(tensor)} is ${found}; it must be the name of a ${this.#suffix} file in the same folder.`, tensor);
      return;
    }
    this.#weightMap.push([tensor, shard]);
  }
}

function isShardName(shard: string, suffix: string): boolean {
  return /^[^/\\\u0000]+$/.test(shard) && shard.length > suffix.length && shard.endsWith(suffix) && !shard.startsWith("..");
}
