/** The least config that each platform's plan needs. */
import { platforms, profileFor, resolve, type Profile } from "../../../profiles";
import type { Plan } from "../../../profiles/plan";
import { codeSha256, jobWith, run } from "./happy";
import { parseStackConfig } from "../../../profiles";

const needed: Readonly<Record<string, Record<string, unknown>>> = {
  ssh: { ssh: { host: "gpu.example.com", durablePath: "/data" } },
  slurm: { slurm: { durablePath: "/scratch/team", time: "1-12:00:00" } },
};

export const everyPlatform: readonly Profile[] = platforms.map(profileFor);

export interface Asked {
  readonly job?: Record<string, unknown>;
  readonly config?: Record<string, unknown>;
  readonly now?: Date;
}

export function planOn(platform: string, { job = {}, config = {}, now }: Asked = {}): Plan {
  const budget = { maxHours: 2 };
  const parsed = parseStackConfig({ platform, job: "job.yaml", capacity: { maxHourlyUsd: 2 }, budget, ...needed[platform], ...config }, "Pulumi.dev.yaml");
  return resolve(jobWith(job), profileFor(platform), { run, config: parsed, codeSha256, ...(now === undefined ? {} : { now }) });
}
