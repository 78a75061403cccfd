// Which check a file gets: its name says what it claims to be, its first bytes say whether that can be.
import type { ProblemCode } from "./codes.js";
import type { CheckContext, FormatCheck } from "./check.js";
import { JsonCheck, ShardIndexCheck } from "./formats/json.js";
import { shardIndexOf } from "./shards.js";
import { NpyCheck, NpzCheck } from "./formats/npy.js";
import { npyMagic } from "./formats/npyHeader.js";
import { SafetensorsCheck } from "./formats/safetensors.js";
import { TorchCheck } from "./torch/archive.js";
import type { VerifiedFormat } from "./verdict.js";

/** Enough for every magic number below. */
export const magicBytes = 16;

/**
 * How a file's role in the run bears on its check. "checkpoint": it must load, whatever its name. "opaque": only its hash counts,
 * whatever its name. Without either the name decides.
 */
export type Role = "checkpoint" | "opaque";

export type Detection =
  | { readonly format: VerifiedFormat }
  | { readonly format: VerifiedFormat; readonly refusal: { readonly code: ProblemCode; readonly message: string } };

/**
 * .safetensors .pt .pth .npz .npy .json, .safetensors.index.json and .bin.index.json must parse as what they claim.
 * .bin and .ckpt are used for anything: a zip is checked as torch's, a raw pickle is refused, the rest is opaque.
 * Other names are opaque, unless the role says checkpoint: then the first bytes decide, and an unknown start is refused.
 */
export function detectFormat(name: string, head: Buffer, role?: Role): Detection {
  if (role === "opaque") return { format: "opaque" };
  const lower = name.toLowerCase();
  const index = shardIndexOf(lower);
  if (index !== undefined) return { format: index.format };
  if (lower.endsWith(".json")) return { format: "json" };
  if (lower.endsWith(".safetensors")) return { format: "safetensors" };
  if (lower.endsWith(".npz")) return { format: "npz" };
  if (lower.endsWith(".npy")) return { format: "npy" };
  const torch = lower.endsWith(".pt") || lower.endsWith(".pth");
  const maybeTorch = lower.endsWith(".bin") || lower.endsWith(".ckpt");
  if (!torch && !maybeTorch && role === undefined) return { format: "opaque" };
  if (isZip(head)) return { format: "torch-zip" };
  if (isPickle(head) || (torch && isTar(head))) return { format: "torch-zip", refusal: legacyPickle };
  if (torch) return { format: "torch-zip", refusal: { code: "torch-magic", message: `It does not start like a file of torch.save; it starts like ${describeStart(head)}.` } };
  if (role === undefined) return { format: "opaque" };
  if (head.subarray(0, npyMagic.length).equals(npyMagic)) return { format: "npy" };
  if (head[8] === 0x7b && head.readUInt32LE(4) === 0) return { format: "safetensors" };
  return { format: "opaque", refusal: { code: "unknown-checkpoint", message: `It is declared a checkpoint, and starts like ${describeStart(head)}. Known are safetensors, torch.save, npz and npy.` } };
}

/** Named like weights, in a form that is not parsed here: at least there must be something in it. */
export function claimsWeights(name: string): boolean {
  return /\.(?:ckpt|h5|hdf5|keras|gguf|onnx|msgpack|distcp|pkl|pickle|pdparams)$|^(?:pytorch_model|adapter_model|diffusion_pytorch_model|model|optimizer)[^/]*\.bin$/i.test(name);
}

export function createCheck(format: VerifiedFormat, context: CheckContext): FormatCheck | undefined {
  switch (format) {
    case "safetensors":
      return new SafetensorsCheck(context);
    case "torch-zip":
      return new TorchCheck(context);
    case "npz":
      return new NpzCheck(context);
    case "npy":
      return new NpyCheck(context);
    case "json":
      return new JsonCheck(context);
    case "safetensors-index":
    case "torch-index":
      return new ShardIndexCheck(context, format);
    case "opaque":
      return undefined;
    default:
      return format satisfies never;
  }
}

const legacyPickle: { readonly code: ProblemCode; readonly message: string } = {
  code: "legacy-pickle",
  message:
    "It is a raw pickle (torch.save before 1.6, or _use_new_zipfile_serialization=False, or pickle.dump), which cannot be checked without running it. " +
    'Where you trust it, save it again: torch.save(torch.load(PATH, map_location="cpu", weights_only=True), PATH), with torch 1.6 or newer.',
};

function isZip(head: Buffer): boolean {
  return head.subarray(0, 4).equals(Buffer.from("PK\x03\x04", "latin1")) || head.subarray(0, 4).equals(Buffer.from("PK\x05\x06", "latin1"));
}

/** PROTO 2 to 5 and then an opcode that a pickle can begin with. Protocols 0 and 1 have no mark of their own. */
function isPickle(head: Buffer): boolean {
  const [first, protocol = 0, opcode = 0] = head;
  return first === 0x80 && protocol >= 2 && protocol <= 5 && "(})]lcX\x8a\x8c\x95KMJGN\x88\x89q".includes(String.fromCharCode(opcode));
}

/** Before 0.1.10 torch wrote tar archives, which begin with the name of a member. */
function isTar(head: Buffer): boolean {
  return /^(?:sys_info|pickle|storages|tensors|\.\/)/.test(head.toString("latin1"));
}

function describeStart(head: Buffer): string {
  if (head.length === 0) return "an empty file";
  if (/^\s*</.test(head.toString("latin1"))) return "a web page";
  if (head.every((byte) => byte === 0)) return "a file of zeros, as after a crash before the data reached the disk";
  return `bytes ${head.subarray(0, 8).toString("hex")}`;
}
