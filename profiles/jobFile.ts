/** The edge: a job request from a YAML file, faults with their lines. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { messageOf, UserError } from "../custody/userError";
import { ConfigError } from "./input/faults";
import { YamlSource } from "./input/yamlSource";
import { parseJob, type JobRequest } from "./job";

/** Reads and parses. `code` stays relative to the file's folder. Throws UserError (unreadable) or ConfigError. */
export function readJobFile(path: string): JobRequest {
  return parseJobText(readText(path), basename(path));
}

/** Parses YAML text (JSON is YAML). `source` names it in messages. Throws ConfigError. */
export function parseJobText(content: string, source: string): JobRequest {
  const yaml = new YamlSource(source, content);
  if (yaml.errors.length > 0) throw new ConfigError(source, "YAML document", yaml.errors.map((error) => ({ path: [], ...error })));
  return parseJob(yaml.value, source, (wanted) => {
    const { line, depth } = yaml.locate(wanted);
    return depth === 0 ? undefined : line;
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const next = ["set `job` in the stack's config to a file of the project, or write the job there"];
    const why = (cause as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : `cannot be read: ${messageOf(cause)}`;
    throw new UserError(`the job file ${path} ${why}`, { code: "config", cause, next });
  }
}
