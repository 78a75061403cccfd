/** Storage of a run, read through a machine that was attached for nothing else. */
import type { RunCustody } from "../../custody";
import { runId } from "../../custody";
import type { UnclaimedData } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Plan } from "../../profiles/plan";
import { jobPlace, runDirectory } from "../job/layout";
import { pushScripts } from "../job/place";
import { isMounted, listUnclaimed } from "./tiers";

export interface StorageReader {
  /** What lies there besides the run's own artifacts, into the ledger. The newest manifest must have been taken through this machine. */
  list(reader: string): Promise<{ readonly unclaimed: readonly UnclaimedData[]; readonly quiet: boolean }>;
  /** Renews the copies of the evidence beside the artifacts, where the run has any. */
  share(): Promise<void>;
}

/** Seconds for which the heartbeat of a lost machine is watched before its lock is taken. */
const observeSeconds = 30;

/**
 * Looks whether the storage is mounted, and takes the run's writer lock when no machine of it stands: what comes back later
 * finds a higher epoch. Throws UserError when it is not mounted or somebody writes, RemoteUnreachable.
 */
export async function readStorage(run: RunCustody, remote: Remote): Promise<StorageReader> {
  const view = run.view();
  const plan = view.plan as Plan | null;
  const filesystem = view.resources.get("filesystem");
  const mountPoint = filesystem?.details?.["mountPoint"];
  if (plan === null || filesystem === undefined || typeof mountPoint !== "string") throw new UserError(`${runId(run.ref)}: the ledger names no storage.`, { code: "nothing-to-do" });
  const known = jobPlace(view);
  const directory = known?.directory ?? runDirectory(plan, mountPoint);
  const scripts = await pushScripts(remote, plan.ownDisk.home);
  const place = { mountPoint: known?.mountPoint ?? mountPoint, directory, scripts };
  if (!(await isMounted(remote, place))) throw new UserError(`${remote.description}: ${place.mountPoint} is not mounted, so nothing on it can be read.`, { code: "not-mounted", next: [`holdfast rescue ${runId(run.ref)} (again)`] });
  const quiet = view.resources.has("instance") ? false : await fence(run, remote, place);
  return {
    async list(reader) {
      const newest = run.view().newestManifest;
      const unclaimed = await listUnclaimed(remote, plan, place, new Set([plan.durable.tier]));
      run.append("tier.listed", { tier: plan.durable.tier, resource: filesystem.id, reader, manifestSha256: newest?.manifestSha256 ?? null, quiet, unclaimed });
      return { unclaimed, quiet };
    },
    async share() {
      if (known !== null) await run.copyTo(remote, `${directory}/custody`);
    },
  };
}

/** True once no writer lives and none of before can go on. */
async function fence(run: RunCustody, remote: Remote, place: { readonly directory: string; readonly scripts: string }): Promise<boolean> {
  const there = await remote.exec(["test", "-d", place.directory]);
  if (there.exitCode === 1) return true;
  const result = await remote.exec(["sh", `${place.scripts}/fence.sh`, place.directory, String(observeSeconds)], { timeoutSeconds: 120 });
  if (result.exitCode === 0) return true;
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while the writer lock was taken");
  if (result.exitCode === 50) {
    throw new UserError(`${runId(run.ref)} is still written to, by a machine that its ledger does not name: ${result.stderr.trim()}`, { code: "writer-alive", next: ["holdfast audit (lists every machine of the account)"] });
  }
  // Read it may be all the same; it only cannot be said that nothing comes after.
  return false;
}
