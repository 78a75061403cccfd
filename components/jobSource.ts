/** The job of a stack's config: a file of the project, or written there. */
import { dirname, resolve } from "node:path";
import type { JobRequest, StackConfig } from "../profiles";
import { readJobFile } from "../profiles";

/** Relative paths in a job file count from the file, those of a job in the config from the project. Throws UserError with every fault. */
export function readJob(config: StackConfig, projectRoot: string): { request: JobRequest; codeDirectory: string } {
  if ("request" in config.job) return { request: config.job.request, codeDirectory: resolve(projectRoot, config.job.request.code) };
  const file = resolve(projectRoot, config.job.file);
  const request = readJobFile(file);
  return { request, codeDirectory: resolve(dirname(file), request.code) };
}
