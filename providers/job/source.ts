/** The job of a stack's config, a file of the project or written there, with the code that it names. */
import { dirname, relative, resolve } from "node:path";
import type { JobRequest, StackConfig } from "../../profiles";
import { readJobFile } from "../../profiles";
import { hashCode } from "./code";

export interface JobSource {
  readonly request: JobRequest;
  readonly code: {
    /** Relative to the project's root, so that state holds no path of one machine. */
    readonly directory: string;
    readonly sha256: string;
    /** Paths in the directory that are not code: the job file itself. */
    readonly without: readonly string[];
  };
}

/** Relative paths in a job file count from the file, those of a job in the config from the project. Throws UserError with every fault. */
export function readJob({ job }: StackConfig, projectRoot: string): JobSource {
  if ("request" in job) return withCode(job.request, resolve(projectRoot, job.request.code), null, projectRoot);
  const file = resolve(projectRoot, job.file);
  const request = readJobFile(file);
  return withCode(request, resolve(dirname(file), request.code), file, projectRoot);
}

function withCode(request: JobRequest, directory: string, jobFile: string | null, projectRoot: string): JobSource {
  const inCode = jobFile === null ? ".." : relative(directory, jobFile);
  const without = inCode.startsWith("..") ? [] : [inCode];
  return { request, code: { directory: relative(projectRoot, directory), sha256: hashCode(directory, without), without } };
}
