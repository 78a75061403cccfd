/** What lies on a tier besides the run's own manifest: looked up on the instance before a tier goes. */
import type { UnclaimedData } from "../../custody/formats";
import type { Remote } from "../../custody/remote";
import { RemoteUnreachable } from "../../custody/remote";
import { UserError } from "../../custody/userError";
import type { Plan } from "../../profiles/plan";

/** Where to look: mount point and run directory of the durable tier, and a folder with today's scripts. */
export interface TierPlace {
  readonly mountPoint: string;
  readonly directory: string;
  readonly scripts: string;
}

/** Everything on the lost tiers that no manifest of this run names, by folder. Asks only for tiers that are lost. */
export async function listUnclaimed(remote: Remote, plan: Plan, place: TierPlace, lost: ReadonlySet<string>): Promise<UnclaimedData[]> {
  const found: UnclaimedData[] = [];
  const list = async (tier: string, script: string, ...args: string[]): Promise<UnclaimedData[]> => {
    const result = await remote.exec(["sh", `${place.scripts}/${script}`, ...args], { timeoutSeconds: 600 });
    if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, `the connection ended while ${args[0]} was listed`);
    if (result.exitCode !== 0) {
      throw new UserError(`${remote.description}: what lies on ${args[0]} could not be listed (exit ${result.exitCode}): ${(result.stderr || result.stdout).trim()}`, { code: "unlisted-tier" });
    }
    return result.stdout.split("\n").filter((line) => line !== "").map((line) => parseOutsideLine(line, tier));
  };
  if (lost.has(plan.durable.tier)) found.push(...(await list(plan.durable.tier, "outside.sh", place.mountPoint, place.directory)));
  if (lost.has(plan.ownDisk.tier)) {
    const { tier, home } = plan.ownDisk;
    const besides = await list(tier, "outside.sh", home, `${home}/holdfast`);
    // Shell and tool settings of a fresh image are hidden files; results that people save by hand are not.
    found.push(...besides.filter((data) => !data.folder.startsWith(".") || data.folder === "."));
    found.push(...(await list(tier, "strays.sh", `${home}/holdfast`)));
  }
  return found;
}

/** Whether the durable tier is mounted: an unmounted share is an empty folder on the own disk, and would look like no data. */
export async function isMounted(remote: Remote, place: TierPlace): Promise<boolean> {
  const script = '. "$1/lib/files.sh"; . "$1/lib/measure.sh"; is_mount_point "$2"';
  const result = await remote.exec(["sh", "-c", script, "sh", place.scripts, place.mountPoint]);
  if (result.exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while the mount was looked at");
  return result.exitCode === 0;
}

/** `<bytes> <files> <folder>`; `run` or `ended` before it for another run's folder, which then is `<project/stack/name>`. */
export function parseOutsideLine(line: string, tier: string): UnclaimedData {
  const match = /^(run |ended )?(\d+) (\d+) (.+)$/.exec(line);
  if (!match) throw new UserError(`outside.sh answered with a line that is not understood: ${line}`, { code: "unlisted-tier" });
  const folder = match[4] ?? "";
  const data = { tier, folder: match[1] ? `holdfast/${folder}` : folder, bytes: Number(match[2]), files: Number(match[3]) };
  // A run that has ended, and whose copy was proven, needs its folder no more; it goes like anything else that is named.
  return match[1] === "run " ? { ...data, owner: folder } : data;
}
