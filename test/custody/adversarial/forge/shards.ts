// Sharded checkpoints, of safetensors and of torch, and every way that index and shards can disagree.
import fc from "fast-check";
import type { ProblemCode } from "../../../../custody/verify/index.js";
import { float32, safetensors, statePickle, torchArchive } from "../../verify/forge.js";

export interface Checkpoint {
  /** Tensor names of each shard. */
  readonly shards: readonly (readonly string[])[];
  readonly kind: "safetensors" | "bin";
}

/** A folder's files, by name. */
export type Folder = ReadonlyMap<string, Buffer>;

export const shardName = ({ shards, kind }: Checkpoint, index: number): string => `${kind === "bin" ? "pytorch_model" : "model"}-${String(index + 1).padStart(5, "0")}-of-${String(shards.length).padStart(5, "0")}.${kind}`;
export const indexName = ({ kind }: Checkpoint): string => (kind === "bin" ? "pytorch_model.bin.index.json" : "model.safetensors.index.json");

function writeShard(kind: Checkpoint["kind"], names: readonly string[]): Buffer {
  if (kind === "safetensors") {
    return safetensors(Object.fromEntries(names.map((name, index) => [name, { dtype: "F32", shape: [1], data_offsets: [4 * index, 4 * index + 4] }])), float32(names.map((_, index) => index)));
  }
  const tensors = names.map((name, index) => ({ name, key: String(index), elements: 1, size: [1], stride: [1] }));
  return torchArchive(statePickle(tensors), Object.fromEntries(names.map((_, index) => [String(index), float32([index])])));
}

export const weightMap = (checkpoint: Checkpoint): [string, string][] => checkpoint.shards.flatMap((names, index) => names.map((name): [string, string] => [name, shardName(checkpoint, index)]));
const indexText = (entries: readonly (readonly [string, unknown])[]): Buffer => Buffer.from(`{"metadata": {"total_size": 4}, "weight_map": {${entries.map(([name, shard]) => `${JSON.stringify(name)}: ${JSON.stringify(shard)}`).join(", ")}}}`);

export function writeCheckpoint(checkpoint: Checkpoint, entries: readonly (readonly [string, unknown])[] = weightMap(checkpoint)): Map<string, Buffer> {
  const shards = checkpoint.shards.map((names, index): [string, Buffer] => [shardName(checkpoint, index), writeShard(checkpoint.kind, names)]);
  return new Map([...shards, [indexName(checkpoint), indexText(entries)]]);
}

export const checkpoints: fc.Arbitrary<Checkpoint> = fc
  .record({ names: fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}(\.[0-9]{1,2}){0,2}\.(weight|bias)$/), { minLength: 2, maxLength: 8 }), cuts: fc.array(fc.nat(7), { minLength: 1, maxLength: 3 }), kind: fc.constantFrom("safetensors" as const, "bin" as const) })
  .map(({ names, cuts, kind }) => {
    const edges = [...new Set([0, ...cuts.map((cut) => 1 + (cut % (names.length - 1))), names.length])].sort((a, b) => a - b);
    return { kind, shards: edges.slice(1).map((end, index) => names.slice(edges[index], end)) };
  });

// --- lies ---

export interface LyingFolder {
  readonly what: string;
  readonly index: string;
  readonly files: Folder;
  readonly codes: readonly ProblemCode[];
}

type Telling = (checkpoint: Checkpoint, pick: number) => readonly [files: Folder, ...codes: ProblemCode[]];

const tellings: Readonly<Record<string, Telling>> = {
  "a shard that is gone": (checkpoint, pick) => {
    const files = writeCheckpoint(checkpoint);
    files.delete(shardName(checkpoint, pick % checkpoint.shards.length));
    return [files, "shard-missing"];
  },
  "a shard of a former save in the place of another": (checkpoint, pick) => {
    const files = writeCheckpoint(checkpoint);
    files.set(shardName(checkpoint, pick % 2), files.get(shardName(checkpoint, (pick + 1) % 2)) ?? Buffer.alloc(0));
    return [files, "shard-shared-tensor", "shard-wrong-tensor"];
  },
  "a tensor in two shards": ({ kind, shards }, pick) => {
    const shared = shards[0]?.[pick % (shards[0].length || 1)] ?? "";
    const doubled = { kind, shards: shards.map((names, index) => (index === 1 ? [...names, shared] : names)) };
    return [writeCheckpoint(doubled, weightMap({ kind, shards })), "shard-shared-tensor"];
  },
  "a tensor that moved to another shard": (checkpoint, pick) => [writeCheckpoint(checkpoint, weightMap(checkpoint).map(([name, shard], index, all) => [name, index === pick % all.length ? other(checkpoint, shard) : shard])), "shard-wrong-tensor", "shard-missing-tensor"],
  "a tensor that no shard holds": (checkpoint, pick) => [writeCheckpoint(checkpoint, [...weightMap(checkpoint), ["lost.weight", shardName(checkpoint, pick % checkpoint.shards.length)]]), "shard-missing-tensor"],
  "a tensor that the index does not know": (checkpoint, pick) => [writeCheckpoint(checkpoint, unlisted(checkpoint, pick)), "shard-unnamed-tensor"],
  "a shard outside the folder": (checkpoint, pick) => [writeCheckpoint(checkpoint, [...weightMap(checkpoint), ["x", [`../model.${checkpoint.kind}`, `/model.${checkpoint.kind}`, `a/b.${checkpoint.kind}`, `..\\x.${checkpoint.kind}`, `...${checkpoint.kind}`][pick % 5]]]), "index-shard-name"],
  "a shard of another kind": (checkpoint, pick) => [writeCheckpoint(checkpoint, [...weightMap(checkpoint), ["x", ["model.pkl", "model", `.${checkpoint.kind}`, "", checkpoint.kind === "bin" ? "m.safetensors" : "m.bin"][pick % 5]]]), "index-shard-name"],
  "a shard that is no text": (checkpoint, pick) => [writeCheckpoint(checkpoint, [...weightMap(checkpoint), ["x", [null, 1, [], {}][pick % 4]]]), "index-shard-name"],
  "a tensor listed twice": (checkpoint, pick) => [writeCheckpoint(checkpoint, [...weightMap(checkpoint), ...weightMap(checkpoint).slice(pick % weightMap(checkpoint).length)]), "duplicate-key"],
  "no tensor": (checkpoint) => [writeCheckpoint(checkpoint, []), "empty"],
};

/** In the index of the lie each shard keeps at least one of its tensors: a shard that the index does not name is only a file. */
function unlisted(checkpoint: Checkpoint, pick: number): [string, string][] {
  const entries = weightMap(checkpoint);
  const removable = entries.filter(([, shard]) => entries.filter(([, owner]) => owner === shard).length > 1);
  const removed = removable[pick % Math.max(1, removable.length)];
  return entries.filter((entry) => entry !== removed);
}

const other = (checkpoint: Checkpoint, shard: string): string => checkpoint.shards.map((_, index) => shardName(checkpoint, index)).find((name) => name !== shard) ?? shard;

export const lyingCheckpoints: fc.Arbitrary<LyingFolder> = fc
  .tuple(checkpoints.filter(({ shards }) => shards.length > 1 && shards.some((names) => names.length > 1)), fc.constantFrom(...Object.entries(tellings)), fc.nat(1000))
  .map(([checkpoint, [what, tell], pick]) => {
    const [files, ...codes] = tell(checkpoint, pick);
    return { what: `${what} (${checkpoint.kind})`, index: indexName(checkpoint), files, codes };
  });
