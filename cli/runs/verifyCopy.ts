/** A local folder of artifacts read once more: against a manifest, or on its own. */
import { readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { FileVerdict } from "../../custody";
import { MANIFEST_BESIDE, verifyTree } from "../../custody";
import type { Manifest } from "../../custody/formats";
import { formatBytes } from "../render/units";

export interface CopyFault {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

export interface CopyOutcome {
  /** Paths relative to the folder. */
  readonly verdicts: readonly FileVerdict[];
  readonly faults: readonly CopyFault[];
}

export interface ReadOptions {
  readonly signal: AbortSignal;
  say(detail: string): void;
}

/**
 * Every file of the manifest: there, of that size and hash, and loading. Files that the manifest does not name are faults too,
 * where it speaks for everything: one of chosen cells says nothing about the others.
 */
export async function verifyAgainst(directory: string, manifest: Manifest, options: ReadOptions): Promise<CopyOutcome> {
  const total = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  const { files: verdicts, problems } = await verifyTree(directory, manifest.files, {
    signal: options.signal,
    onProgress: ({ bytesDone }) => {
      options.say(`${formatBytes(bytesDone)} of ${formatBytes(total)}`);
    },
  });
  const named = new Set(manifest.files.map((file) => file.path));
  const extra = filesUnder(directory).filter((path) => speaksFor(manifest, path) && !named.has(path));
  return {
    verdicts,
    faults: [...problems.map(({ path, code, message }) => ({ path, code, message })), ...extra.map((path) => ({ path, code: "extra", message: "the manifest does not name it" }))],
  };
}

const speaksFor = (manifest: Manifest, path: string): boolean =>
  manifest.closed ? /^(cells|logs)\//.test(path) : manifest.cells.some((cell) => path.startsWith(`cells/${cell.name}/`));

/** No manifest: every file, or the one that is named, is read, and whatever is in a known format must load. */
export async function verifyUnlisted(directory: string, file: string | null, options: ReadOptions): Promise<CopyOutcome> {
  const paths = file === null ? filesUnder(directory).filter((path) => path !== MANIFEST_BESIDE) : [file];
  const { files: verdicts } = await verifyTree(directory, paths.map((path) => ({ path })), {
    signal: options.signal,
    onProgress: ({ bytesDone, bytesTotal, filesDone, filesTotal }) => {
      options.say(`${filesDone} of ${filesTotal} files, ${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`);
    },
  });
  const faults = verdicts.flatMap((verdict) => verdict.problems.slice(0, 1).map(({ code, message }) => ({ path: verdict.path, code, message })));
  const loadable = verdicts.filter((verdict) => verdict.format !== "opaque");
  return { verdicts, faults: loadable.length > 0 ? faults : [...faults, { path: file ?? directory, code: "no-checkpoint", message: file === null ? "no file here is in a format that can be loaded" : "it is not in a format that can be loaded" }] };
}

/** Regular files, relative with forward slashes, sorted; what was moved aside and what a transfer left half-way is not part of the copy. */
function filesUnder(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((path) => !path.split("/").some((part) => part.startsWith(".")))
    .sort();
}
