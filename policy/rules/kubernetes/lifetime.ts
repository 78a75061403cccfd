/** How long a Job may go on, and how long its traces stay. */
import { podAsksForAccelerator } from "../../kubernetes/gpu";
import { workloadTrains, workloadsOf, type Workload } from "../../kubernetes/workload";
import { resourceRule, type Check, type Finding, type Peek } from "../../rule";
import { writableWorkloads } from "./remedies";

interface DeadlineConfig {
  readonly remedySeconds: number;
  readonly withoutGpu: boolean;
}

export const gpuJobHasDeadline = resourceRule<DeadlineConfig>(
  {
    name: "gpu-job-has-deadline",
    description: "A Job or Pod that holds a GPU ends at some time, whatever its program does.",
    gotchas: ["GEN1", "K8S1", "K8S6"],
    level: "mandatory",
    defaults: { remedySeconds: 604_800, withoutGpu: false },
    config: {
      remedySeconds: { type: "integer", minimum: 60, default: 604_800, description: "The deadline that level remediate adds, in seconds: a week." },
      withoutGpu: { type: "boolean", default: false, description: "Also judge Jobs that ask for no GPU." },
    },
  },
  (resource, config) => workloadsOf(resource).map((workload): Check => (peek) => endless(workload, peek, config)),
  (props, type, config) => {
    for (const { workload, pod, job } of writableWorkloads(type, props)) {
      if (!isEndless(workload) || !(config.withoutGpu || podAsksForAccelerator(workload.pod))) continue;
      (job ?? pod)["activeDeadlineSeconds"] = config.remedySeconds;
    }
  },
);

interface EvidenceConfig {
  readonly minSeconds: number;
}

export const evidenceOutlivesJob = resourceRule<EvidenceConfig>(
  {
    name: "evidence-outlives-job",
    description: "A finished Job stays long enough for somebody to read its status and its logs.",
    gotchas: ["U20", "U3"],
    level: "advisory",
    defaults: { minSeconds: 86_400 },
    config: { minSeconds: { type: "integer", minimum: 0, default: 86_400, description: "How long a finished Job stays at least, in seconds: a day." } },
  },
  (resource, config) => workloadsOf(resource).map((workload): Check => (peek) => vanishing(workload, peek, config)),
  (props, type, { minSeconds }) => {
    for (const { workload, job } of writableWorkloads(type, props)) {
      if (job !== null && keepsTooShort(workload, minSeconds)) job["ttlSecondsAfterFinished"] = minSeconds;
    }
  },
);

const KUEUE_LIMIT = "kueue.x-k8s.io/max-exec-time-seconds";

/** Services are meant to go on, and a pod that its owner restarts has no end of its own. */
function isEndless(workload: Workload): boolean {
  const { kind, pod, job, spec, metadata } = workload;
  if (!(workload.runsToEnd || kind === "Pod")) return false;
  if (pod.activeDeadlineSeconds != null || job?.spec.activeDeadlineSeconds != null || spec["activeDeadlineSeconds"] != null) return false;
  return !metadata.some(({ labels }) => labels?.[KUEUE_LIMIT] !== undefined);
}

function* endless(workload: Workload, peek: Peek, { withoutGpu }: DeadlineConfig): Iterable<Finding> {
  const judged = peek(() => withoutGpu || podAsksForAccelerator(workload.pod)) ?? false;
  if (!judged || !(peek(() => isEndless(workload)) ?? false)) return;
  yield {
    where: `${workload.boundedAt}.activeDeadlineSeconds`,
    what: "nothing ends it",
    why: "a program that hangs, or waits for a peer that never comes, keeps its GPUs and their nodes until somebody looks",
    gotchas: ["GEN1", "K8S1"],
    instead: "activeDeadlineSeconds: 86400 (a suspended Job's clock stands still); checkpoints make a later attempt continue",
  };
}

const ttlOf = ({ job, spec }: Workload): number | null => job?.spec.ttlSecondsAfterFinished ?? (spec["ttlSecondsAfterFinished"] as number | undefined) ?? null;

const keepsTooShort = (workload: Workload, minSeconds: number): boolean => (ttlOf(workload) ?? Infinity) < minSeconds;

function* vanishing(workload: Workload, peek: Peek, { minSeconds }: EvidenceConfig): Iterable<Finding> {
  const judged = peek(() => podAsksForAccelerator(workload.pod) || workloadTrains(workload)) ?? false;
  if (!judged || workload.job === null) return;
  if (keepsTooShort(workload, minSeconds)) {
    yield {
      where: `${workload.job.spec.ttlSecondsAfterFinished === undefined ? "spec" : workload.job.where}.ttlSecondsAfterFinished`,
      what: `${ttlOf(workload)} s after its end the Job, its pods and their logs are deleted`,
      why: "a failure of the night has left nothing to read in the morning, and a refresh of the stack finds the Job gone and starts it again",
      gotchas: ["U20"],
      instead: `ttlSecondsAfterFinished: ${minSeconds} or more, or leave it out`,
    };
  }
  if (workload.kind === "CronJob" && workload.spec["failedJobsHistoryLimit"] === 0) {
    yield { where: "spec.failedJobsHistoryLimit", what: "0 deletes every failed Job at once", why: "nothing is left that says why it failed", gotchas: ["U3"], instead: "failedJobsHistoryLimit: 1 or more" };
  }
}
