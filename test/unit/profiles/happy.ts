/** A run that everything accepts; tests change one thing in it. */
import { parseJob, parseStackConfig, profileFor, resolve, type JobRequest, type StackConfig } from "../../../profiles";
import type { Plan } from "../../../profiles/plan";

export const run = { project: "demo", stack: "dev", name: "digits" };
export const codeSha256 = "c".repeat(64);

export const happyJob = {
  name: "digits",
  command: "python3 train.py",
  env: { OMP_NUM_THREADS: "1" },
  secrets: ["WANDB_API_KEY"],
  resources: { gpu: { names: ["A10", "A100"], count: 1, memoryGiB: 24 }, diskGiB: 10 },
  checkpoint: { costSeconds: 30, meanHoursBetweenInterruptions: 3 },
  artifacts: { keep: ["checkpoints/*.safetensors"], scratch: ["tmp/**"] },
  roster: [
    { name: "lr-0.01", args: ["--lr", "0.01"] },
    { name: "lr-0.1", args: ["--lr", "0.1"] },
  ],
};

export const happyConfig = {
  platform: "lambda",
  job: "job.yaml",
  capacity: { candidates: ["gpu_1x_a10", "gpu_1x_a100_sxm4"] },
  budget: { maxHours: 2, maxUsd: 10 },
  lambda: { endpoint: "sandbox" },
};

export const jobWith = (changes: Record<string, unknown> = {}): JobRequest => parseJob({ ...happyJob, ...changes }, "job.yaml");
export const configWith = (changes: Record<string, unknown> = {}): StackConfig => parseStackConfig({ ...happyConfig, ...changes }, "Pulumi.dev.yaml");

export const planWith = (job: Record<string, unknown> = {}, config: Record<string, unknown> = {}): Plan =>
  resolve(jobWith(job), profileFor("lambda"), { run, config: configWith(config), codeSha256 });

/** The message of what was thrown. */
export function thrownBy(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof Error) return thrown.message;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}
