/** What lies on a tier besides the run's own manifest: looked up on the instance before a tier goes. */
import type { UnclaimedData } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Plan } from "../../profiles/plan";
import type { JobPlace } from "../job/layout";

/** Everything on the lost tiers that no manifest of this run names, by folder. Asks only for tiers that are lost. */
export async function listUnclaimed(remote: Remote, plan: Plan, place: JobPlace, lost: ReadonlySet<string>): Promise<UnclaimedData[]> {
  const found: UnclaimedData[] = [];
  if (lost.has(plan.durable.tier)) found.push(...(await outside(remote, place, plan.durable.tier, place.mountPoint, place.directory)));
  if (lost.has(plan.ownDisk.tier)) {
    const home = plan.ownDisk.home;
    const all = await outside(remote, place, plan.ownDisk.tier, home, `${home}/holdfast`);
    // Shell and tool settings of a fresh image are hidden files; results that people save by hand are not.
    found.push(...all.filter((data) => !data.folder.startsWith(".") || data.folder === "."));
  }
  return found;
}

async function outside(remote: Remote, place: JobPlace, tier: string, mount: string, except: string): Promise<UnclaimedData[]> {
  const result = await remote.exec(["sh", `${place.scripts}/outside.sh`, mount, except], { timeoutSeconds: 600 });
  if (result.exitCode !== 0) {
    throw new UserError(`${remote.description}: what lies on ${mount} could not be listed (exit ${result.exitCode}): ${result.stderr.trim()}`, { code: "unlisted-tier" });
  }
  return result.stdout.split("\n").filter((line) => line !== "").map((line) => parseOutsideLine(line, tier));
}

/** `<bytes> <files> <folder>`, or `run <bytes> <files> <project/stack/name>` for another run's folder. */
export function parseOutsideLine(line: string, tier: string): UnclaimedData {
  const match = /^(run )?(\d+) (\d+) (.+)$/.exec(line);
  if (!match) throw new UserError(`outside.sh answered with a line that is not understood: ${line}`, { code: "unlisted-tier" });
  const folder = match[4] ?? "";
  const data = { tier, folder: match[1] ? `holdfast/${folder}` : folder, bytes: Number(match[2]), files: Number(match[3]) };
  return match[1] ? { ...data, owner: folder } : data;
}

/** Whether any regular file lies under the mount point; the tool's own copies of custody do not count. */
export async function tierIsEmpty(remote: Remote, mountPoint: string): Promise<"yes" | "no" | "unknown"> {
  const script = 'find "$1" -type f ! -path "$1/holdfast/*/*/*/custody/*" 2>/dev/null | head -n 1';
  const result = await remote.exec(["sh", "-c", script, "sh", mountPoint]);
  if (result.exitCode !== 0) return "unknown";
  return result.stdout.trim() === "" ? "yes" : "no";
}
