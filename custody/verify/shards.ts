// Compares the index of a sharded checkpoint with the shards beside it: every tensor in exactly the file that the index names.
import { posix } from "node:path";
import type { Links } from "./check.js";
import { ProblemList, quote, type Problem, type VerifiedFormat } from "./verdict.js";

export interface ShardReport {
  /** Relative to the tree's root. */
  readonly path: string;
  readonly links: Links;
}

export type ShardIndexFormat = Extract<VerifiedFormat, "safetensors-index" | "torch-index">;

/** What the names of the shards end in, by the index's format. Names as transformers and diffusers write them: model.safetensors.index.json, pytorch_model.bin.index.json. */
export const shardSuffix: Readonly<Record<ShardIndexFormat, string>> = { "safetensors-index": ".safetensors", "torch-index": ".bin" };

/** The kind of index that a file of this name is, or undefined. */
export function shardIndexOf(path: string): { readonly format: ShardIndexFormat } | undefined {
  const lower = path.toLowerCase();
  for (const format of ["safetensors-index", "torch-index"] as const) if (lower.endsWith(`${shardSuffix[format]}.index.json`)) return { format };
  return undefined;
}

/** The problems of one index. `reports` are the files of the tree by path. */
export function compareShards(index: ShardReport, reports: ReadonlyMap<string, ShardReport>): Problem[] {
  const problems = new ProblemList();
  const folder = posix.dirname(index.path);
  const expected = new Map<string, string>();
  const shards = new Map<string, readonly string[]>();
  for (const [tensor, shard] of index.links.weightMap ?? []) {
    expected.set(tensor, shard);
    if (shards.has(shard)) continue;
    const names = reports.get(posix.join(folder, shard))?.links.tensorNames;
    if (names === undefined) problems.add("shard-missing", `Shard ${quote(shard)}, which the index names, is not among the files beside it whose tensors could be read.`, shard);
    shards.set(shard, names ?? []);
  }
  const found = new Map<string, string>();
  for (const [shard, names] of shards) {
    for (const tensor of names) {
      const other = found.get(tensor);
      if (other !== undefined) problems.add("shard-shared-tensor", `Tensor ${quote(tensor)} is in ${quote(other)} and in ${quote(shard)}.`, tensor);
      else if (expected.get(tensor) === undefined) problems.add("shard-unnamed-tensor", `Tensor ${quote(tensor)} is in ${quote(shard)}, and the index does not know it.`, tensor);
      else if (expected.get(tensor) !== shard) problems.add("shard-wrong-tensor", `Tensor ${quote(tensor)} is in ${quote(shard)}, the index says ${quote(expected.get(tensor) ?? "")}.`, tensor);
      found.set(tensor, shard);
    }
  }
  for (const [tensor, shard] of expected) {
    if (!found.has(tensor) && (shards.get(shard)?.length ?? 0) > 0) problems.add("shard-missing-tensor", `Tensor ${quote(tensor)} is not in ${quote(shard)}, where the index says it is.`, tensor);
  }
  return problems.list();
}
