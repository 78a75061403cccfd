// Compares the index of a sharded safetensors checkpoint with the shards beside it: every tensor in exactly the file that the index names.
import { posix } from "node:path";
import type { Links } from "./check.js";
import { ProblemList, quote, type Problem } from "./verdict.js";

export interface ShardReport {
  /** Relative to the tree's root. */
  readonly path: string;
  readonly links: Links;
}

export const indexSuffix = ".safetensors.index.json";

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
    if (names === undefined) problems.add("shard-missing", `Shard ${quote(shard)}, which the index names, is not among the files beside it that were read as safetensors.`, shard);
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
