/** Receipts: the statement that a manifest arrived somewhere whole and loads there, and whether that still holds. */
import { join } from "node:path";
import { manifestDigest, totalBytes } from "./canonical";
import { placeOfCopy, type CopyPlaces } from "./copyPlaces";
import { hashFile } from "./disk/hash";
import type { Manifest, NotLoaded, Receipt } from "./formats";
import { newEvidenceId, RECEIPT } from "./signing/evidence";
import type { FileVerdict } from "./verify";

/**
 * What re-reading the copy showed. `elsewhere`: it lies on another machine. `temporary`: on this one, which is thrown away
 * with its job. `goes`: it is whole, and on the run's own storage or machine, seen from here under another name. `missing`: a
 * file of it is not there. `unchecked`: nobody looked.
 */
export type CopyState = "matches" | "missing" | "differs" | "elsewhere" | "temporary" | "goes" | "unchecked";

export interface BuildReceiptOptions {
  readonly manifest: Manifest;
  readonly how: Receipt["how"];
  readonly place: Receipt["place"];
  readonly verdicts: readonly FileVerdict[];
  readonly notLoaded: readonly NotLoaded[];
  readonly at: Date;
}

/** Pure but for the id. */
export function buildReceipt({ manifest, how, place, verdicts, notLoaded, at }: BuildReceiptOptions): Receipt {
  return {
    v: 1,
    id: newEvidenceId(RECEIPT),
    run: manifest.run,
    manifestSha256: manifestDigest(manifest),
    how,
    place,
    files: manifest.files.length,
    bytes: totalBytes(manifest.files),
    loaded: verdicts
      .filter((verdict) => verdict.ok && verdict.format !== "opaque")
      .map(({ path, format, summary }) => ({ path, format, ...(summary === undefined ? {} : { tensors: summary.tensors }) })),
    notLoaded,
    cells: manifest.cells,
    at: at.toISOString(),
  };
}

/** Speaks of every cell of the roster; a receipt of single cells, signed while the others still trained, does not. */
export const coversRoster = (receipt: Receipt, roster: ReadonlySet<string>): boolean =>
  [...roster].every((name) => receipt.cells.some((cell) => cell.name === name));

/**
 * Reads every byte of the copy again and compares it with the manifest that the receipt names. Never throws for what the
 * copy looks like; a manifest other than the receipt's own never matches.
 */
export async function recheckReceipt(
  receipt: Receipt, manifest: Manifest, places: CopyPlaces, options: { signal?: AbortSignal } = {},
): Promise<Exclude<CopyState, "goes" | "unchecked">> {
  const where = placeOfCopy(receipt.place, places);
  if (where !== "here") return where;
  if (manifestDigest(manifest) !== receipt.manifestSha256) return "differs";
  let differs = false;
  for (const file of manifest.files) {
    const found = await hashFile(join(receipt.place.directory, file.path), options.signal).catch((error: unknown) => {
      // Aborted is no answer; anything else means that the copy cannot be read.
      options.signal?.throwIfAborted();
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      return { bytes: -1, sha256: "" };
    });
    if (found === null) return "missing";
    if (found.bytes !== file.bytes || found.sha256 !== file.sha256) differs = true;
  }
  return differs ? "differs" : "matches";
}
