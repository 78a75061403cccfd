/**
 * Two ledgers of one run that grew apart, made into one: every line of both as it was written, and one that names both heads.
 * Pure, and whoever joins the same two gets the same line, so that two stores which join each other's ledgers agree at once.
 */
import { canonicalJson, sha256Hex } from "../canonical";
import type { LedgerEntry } from "../formats";
import { LedgerGraph } from "./graph";

export interface Joined {
  /**
   * `same`: both hold the same lines. `ahead`: ours hold all of theirs. `behind`: theirs hold all of ours. `joined`: each had
   * lines that the other lacked.
   */
  readonly relation: "same" | "ahead" | "behind" | "joined";
  /** Ours first, then what is only theirs; the last is the head. */
  readonly entries: readonly LedgerEntry[];
  /** How many of theirs were new. */
  readonly added: number;
}

/** Both must be verified ledgers of the same run. */
export function joinLedgers(ours: readonly LedgerEntry[], theirs: readonly LedgerEntry[]): Joined {
  const known = new Set(ours.map((entry) => entry.hash));
  const news = theirs.filter((entry) => !known.has(entry.hash));
  const theirHashes = new Set(theirs.map((entry) => entry.hash));
  const ownOnly = ours.some((entry) => !theirHashes.has(entry.hash));
  if (news.length === 0) return { relation: ownOnly ? "ahead" : "same", entries: ours, added: 0 };
  const all = [...ours, ...news];
  if (!ownOnly) return { relation: "behind", entries: all, added: news.length };
  return { relation: "joined", entries: [...all, mergeLine(all, [ours.at(-1), theirs.at(-1)])], added: news.length };
}

/** Its time is that of the later head, not of the joining: two that join the same must write the same. */
function mergeLine(entries: readonly LedgerEntry[], [one, other]: readonly [LedgerEntry | undefined, LedgerEntry | undefined]): LedgerEntry<"custody.merged"> {
  if (one === undefined || other === undefined) throw new RangeError("an empty ledger has nothing to join");
  const heads = [one.hash, other.hash].sort();
  const at = Date.parse(one.at) >= Date.parse(other.at) ? one.at : other.at;
  const body = {
    v: 1 as const, seq: new LedgerGraph(entries).ancestors(heads).size + 1, at: new Date(at).toISOString(), kind: "custody.merged" as const, data: { heads }, prev: heads[0] ?? "",
  };
  return { ...body, hash: sha256Hex(canonicalJson(body)) };
}
