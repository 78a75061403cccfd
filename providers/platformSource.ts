/** Finds the platform that a run is on. A second platform adds one line here. */
import type { RunCustody } from "../custody";
import { runId } from "../custody/formats";
import { UserError } from "../custody/userError";
import type { Plan } from "../profiles/plan";
import type { CapacityNow, PlatformSource } from "./platformContract";

const sources: Readonly<Record<string, () => Promise<PlatformSource>>> = {
  lambda: () => import("./lambda/source.js"),
};

/** Throws UserError for a platform that this version cannot ask. */
export async function platformSource(platform: string): Promise<PlatformSource> {
  const load = sources[platform];
  if (!load) throw new UserError(`This version cannot ask platform "${platform}" what it holds or bills.`, { code: "no-platform" });
  return load();
}

/**
 * Whether a run that waits (`view.waiting`) could be launched now: read-only, for whoever polls between updates. Throws
 * UserError when the vendor cannot be asked, or the run was never planned.
 */
export async function capacityFor(run: RunCustody, projectRoot: string): Promise<CapacityNow> {
  const view = run.view();
  const plan = view.plan as Plan | null;
  if (plan === null) throw new UserError(`${runId(run.ref)} has no plan, so nobody knows what it would launch.`, { code: "no-plan", next: ["pulumi up"] });
  const at = view.resources.get("filesystem")?.details?.["region"];
  const { candidates, maxHourlyUsd } = plan.capacity;
  const source = await platformSource(view.endpoint.platform);
  return source.capacityNow(view.endpoint, projectRoot, { candidates, maxHourlyUsd, resources: plan.resources, region: typeof at === "string" ? at : plan.storage.region });
}
