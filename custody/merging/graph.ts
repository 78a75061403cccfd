/**
 * A ledger that was merged is no chain any more but a graph: lines that two stores added apart, joined by `custody.merged`. Who
 * comes before whom is said by the hashes alone, so every order in which a file may hold the same lines means the same.
 */
import type { LedgerEntry } from "../formats";

export const isMerge = (entry: LedgerEntry): entry is LedgerEntry<"custody.merged"> => entry.kind === "custody.merged";

/** Hashes of the lines that a line follows directly; of a first line none is known. */
export const parentsOf = (entry: LedgerEntry): readonly string[] => (isMerge(entry) ? entry.data.heads : [entry.prev]);

export class LedgerGraph {
  private readonly byHash: ReadonlyMap<string, LedgerEntry>;

  /** `entries`: verified lines, each after those it follows. */
  constructor(entries: readonly LedgerEntry[]) {
    this.byHash = new Map(entries.map((entry) => [entry.hash, entry]));
  }

  /** Throws for a hash that is no line of this ledger. */
  line(hash: string): LedgerEntry {
    const entry = this.byHash.get(hash);
    if (entry === undefined) throw new RangeError(`no ledger line has the hash ${hash}`);
    return entry;
  }

  /** The lines that this one follows directly. */
  parents(entry: LedgerEntry): LedgerEntry[] {
    return parentsOf(entry).flatMap((hash) => this.byHash.get(hash) ?? []);
  }

  /** Hashes of these lines and of everything they follow. */
  ancestors(heads: readonly string[]): Set<string> {
    const found = new Set<string>();
    const open = [...heads];
    for (let hash = open.pop(); hash !== undefined; hash = open.pop()) {
      const entry = this.byHash.get(hash);
      if (entry === undefined || found.has(hash)) continue;
      found.add(hash);
      open.push(...parentsOf(entry));
    }
    return found;
  }

  /** The lines of the set that no other line of it follows, sorted. */
  heads(hashes: ReadonlySet<string>): string[] {
    const followed = new Set([...hashes].flatMap((hash) => parentsOf(this.line(hash))));
    return [...hashes].filter((hash) => !followed.has(hash)).sort();
  }

  /** Every line after those it follows; between lines that know nothing of each other the earlier first, then the smaller hash. */
  inOrder(hashes: ReadonlySet<string>): LedgerEntry[] {
    const waiting = new Map<string, number>();
    const children = new Map<string, LedgerEntry[]>();
    for (const hash of hashes) {
      const entry = this.line(hash);
      const before = this.parents(entry).filter((parent) => hashes.has(parent.hash));
      waiting.set(hash, before.length);
      for (const parent of before) children.set(parent.hash, [...(children.get(parent.hash) ?? []), entry]);
    }
    // Few lines are free at a time: one per store that went its own way.
    const free = [...hashes].filter((hash) => waiting.get(hash) === 0).map((hash) => this.line(hash)).sort(byTime);
    const ordered: LedgerEntry[] = [];
    for (let next = free.shift(); next !== undefined; next = free.shift()) {
      ordered.push(next);
      for (const child of children.get(next.hash) ?? []) {
        const left = (waiting.get(child.hash) ?? 0) - 1;
        waiting.set(child.hash, left);
        if (left === 0) free.push(child);
      }
      free.sort(byTime);
    }
    return ordered;
  }
}

const byTime = (a: LedgerEntry, b: LedgerEntry): number => Date.parse(a.at) - Date.parse(b.at) || (a.hash < b.hash ? -1 : 1);
