/** What a job reads, resolved: where it comes from, what its content is, which variable says where it is. Pure. */
import { canonicalJson, sha256Hex } from "../../custody/canonical";
import { inputVariable, readInputSource } from "../input/inputSource";
import type { JobInput, JobRequest } from "../job";
import type { PlanInput } from "../plan";
import type { MeasuredInput } from "./options";

/** `measured`: local inputs that were found here, by name. */
export const inputsOf = (job: JobRequest, measured: ReadonlyMap<string, MeasuredInput> = new Map()): PlanInput[] => job.inputs.map((input) => inputOf(input, measured.get(input.name)));

function inputOf(input: JobInput, found: MeasuredInput | undefined): PlanInput {
  const source = readInputSource(input.source, input.mode);
  // The request was parsed, and its faults were reported, before anything is resolved.
  if (typeof source === "string") throw new Error(`inputs.${input.name}.source ${source}`);
  return {
    name: input.name,
    variable: inputVariable(input.name),
    kind: source.kind,
    source: source.kind === "instance" ? source.path : (found?.source ?? input.source),
    mode: input.mode,
    sha256: input.sha256 ?? found?.sha256 ?? null,
    bytes: found?.bytes ?? input.bytes,
    files: found?.files ?? null,
    token: input.token,
    maxSeconds: Math.ceil(input.maxHours * 3600),
  };
}

/** By content: another place or mode for the same bytes is the same data. What has no hash yet is named by its source. */
export function inputsSha256(inputs: readonly PlanInput[]): string | null {
  if (inputs.length === 0) return null;
  const identity = inputs.map(({ name, sha256, source }) => ({ name, ...(sha256 === null ? { source } : { sha256 }) }));
  return sha256Hex(canonicalJson(identity.sort((a, b) => (a.name < b.name ? -1 : 1))));
}
