/** The edge: a job request from a YAML file, faults with their lines. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument, type Document } from "yaml";
import { messageOf, UserError } from "../custody/userError";
import { ConfigError, type PropertyPath } from "./input/faults";
import { parseJob, type JobRequest } from "./job";

/** Reads and parses. `code` stays relative to the file's folder. Throws UserError (unreadable) or ConfigError. */
export function readJobFile(path: string): JobRequest {
  return parseJobText(readText(path), basename(path));
}

/** Parses YAML text (JSON is YAML). `source` names it in messages. Throws ConfigError. */
export function parseJobText(content: string, source: string): JobRequest {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => ({ path: [], message: error.message, line: lines.linePos(error.pos[0]).line }));
    throw new ConfigError(source, "YAML document", faults);
  }
  return parseJob(document.toJS() as unknown, source, (wanted) => lineOf(document, lines, wanted));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const next = ["set `job` in the stack's config to a file of the project, or write the job there"];
    throw new UserError(`the job file ${path} cannot be read: ${messageOf(cause)}`, { code: "config", cause, next });
  }
}

/** Line of the deepest part of `path` that the document has: the key of a map's entry, the item of a list. */
function lineOf(document: Document, lines: LineCounter, path: PropertyPath): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) break;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === "number") {
      const item: unknown = node.items[step];
      if (isNode(item)) offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}
