/** The job of a stack's config, a file of the project or written there, with the code that it names. */
import { dirname, join, relative, resolve } from "node:path";
import type { Fault, JobRequest, MeasuredInput, PlanLock, StackConfig } from "../../profiles";
import { ConfigError, readInputSource, readJobFile } from "../../profiles";
import { messageOf } from "../../custody/userError";
import { hashCode } from "./code";
import { hashInput } from "./inputHash";
import { readLock } from "./lock";

export interface JobSource {
  readonly request: JobRequest;
  readonly code: {
    /** Relative to the project's root, so that state holds no path of one machine. */
    readonly directory: string;
    readonly sha256: string;
    /** Paths in the directory that are not code: the job file itself, and inputs. */
    readonly without: readonly string[];
  };
  /** Inputs of this machine by name. One that is not here must have its hash in the job, and be on the instance already. */
  readonly inputs: ReadonlyMap<string, MeasuredInput>;
  /** null: the job has none. */
  readonly lock: PlanLock | null;
}

/** Relative paths in a job file count from the file, those of a job in the config from the project. Throws UserError with every fault. */
export function readJob({ job }: StackConfig, projectRoot: string): JobSource {
  if ("request" in job) return sourceOf(job.request, projectRoot, null, projectRoot);
  const file = resolve(projectRoot, job.file);
  return sourceOf(readJobFile(file), dirname(file), file, projectRoot);
}

/** `base`: what relative paths count from. `jobFile`: left out of the code when it lies in it. */
function sourceOf(request: JobRequest, base: string, jobFile: string | null, projectRoot: string): JobSource {
  const directory = resolve(base, request.code);
  const inputs = measureInputs(request, base, projectRoot);
  const besides = [...(jobFile === null ? [] : [jobFile]), ...[...inputs.values()].map(({ source }) => resolve(projectRoot, source))];
  const without = besides.map((path) => relative(directory, path)).filter((path) => path !== "" && !path.startsWith(".."));
  return { request, code: { directory: relative(projectRoot, directory), sha256: hashCode(directory, without), without }, inputs, lock: readLock(request, directory) };
}

function measureInputs({ inputs }: JobRequest, base: string, projectRoot: string): Map<string, MeasuredInput> {
  const measured = new Map<string, MeasuredInput>();
  const faults: Fault[] = [];
  inputs.forEach((input, index) => {
    const source = readInputSource(input.source, input.mode);
    if (typeof source === "string" || source.kind !== "local") return;
    const fault = (key: string, message: string): void => void faults.push({ path: ["job", "inputs", index, key], message });
    const path = resolve(base, source.path);
    try {
      const found = hashInput(path, join(projectRoot, ".holdfast", "input-hashes.json"));
      if (found === null) {
        if (input.sha256 === null) fault("source", `= ${JSON.stringify(source.path)}: must be a file or folder of this machine (looked at ${path}); where it is on the instance already, its sha256 is enough`);
      } else if (input.sha256 !== null && input.sha256 !== found.sha256) {
        fault("sha256", `= "${input.sha256}": must be ${found.sha256}, which ${source.path} has; or bring back the file that was meant`);
      } else {
        measured.set(input.name, { source: relative(projectRoot, path), ...found });
      }
    } catch (error) {
      fault("source", `= ${JSON.stringify(source.path)}: ${messageOf(error)}`);
    }
  });
  if (faults.length > 0) throw new ConfigError("job", "job request", faults);
  return measured;
}
