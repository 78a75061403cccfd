/** What an edit replaces, as findings on the edited lines. Pure. */
import type { PropertyPath } from "../../profiles";
import type { Finding } from "./findings";
import type { PlanChange } from "./planChanges";

export function findingsOfEdits(changes: readonly PlanChange[], place: (path: PropertyPath) => Pick<Finding, "file" | "line">): Finding[] {
  return changes.flatMap(({ path, before, after, effect, says }): Finding[] => {
    if (effect !== "data" && effect !== "machine") return [];
    const rule = effect === "data" ? ({ ruleId: "edit-loses-data", level: "warning" } as const) : ({ ruleId: "edit-replaces-machine", level: "note" } as const);
    return [{ ...rule, where: path.join("."), what: `from ${before} to ${after}: ${says}`, why: null, instead: null, ...place(path) }];
  });
}

export const editRules: Readonly<Record<string, string>> = {
  config: "The files of a stack can be read and resolved.",
  "edit-loses-data": "An edit replaces, deletes or no longer guards what holds the artifacts.",
  "edit-replaces-machine": "An edit replaces the instance; its own disk is lost.",
};
