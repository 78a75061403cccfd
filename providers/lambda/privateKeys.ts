/** The private halves of a run's keys: kept for as long as an instance may stand that accepts nothing else. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { RunCustody } from "../../custody/store";

/**
 * Removes the private halves of keys that are gone: those named, and those that the ledger calls gone and that were kept
 * before. Removes nothing, and returns false, while the ledger has an instance of the run or a launch of unknown outcome,
 * unless the audit has closed the run: nothing of it bills then.
 */
export function removePrivateKeys(run: RunCustody, named: readonly string[] = []): boolean {
  const view = run.view();
  const mayStand = view.live.some((resource) => resource.role === "instance") || view.openIntents.some((intent) => intent.role === "instance");
  if (mayStand && view.auditClosed === null) return false;
  const needed = new Set(view.live.filter((resource) => resource.role === "sshKey").map((resource) => resource.name));
  const gone = view.deleted.filter((resource) => resource.role === "sshKey").map((resource) => resource.name);
  for (const name of [...named, ...gone].filter((each) => !needed.has(each))) {
    for (const file of [name, `${name}.pub`]) rmSync(join(run.paths.ssh, file), { force: true });
  }
  return true;
}
