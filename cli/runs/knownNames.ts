/** Names that a shell offers: runs and cells that the custody store here knows. Nothing is asked of a network, and nothing is ever said of a fault. */
import type { Custody } from "../../custody";
import { runId, type RunRef } from "../../custody/formats";
import { isLive } from "./project";

export const nameKinds = ["runs", "cells", "both"] as const;
export type NameKind = (typeof nameKinds)[number];

/** Runs by name, in full where two have one name; then cells of the runs that are live, of all where none is. */
export function knownNames(custody: Custody, kind: NameKind): string[] {
  const refs = custody.runs();
  return [...new Set([...(kind === "cells" ? [] : runNames(refs)), ...(kind === "runs" ? [] : cellNames(custody, refs))])];
}

function runNames(refs: readonly RunRef[]): string[] {
  return refs.map((ref) => (refs.filter(({ name }) => name === ref.name).length === 1 ? ref.name : runId(ref)));
}

function cellNames(custody: Custody, refs: readonly RunRef[]): string[] {
  const views = refs.flatMap((ref) => {
    try {
      return [custody.run(ref).view()];
    } catch {
      // A ledger that cannot be read is told by the command that opens it.
      return [];
    }
  });
  const live = views.filter(isLive);
  return (live.length > 0 ? live : views).flatMap(({ roster }) => [...roster]);
}
