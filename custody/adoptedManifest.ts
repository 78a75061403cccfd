/** The manifest of a folder that was not made here: all of it, as the one cell of a run. */
import { ADOPTED_CELL, ADOPTED_PREFIX } from "./adopted";
import { parseListing, type ListedFile } from "./artifacts/listing";
import { byPath } from "./canonical";
import type { Clock } from "./clock";
import type { Manifest, RunRef } from "./formats";
import { readListing } from "./manifest";
import type { Remote } from "./remote";

export interface AdoptedPlace {
  readonly run: RunRef;
  /** Absolute, on the machine. */
  readonly directory: string;
  /** Folder on the machine that holds manifest.sh. */
  readonly scripts: string;
  /** The machine's id. */
  readonly resource: string;
}

export interface AdoptedListing {
  /** Never `closed`: nothing here knows whether somebody writes. */
  readonly manifest: Manifest;
  /** Files, relative to the folder, that changed while they were hashed, and are not in the manifest. */
  readonly beingWritten: readonly string[];
}

/** Throws RemoteUnreachable; UserError as takeManifest, but for files that are being written: they are left out and named. */
export async function takeAdoptedManifest(remote: Remote, { run, directory, scripts, resource }: AdoptedPlace, clock: Clock): Promise<AdoptedListing> {
  const result = await remote.exec(["sh", `${scripts}/manifest.sh`, "--all", directory], { timeoutSeconds: 6 * 3600 });
  const beingWritten: string[] = [];
  const listed = readListing(remote, result, run, (stdout) => {
    const lines = stdout.split(/(?<=\n)/);
    beingWritten.push(...lines.filter(isChange).map((line) => line.slice("changed ./".length).trimEnd()));
    return parseListing(lines.filter((line) => !isChange(line)).join(""), remote.description, (path) => path.replace(/^\.\//, ADOPTED_PREFIX));
  });
  return { manifest: manifestOf(listed, { run, directory, resource }, clock.now()), beingWritten };
}

const isChange = (line: string): boolean => line.startsWith("changed ./");

function manifestOf(listed: readonly ListedFile[], { run, directory, resource }: Omit<AdoptedPlace, "scripts">, now: Date): Manifest {
  return {
    v: 1,
    run: { project: run.project, stack: run.stack, name: run.name },
    takenAt: now.toISOString(),
    place: { tier: "adopted", directory, resource },
    cells: [],
    files: [...listed].sort(byPath).map(({ path, bytes, sha256 }) => ({ path, bytes, sha256, cell: ADOPTED_CELL })),
    scratch: { files: 0, bytes: 0 },
    closed: false,
  };
}
