/** The manifest: every artifact with its size and hash, computed where it durably lives. */
import { byPath } from "./canonical";
import { matchesGlob } from "./artifacts/glob";
import { parseListing, parseWriterStatus, type ListedFile, type WriterStatus } from "./artifacts/listing";
import type { Clock } from "./clock";
import { systemClock } from "./clock";
import { runId, type Manifest, type ManifestCell, type ManifestFile, type RunRef } from "./formats";
import type { Remote, RemoteResult } from "./remote";
import { RemoteUnreachable } from "./remote";
import { manifestSchema, readDocument } from "./signing/documents";
import { UserError } from "./userError";

export interface TakeManifestOptions {
  readonly run: RunRef;
  /** Absolute run directory on the durable tier. */
  readonly directory: string;
  /** Folder on the instance that holds manifest.sh and status.sh. */
  readonly scripts: string;
  /** Tier id of the profile. */
  readonly tier: string;
  /** Vendor's id of what holds the tier (a file system). */
  readonly resource: string;
  /** The roster with what each cell keeps. `keep` wins over `scratch`; what neither names is kept. */
  readonly cells: readonly CellPatterns[];
  /** Hash only these cells and their logs, while the rest is still being written. Such a manifest is never `closed`. */
  readonly only?: readonly string[];
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** Seconds the hashing may take; default 6 h. */
  readonly timeoutSeconds?: number;
  readonly onProgress?: (progress: { readonly files: number }) => void;
}

/** Globs relative to the cell's folder. */
export interface Patterns {
  readonly scratch: readonly string[];
  readonly keep?: readonly string[];
}

export interface CellPatterns extends Patterns {
  readonly name: string;
  /** What must each match a file once the cell is complete. */
  readonly expected?: readonly string[];
  /** What was declared of it before, in this life of the run: what any of them kept is kept. */
  readonly former?: readonly Patterns[];
}

/**
 * Hashes everything under cells/ and logs/ on the durable tier. Throws RemoteUnreachable; UserError `manifest-refused`
 * (names or kinds of files that cannot be copied faithfully), `manifest-changed` (a file grew while it was hashed).
 */
export async function takeManifest(remote: Remote, options: TakeManifestOptions): Promise<Manifest> {
  const before = await readWriterStatus(remote, options);
  let files = 0;
  const result = await remote.exec(["sh", `${options.scripts}/manifest.sh`, options.directory, ...(options.only ?? [])], {
    timeoutSeconds: options.timeoutSeconds ?? 6 * 3600,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.onProgress === undefined ? {} : { onLine: () => options.onProgress?.({ files: ++files }) }),
  });
  const listed = readListing(remote, result, options.run);
  const after = await readWriterStatus(remote, options);
  return buildManifest(options, listed, before, after, (options.clock ?? systemClock).now());
}

/** Asks whether anything writes. Throws RemoteUnreachable or UserError; never guesses. */
export async function readWriterStatus(remote: Remote, place: Pick<TakeManifestOptions, "scripts" | "directory">): Promise<WriterStatus> {
  const result = await remote.exec(["sh", `${place.scripts}/status.sh`, place.directory]);
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while the run's state was read");
  if (result.exitCode !== 0) throw scriptFailed(remote, "status.sh", result);
  return parseWriterStatus(result.stdout, remote.description);
}

/** Pure: the same listing and states always give the same manifest. */
function buildManifest(
  options: Pick<TakeManifestOptions, "run" | "directory" | "tier" | "resource" | "cells" | "only">,
  listed: readonly ListedFile[], before: WriterStatus, after: WriterStatus, now: Date,
): Manifest {
  const patterns = new Map(options.cells.map((cell) => [cell.name, cell]));
  const kept: ManifestFile[] = [];
  const scratch = { files: 0, bytes: 0 };
  for (const { path, bytes, sha256 } of [...listed].sort(byPath)) {
    const cell = cellOf(path);
    if (isScratch(path, cell, patterns)) {
      scratch.files += 1;
      scratch.bytes += bytes;
    } else {
      kept.push({ path, bytes, sha256, ...(cell === undefined ? {} : { cell }) });
    }
  }
  // Nothing wrote before and after, and no queue began or ended in between.
  const quiet = before.writer === "none" && after.writer === "none";
  const closed = options.only === undefined && quiet && before.closed !== null && after.closed !== null && before.closed.epoch === after.closed.epoch;
  return {
    v: 1,
    run: { project: options.run.project, stack: options.run.stack, name: options.run.name },
    takenAt: now.toISOString(),
    place: { tier: options.tier, directory: options.directory, resource: options.resource },
    cells: cellStates(options.cells, after.cells, kept).filter((cell) => options.only?.includes(cell.name) ?? true),
    files: kept,
    scratch,
    closed,
  };
}

