/**
 * What a merged ledger says: the view of what both sides share, both sides' lines upon it in order of time, and then whatever
 * only one of them would have made easier is taken back. The same lines give the same view, in whichever file and order they stand.
 */
import type { LedgerEntry, LedgerKind } from "../formats";
import { isMerge, LedgerGraph } from "./graph";

/** One of the two that were joined: what it said alone, and the lines that only it had. */
export interface Side<V> {
  readonly view: V | null;
  readonly own: readonly LedgerEntry[];
  /** Nothing was made, started, deleted or allowed in its own lines: somebody only looked, pulled or signed. */
  readonly quiet: boolean;
}

export interface Folding<V> {
  /** Upon a view, which may be changed; null: nothing was declared yet. `begins` false: no line of these may begin a new life. */
  apply(view: V | null, lines: readonly LedgerEntry[], begins: boolean): V | null;
  /** Takes back what the sides do not agree on. Must not care which side is first. */
  reconcile(view: V, sides: readonly [Side<V>, Side<V>]): V;
}

/** Views are plain values: they are copied with structuredClone. */
export function foldGraph<V>(entries: readonly LedgerEntry[], folding: Folding<V>): V | null {
  return new GraphFold(new LedgerGraph(entries), folding).upTo([entries.at(-1)?.hash ?? ""]);
}

class GraphFold<V> {
  private readonly known = new Map<string, V | null>();

  constructor(
    private readonly graph: LedgerGraph,
    private readonly folding: Folding<V>,
  ) {}

  /** The view of these lines and everything they follow. */
  upTo(heads: readonly string[]): V | null {
    const key = [...heads].sort().join(" ");
    const known = this.known.get(key);
    const view = known === undefined ? this.fold(heads) : known;
    this.known.set(key, view);
    return structuredClone(view);
  }

  private fold(heads: readonly string[]): V | null {
    const [head, ...others] = [...heads].sort();
    if (head === undefined) return null;
    const last = others.pop();
    return last === undefined ? this.foldChain(head) : this.join([head, ...others], [last]);
  }

  /** Back to the merge, or the first line, that everything since follows. */
  private foldChain(head: string): V | null {
    const since: LedgerEntry[] = [];
    for (let entry: LedgerEntry | undefined = this.graph.line(head); entry !== undefined; entry = this.graph.parents(entry)[0]) {
      since.unshift(entry);
      if (isMerge(entry)) return this.folding.apply(this.upTo(entry.data.heads), since, true);
    }
    return this.folding.apply(null, since, true);
  }

  private join(one: readonly string[], other: readonly string[]): V | null {
    const [first, second] = [this.graph.ancestors(one), this.graph.ancestors(other)];
    const shared = new Set([...first].filter((hash) => second.has(hash)));
    const own = (all: ReadonlySet<string>): LedgerEntry[] => this.graph.inOrder(new Set([...all].filter((hash) => !shared.has(hash))));
    const side = (heads: readonly string[], all: ReadonlySet<string>): Side<V> => {
      const lines = own(all);
      return { view: this.upTo(heads), own: lines, quiet: lines.every((line) => quiet.has(line.kind)) };
    };
    const sides = [side(one, first), side(other, second)] as const;
    const apart = this.graph.inOrder(new Set(sides.flatMap(({ own: lines }) => lines.map((line) => line.hash))));
    const view = this.folding.apply(this.upTo(this.graph.heads(shared)), apart, sides.some((each) => each.quiet));
    return view === null ? null : this.folding.reconcile(view, sides);
  }
}

/** Kinds that change nothing at the vendor and allow nothing. What is not named here is taken for the contrary. */
const quiet: ReadonlySet<LedgerKind> = new Set<LedgerKind>([
  "note", "teardown.refused", "manifest.taken", "pull.finished", "verify.failed", "receipt.signed", "approval.signed", "standing.signed", "standing.revoked", "breakglass.signed",
  "lease.granted", "lease.renewed", "lease.ended", "keeper.watching",
  "custody.recovered", "custody.merged",
]);
