/** The folder that artifacts are pulled into: room for them, what lies there already, and nothing of it ever lost. */
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { tryFileLock, type FileLock } from "../disk/fileLock";
import { makeDirectory, renameDurably, syncDirectory, syncFile, writeFileDurably } from "../disk/files";
import type { Manifest, ManifestFile } from "../formats";
import { UserError } from "../userError";

/** Written beside the artifacts: the manifest this copy was verified against. */
export const MANIFEST_BESIDE = "holdfast-manifest.json";
/** Where a transfer keeps files that are not whole yet (rsync --partial-dir): a resumed pull needs them. */
const PARTIAL_DIRECTORY = ".holdfast-partial";

/** Makes the folder where it is missing; one pull at a time writes there. Throws UserError `pull-running`. */
export function lockTarget(target: string): FileLock {
  makeDirectory(target);
  const lock = tryFileLock(join(target, ".holdfast-pull.lock"));
  if (lock === null) throw new UserError(`Another pull is writing to ${target}; two at once would spoil each other.`, { code: "pull-running", next: ["wait until it ends"] });
  return lock;
}

/** Throws UserError `disk-full` when the files that are not there yet would not fit, with a margin for everything else. */
export function assertRoomFor(target: string, files: readonly ManifestFile[]): void {
  const missing = files.filter((file) => sizeOf(join(target, file.path)) !== file.bytes);
  const needed = missing.reduce((sum, file) => sum + file.bytes, 0);
  if (needed === 0) return;
  const disk = statfsSync(target);
  const free = disk.bavail * disk.bsize;
  const wanted = needed + Math.ceil(needed * 0.02) + (64 << 20);
  if (free < wanted) {
    throw new UserError(`The disk under ${target} has ${gibibytes(free)} free; the pull needs ${gibibytes(wanted)}. Nothing was transferred.`, {
      code: "disk-full", next: [`df -h ${target}`, "holdfast pull RUN --to DIRECTORY (on a larger disk)"],
    });
  }
  // File systems without a fixed number of inodes report 0 of 0.
  if (disk.files > 0 && disk.ffree < missing.length + 100) {
    throw new UserError(`The disk under ${target} has room for ${disk.ffree} more files; the pull brings ${missing.length}. Nothing was transferred.`, {
      code: "inodes-full", next: [`df -i ${target}`],
    });
  }
}

/** What was moved out of the way, and where to. */
export interface MovedAside {
  readonly directory: string;
  /** Not named by the manifest: kept for good. */
  readonly extra: readonly string[];
  /** Earlier versions of files that the pull brings anew: kept until the new version is verified. */
  readonly superseded: readonly string[];
}

/**
 * Before a transfer: what the manifest does not name, and earlier versions of what it names, go to `.stale-<time>/`.
 * A file that already has the wanted size is left for the transfer to compare.
 */
export function moveAsideStale(target: string, manifest: Manifest, now: Date): MovedAside | null {
  const wanted = new Map(manifest.files.map((file) => [file.path, file]));
  const earlier = new Map(manifestBeside(target)?.files.map((file) => [file.path, file.sha256]));
  const extra: string[] = [];
  const superseded: string[] = [];
  for (const path of filesUnder(target, foldersSpokenFor(manifest))) {
    const file = wanted.get(path);
    if (file === undefined) extra.push(path);
    else if (sizeOf(join(target, path)) !== file.bytes || (earlier.get(path) ?? file.sha256) !== file.sha256) superseded.push(path);
  }
  return extra.length + superseded.length === 0 ? null : moveAside(target, { extra, superseded }, now);
}

/** Moves the named files to `.stale-<time>/`, keeping their paths below it. */
export function moveAside(target: string, files: { extra: readonly string[]; superseded: readonly string[] }, now: Date): MovedAside {
  const directory = unusedName(join(target, `.stale-${now.toISOString().replaceAll(":", "-")}`));
  for (const path of [...files.extra, ...files.superseded]) {
    makeDirectory(dirname(join(directory, path)));
    renameDurably(join(target, path), join(directory, path));
  }
  return { directory, ...files };
}

/** After the new versions were verified and signed for. */
export function dropSuperseded(moved: MovedAside): void {
  for (const path of moved.superseded) rmSync(join(moved.directory, path), { force: true });
  if (moved.extra.length === 0) rmSync(moved.directory, { recursive: true, force: true });
}

/** Flushes the copy: a receipt must not outlive the bytes it speaks of when the power fails a moment later. */
export function flushCopy(target: string, manifest: Manifest): void {
  const folders = new Set<string>([target]);
  for (const { path } of manifest.files) {
    syncFile(join(target, path));
    for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) folders.add(join(target, folder));
  }
  for (const folder of folders) syncDirectory(folder);
}

export function writeManifestBeside(target: string, manifest: Manifest): void {
  writeFileDurably(join(target, MANIFEST_BESIDE), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Only a hint about what was verified here before, so an unreadable one is as good as none. */
function manifestBeside(target: string): Pick<Manifest, "files"> | null {
  try {
    const value = JSON.parse(readFileSync(join(target, MANIFEST_BESIDE), "utf8")) as Manifest;
    return Array.isArray(value.files) ? value : null;
  } catch {
    return null;
  }
}

/** The manifest of a closed run speaks for everything; an earlier one, or one of chosen cells, only for its cells' folders. */
function foldersSpokenFor(manifest: Manifest): string[] {
  if (manifest.closed) return ["cells", "logs"];
  return manifest.cells.map((cell) => `cells/${cell.name}`);
}

function filesUnder(target: string, folders: readonly string[]): string[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(target, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (!entry.isDirectory()) found.push(path);
      else if (entry.name !== PARTIAL_DIRECTORY) walk(path);
    }
  };
  for (const folder of folders) if (existsSync(join(target, folder))) walk(folder);
  return found;
}

function sizeOf(path: string): number | null {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true ? found.size : null;
}

/** `path`, or with -2, -3, ... behind it. */
export function unusedName(path: string): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? path : `${path}-${number}`;
    if (!existsSync(name)) return name;
  }
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