/** Checks text against the format. Throws UserError `manifest-invalid`; `source` is named in it. */
export function parseManifest(text: string, source: string): Manifest {
  const invalid = (fault: string): UserError => new UserError(`The manifest ${source} cannot be used: ${fault}.`, { code: "manifest-invalid" });
  const manifest = readDocument(text, manifestSchema, invalid);
  const paths = new Set(manifest.files.map((file) => file.path));
  if (paths.size !== manifest.files.length) throw invalid("it lists a file twice");
  return manifest;
}

/** `cells/<cell>/...` belongs to that cell, `logs/<cell>.log` is the run's own. */
export const cellOf = (path: string): string | undefined => /^cells\/([^/]+)\//.exec(path)?.[1];

export function isScratch(path: string, cell: string | undefined, patterns: ReadonlyMap<string, CellPatterns>): boolean {
  // A trainer's unfinished write; the finished one has another name.
  if (path.endsWith(".tmp")) return true;
  const known = cell === undefined ? undefined : patterns.get(cell);
  if (known === undefined) return false;
  const inCell = path.slice(`cells/${known.name}/`.length);
  return [known, ...(known.former ?? [])].every(({ keep = [], scratch }) =>
    !keep.some((pattern) => matchesGlob(inCell, pattern)) && scratch.some((pattern) => matchesGlob(inCell, pattern)));
}

/**
 * A cell of the roster without a state and without a file has never started: pending. A folder that no state file speaks
 * of is not listed here, so that whoever decides finds files of a cell that nobody answers for.
 */
function cellStates(roster: readonly CellPatterns[], found: readonly ManifestCell[], files: readonly ManifestFile[]): ManifestCell[] {
  const known = new Set(found.map((cell) => cell.name));
  const pathsOf = Map.groupBy(files, (file) => file.cell);
  const pending = roster.filter((cell) => !known.has(cell.name) && !pathsOf.has(cell.name)).map((cell): ManifestCell => ({ name: cell.name, state: "pending" }));
  const patterns = new Map(roster.map((cell) => [cell.name, cell]));
  const judged = found.map((cell) => withMissing(cell, patterns.get(cell.name), pathsOf.get(cell.name) ?? []));
  return [...judged, ...pending].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Exit code 0 alone proves no artifact: a trainer that saved elsewhere, or nothing, ends well too. */
function withMissing(cell: ManifestCell, patterns: CellPatterns | undefined, files: readonly ManifestFile[]): ManifestCell {
  if (cell.state !== "complete") return cell;
  const inCell = files.map(({ path }) => path.slice(`cells/${cell.name}/`.length));
  const missing = (patterns?.expected ?? []).filter((pattern) => !inCell.some((path) => matchesGlob(path, pattern)));
  return missing.length === 0 ? cell : { ...cell, missing };
}

/** What manifest.sh printed, or the error that its exit code means. */
export function readListing(remote: Remote, result: RemoteResult, run: RunRef, parse: (stdout: string) => ListedFile[] = (stdout) => parseListing(stdout, remote.description)): ListedFile[] {
  switch (result.exitCode) {
    case 0:
      return parse(result.stdout);
    case "unknown":
      throw new RemoteUnreachable(remote.description, "the connection ended while the artifacts were hashed");
    case 4:
      throw new UserError(
        `${runId(run)} has files that cannot be copied faithfully: ${linesOf(result, "refuse ").join("; ") || result.stderr.trim()}. Rename or remove them on the instance.`,
        { code: "manifest-refused", next: [`holdfast ssh ${runId(run)}`] },
      );
    case 5:
      throw new UserError(
        `${runId(run)} is still being written: ${linesOf(result, "changed ").join(", ") || "a file"} changed while it was hashed.`,
        { code: "manifest-changed", next: [`holdfast status ${runId(run)}`] },
      );
    default:
      throw scriptFailed(remote, "manifest.sh", result);
  }
}

const linesOf = (result: RemoteResult, prefix: string): string[] =>
  result.stdout.split("\n").filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length));

const scriptFailed = (remote: Remote, script: string, result: RemoteResult): UserError =>
  new UserError(`${remote.description}: ${script} ended with exit code ${result.exitCode}: ${result.stderr.trim() || "no message"}`, { code: "remote-command" });
