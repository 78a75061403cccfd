/** A pulled copy, cell by cell: result, files, bytes, and the hash of what counts. Reads metrics.json from the copy. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { FileVerdict } from "../../custody";
import type { Manifest, ManifestFile } from "../../custody/formats";
import type { Paint } from "./paint";
import { renderTable } from "./table";
import { formatBytes } from "./units";

export interface Copy {
  readonly directory: string;
  readonly verdicts: readonly FileVerdict[];
}

export interface CellOfCopy {
  readonly cell: string;
  readonly state: string;
  readonly files: number;
  readonly bytes: number;
  /** Checkpoints that loaded, of those there are. */
  readonly loaded: number;
  readonly loadable: number;
  /** sha256 of the newest checkpoint by name. */
  readonly newest: { readonly path: string; readonly sha256: string } | null;
  /** Numbers at the top of the cell's metrics.json. */
  readonly metrics: Readonly<Record<string, number>>;
}

export function cellsOfCopy(manifest: Manifest, copy: Copy): CellOfCopy[] {
  const verdicts = new Map(copy.verdicts.map((verdict) => [verdict.path, verdict]));
  return manifest.cells.map((cell) => {
    const files = manifest.files.filter((file) => file.cell === cell.name);
    const loadable = files.filter((file) => isCheckpoint(verdicts.get(file.path)));
    const newest = files.filter((file) => file.path.includes("/checkpoints/")).sort(byName).at(-1) ?? loadable.at(-1);
    return {
      cell: cell.name,
      state: cell.state,
      files: files.length,
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      loaded: loadable.filter((file) => verdicts.get(file.path)?.ok === true).length,
      loadable: loadable.length,
      newest: newest === undefined ? null : { path: newest.path, sha256: newest.sha256 },
      metrics: readMetrics(join(copy.directory, "cells", cell.name, "metrics.json")),
    };
  });
}

export function renderCopy(manifest: Manifest, copy: Copy, options: { paint: Paint; width: number | undefined; indent?: number }): string {
  const { paint } = options;
  const cells = cellsOfCopy(manifest, copy);
  const metrics = [...new Set(cells.flatMap((cell) => Object.keys(cell.metrics)))].filter((name) => shownMetrics.test(name)).slice(0, 2);
  const rows = cells.map((cell) => [
    cell.cell,
    cell.state === "complete" ? paint("good", cell.state) : paint("warn", cell.state),
    ...metrics.map((name) => (cell.metrics[name] === undefined ? "-" : formatMetric(cell.metrics[name]))),
    String(cell.files),
    formatBytes(cell.bytes),
    cell.loaded === cell.loadable ? `${cell.loaded}` : paint("bad", `${cell.loaded} of ${cell.loadable}`),
    cell.newest === null ? "-" : `${cell.newest.path.split("/").at(-1) ?? ""} ${paint("faint", cell.newest.sha256.slice(0, 12))}`,
  ]);
  const first = 2 + metrics.length;
  const right = [...metrics.map((_, index) => index + 2), first, first + 1, first + 2];
  return renderTable(["cell", "state", ...metrics.map((name) => name.replaceAll("_", " ")), "files", "size", "loaded", "newest checkpoint, sha256"], rows, { ...options, right });
}

/** Results that a person looks for first; the rest stays in the file. */
const shownMetrics = /accuracy|loss|perplexity|f1|score/i;

const isCheckpoint = (verdict: FileVerdict | undefined): boolean => verdict !== undefined && verdict.format !== "opaque" && verdict.format !== "json";
const byName = (a: ManifestFile, b: ManifestFile): number => a.path.localeCompare(b.path, "en", { numeric: true });
const formatMetric = (value: number | undefined): string => (value === undefined ? "-" : Number.isInteger(value) ? String(value) : value.toFixed(4));

/** A file of a training run is not ours to trust: anything but small, well-formed JSON gives no metrics. */
function readMetrics(path: string): Record<string, number> {
  try {
    if (statSync(path).size > 1_000_000) return {};
    const value = JSON.parse(readFileSync(path, "utf8")) as unknown;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
    return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === "number"));
  } catch {
    return {};
  }
}
