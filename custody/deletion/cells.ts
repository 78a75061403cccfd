/** Is every cell accounted for? The roster is the union of ledger, state and what is found on the instance. Pure. */
import type { Manifest, ManifestCell, Receipt } from "../formats";
import type { DeletionFacts, Reason } from "./facts";
import { cellNotLoaded, cellUnaccounted, cellUnfinished, cellWithout } from "./reasons";

/**
 * One reason per cell that would be lost: not complete, without what its job says must be there, with files that do not load,
 * or unknown. A cell is complete only when everything that speaks of it says so.
 */
export function unfinishedCells(facts: DeletionFacts, listings: readonly (readonly ManifestCell[])[], files: Manifest["files"], receipt: Receipt | null): Map<string, Reason> {
  const reasons = new Map<string, Reason>();
  for (const name of cellNames(facts, listings, files)) {
    const spoken = listings.flatMap((cells) => cells.filter((cell) => cell.name === name));
    // What was set aside has nothing left to come: its files are artifacts like all others.
    const open = spoken.find((cell) => cell.state !== "complete" && cell.state !== "kept");
    const missing = spoken.flatMap((cell) => cell.missing ?? []);
    if (spoken.length === 0) reasons.set(name, cellUnaccounted(facts.run, name, filesOf(files, name)));
    else if (open !== undefined) reasons.set(name, cellUnfinished(facts.run, open));
    else if (missing.length > 0) reasons.set(name, cellWithout(facts.run, name, [...new Set(missing)]));
  }
  for (const { cell, path, message } of receipt?.notLoaded ?? []) {
    if (!reasons.has(cell)) reasons.set(cell, cellNotLoaded(facts.run, cell, `${path}: ${message.replace(/\.$/, "")}`));
  }
  return reasons;
}

/** Cells that nothing speaks of, whatever the state of the others: while the run goes on, only these are in doubt. */
export function unaccountedCells(facts: DeletionFacts, listings: readonly (readonly ManifestCell[])[], files: Manifest["files"]): Map<string, Reason> {
  const known = new Set(listings.flatMap((cells) => cells.map((cell) => cell.name)));
  const absent = cellNames(facts, listings, files).filter((name) => !known.has(name));
  return new Map(absent.map((name) => [name, cellUnaccounted(facts.run, name, filesOf(files, name))]));
}

function cellNames(facts: DeletionFacts, listings: readonly (readonly ManifestCell[])[], files: Manifest["files"]): string[] {
  const names = new Set(facts.view.roster);
  for (const cells of listings) for (const cell of cells) names.add(cell.name);
  for (const file of files) if (file.cell !== undefined) names.add(file.cell);
  return [...names].sort();
}

const filesOf = (files: Manifest["files"], cell: string): number => files.filter((file) => file.cell === cell).length;
