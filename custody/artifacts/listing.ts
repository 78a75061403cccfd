/** What manifest.sh and status.sh print, read strictly: these lines decide what is believed to exist. Pure. */
import { z } from "zod";
import type { CellState, ManifestCell } from "../formats";
import { CELL_NAME, isArtifactPath } from "../signing/documents";
import { UserError } from "../userError";

export interface ListedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Seconds since 1970, of the instance's clock. */
  readonly mtimeSeconds: number;
}

/** `<sha256> <bytes> <mtime-seconds> <path>` per line; `placed` says where a path belongs in a run. Throws UserError `manifest-malformed` for anything else. */
export function parseListing(stdout: string, where: string, placed: (path: string) => string = (path) => path): ListedFile[] {
  if (stdout !== "" && !stdout.endsWith("\n")) throw malformed(where, "its last line was cut off");
  const seen = new Set<string>();
  return stdout.split("\n").slice(0, -1).map((line) => {
    const match = /^([0-9a-f]{64}) (\d{1,15}) (-?\d{1,12}) (.+)$/.exec(line);
    const [, sha256, bytes, mtime, printed] = match ?? [];
    if (sha256 === undefined || bytes === undefined || mtime === undefined || printed === undefined) throw malformed(where, `the line ${JSON.stringify(line)} is none of its`);
    const path = placed(printed);
    if (!isArtifactPath(path)) throw malformed(where, `${JSON.stringify(path)} is not a path under cells/ or logs/ that can be copied (UTF-8, no control characters)`);
    if (seen.has(path)) throw malformed(where, `${path} is listed twice`);
    seen.add(path);
    return { path, bytes: Number(bytes), sha256, mtimeSeconds: Number(mtime) };
  });
}

/** A file of a run that goes on: `closed` when nobody writes it any more, as far as its machine can tell. */
export interface ClosedFile {
  readonly path: string;
  readonly bytes: number;
  readonly mtimeSeconds: number;
  readonly closed: boolean;
}

/** `closed <bytes> <mtime-seconds> <path>` or `open ...` per line. Throws UserError `manifest-malformed` for anything else. */
export function parseClosedFiles(stdout: string, where: string): ClosedFile[] {
  if (stdout !== "" && !stdout.endsWith("\n")) throw malformed(where, "its last line was cut off");
  return stdout.split("\n").slice(0, -1).flatMap((line) => {
    const [, word, bytes, mtime, path] = /^(closed|open) (\d{1,15}) (-?\d{1,12}) (.+)$/.exec(line) ?? [];
    if (path === undefined) throw malformed(where, `the line ${JSON.stringify(line)} is none of its`);
    // Names that cannot be copied are refused when the whole run is pulled; here they only wait.
    return isArtifactPath(path) ? [{ path, bytes: Number(bytes), mtimeSeconds: Number(mtime), closed: word === "closed" }] : [];
  });
}

/** What custody needs of status.sh; the rest of its answer is for people. */
export interface WriterStatus {
  /** `none` only when the script is certain that nothing writes. */
  readonly writer: string;
  readonly cells: readonly ManifestCell[];
  /** The closing marker of run_queue. */
  readonly closed: { readonly epoch: number | null } | null;
}

const statusSchema = z.looseObject({
  writer: z.string(),
  cells: z.array(z.looseObject({
    cell: z.string().regex(CELL_NAME),
    state: z.string(),
    exit: z.int().nullish(),
    cause: z.string().nullish(),
  })),
  closed: z.looseObject({ epoch: z.number().nullish() }).nullish(),
});

/** Throws UserError `status-malformed`: a state that is not understood must not pass for "nothing writes". */
export function parseWriterStatus(stdout: string, where: string): WriterStatus {
  const parsed = statusSchema.safeParse(parseJson(stdout));
  if (!parsed.success) throw new UserError(`${where}: status.sh did not answer as expected, so it is unknown what the run is doing.`, { code: "status-malformed" });
  const { writer, cells, closed } = parsed.data;
  return {
    writer,
    // A cell whose state file cannot be read has no state here: its files are then found without anybody answering for them.
    // So it is for one that was removed before it began: it has no files, or somebody must look.
    cells: cells.flatMap(({ cell, state, exit, cause }) => isCellState(state)
      ? [{ name: cell, state, ...(exit === undefined ? {} : { exit }), ...(cause === undefined ? {} : { cause }) }]
      : []),
    closed: closed === undefined || closed === null ? null : { epoch: closed.epoch ?? null },
  };
}

const isCellState = (state: string): state is CellState => ["pending", "running", "complete", "failed", "cancelled", "kept"].includes(state);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const malformed = (where: string, what: string): UserError =>
  new UserError(`${where}: the list of artifacts cannot be used: ${what}.`, { code: "manifest-malformed" });
