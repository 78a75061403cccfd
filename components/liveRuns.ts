/** One run per stack is the rule: what the ledgers say is live is compared with what the program declares. */
import type { Custody } from "../custody";
import type { Binding } from "../providers/kind";

/** Names of runs of this stack that own resources at a vendor and are not among the declared ones. What was adopted to be read is nobody's to declare. */
export function undeclaredRuns(custody: Custody, binding: Pick<Binding, "project" | "stack">, declared: readonly string[]): string[] {
  return custody
    .runsOfStack(binding.project, binding.stack)
    .filter((run) => !declared.includes(run.name) && custody.run(run).entries().length > 0)
    .filter((run) => {
      const view = custody.run(run).view();
      return !view.adopted && view.auditClosed === null && view.live.length > 0;
    })
    .map((run) => run.name);
}
