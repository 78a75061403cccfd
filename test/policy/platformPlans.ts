/** A plan on each platform that every rule accepts, resolved as a program would; tests change one thing in it. */
import { parseStackConfig, platforms, profileFor, resolve } from "../../profiles";
import type { Plan } from "../../profiles/plan";
import { TRAINING_RUN } from "../../policy/subjects";
import { codeSha256, jobWith, run } from "../unit/profiles/happy";
import type { Resource } from "./judging";

export { platforms };

/** What a platform cannot do without. */
const needs: Readonly<Record<string, object>> = {
  lambda: { lambda: { endpoint: "sandbox" } },
  paperspaceCore: { paperspaceCore: { autoShutdownHours: 24 } },
  ssh: { ssh: { host: "192.0.2.10", durablePath: "/srv/runs" } },
  slurm: { slurm: { durablePath: "/scratch/somebody", time: "04:00:00" } },
};

export const planAt = (platform: string, now: Date): Plan => planOn(platform, {}, {}, now);

export function planOn(platform: string, job: Record<string, unknown> = {}, config: Record<string, unknown> = {}, now: Date | null = null): Plan {
  const asked = { resources: { gpu: { count: 1 }, diskGiB: 4 }, secrets: [], ...job };
  const stack = parseStackConfig({ platform, job: "job.yaml", budget: { maxHours: 2, maxUsd: 20 }, capacity: { maxHourlyUsd: 5 }, ...needs[platform], ...config }, "Pulumi.dev.yaml");
  return resolve(jobWith(asked), profileFor(platform), { run, config: stack, codeSha256, ...(now && { now }) });
}

/** A run on a platform; `change` edits its plan, as a hand-made one could be. */
export function runOn(platform: string, change: (plan: Record<string, unknown>) => void = () => undefined, job: Record<string, unknown> = {}, config: Record<string, unknown> = {}): Resource {
  const plan = structuredClone(planOn(platform, job, config)) as unknown as Record<string, unknown>;
  change(plan);
  return { type: TRAINING_RUN, props: { platform, plan } };
}
