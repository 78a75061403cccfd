/** What an eviction costs a Job: one attempt that is taken up again, not the Job. */
import { podAsksForAccelerator } from "../../kubernetes/gpu";
import type { JobSpec } from "../../kubernetes/manifest";
import { writtenPlaces } from "../../kubernetes/volumes";
import { annotationOf, workloadsOf, type Workload } from "../../kubernetes/workload";
import { resourceRule, type Check, type Finding, type Peek } from "../../rule";
import { writableWorkloads } from "./remedies";

interface RetryConfig {
  readonly enoughRetries: number;
}

export const preemptionIsNotFailure = resourceRule<RetryConfig>(
  {
    name: "preemption-is-not-failure",
    description: "Preempted, drained and lost pods do not use up the retries of a Job.",
    gotchas: ["K8S4", "K8S5"],
    level: "advisory",
    defaults: { enoughRetries: 20 },
    config: { enoughRetries: { type: "integer", minimum: 1, default: 20, description: "A backoffLimit from which evictions will not end a Job." } },
  },
  (resource, config) => workloadsOf(resource).map((workload): Check => (peek) => countedEvictions(workload, peek, config)),
);

interface GraceConfig {
  readonly checkpointSeconds: number;
}

/** On the object or its pod template: how long one checkpoint takes to write, in seconds. */
export const CHECKPOINT_SECONDS_ANNOTATION = "holdfast/checkpoint-seconds";

export const graceCoversCheckpoint = resourceRule<GraceConfig>(
  {
    name: "grace-covers-checkpoint",
    description: "A pod that is asked to end has time to write one checkpoint.",
    gotchas: ["K8S5", "SLURM2"],
    level: "advisory",
    defaults: { checkpointSeconds: 60 },
    config: { checkpointSeconds: { type: "number", exclusiveMinimum: 0, default: 60, description: `How long a checkpoint takes where the annotation ${CHECKPOINT_SECONDS_ANNOTATION} does not say, in seconds.` } },
  },
  (resource, config) => workloadsOf(resource).map((workload): Check => (peek) => shortGrace(workload, peek, config)),
  (props, type, config) => {
    for (const { workload, pod } of writableWorkloads(type, props)) {
      if (podAsksForAccelerator(workload.pod) && (workload.pod.terminationGracePeriodSeconds ?? 30) < secondsNeeded(workload, config)) pod["terminationGracePeriodSeconds"] = secondsNeeded(workload, config);
    }
  },
);

export const restartPolicyFits = resourceRule(
  {
    name: "restart-policy-fits",
    description: "What ends is not started again, what is lost is, and the API server takes the combination.",
    gotchas: ["K8S2"],
    level: "advisory",
    defaults: {},
    config: {},
  },
  (resource) => workloadsOf(resource).map((workload): Check => (peek) => misusedPolicy(workload, peek)),
);

const asksForGpu = (workload: Workload, peek: Peek): boolean => peek(() => podAsksForAccelerator(workload.pod)) ?? false;

function* countedEvictions(workload: Workload, peek: Peek, { enoughRetries }: RetryConfig): Iterable<Finding> {
  const { job } = workload;
  if (job === null || !asksForGpu(workload, peek) || ignoresDisruption(workload, job.spec)) return;
  const [field, limit] = job.spec.backoffLimitPerIndex === undefined ? (["backoffLimit", job.spec.backoffLimit ?? 6] as const) : (["backoffLimitPerIndex", job.spec.backoffLimitPerIndex] as const);
  if (limit >= enoughRetries) return;
  const said = job.spec[field] === undefined ? `${limit}, the default` : `${limit}`;
  yield {
    where: `${job.where}.podFailurePolicy`,
    what: `evictions count against ${field} (${said})`,
    why: limit === 0 ? "the first preempted or drained pod fails the Job for good" : `after ${limit + 1} preempted, drained or lost pods the Job fails for good, although nothing was wrong with it`,
    gotchas: ["K8S5"],
    instead: 'podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: "True"}]}]} with restartPolicy: Never',
  };
}

/** A JobSet restarts as a whole, so its Jobs may fail on disruption as long as the set does not count it. */
function ignoresDisruption({ kind, spec }: Workload, job: JobSpec): boolean {
  const rules = job.podFailurePolicy?.rules ?? [];
  const named = rules.filter(({ onPodConditions }) => (onPodConditions ?? []).some(({ type }) => type === "DisruptionTarget"));
  if (kind !== "JobSet" && kind !== "TrainingRuntime") return named.some(({ action }) => action === "Ignore");
  const { maxRestarts = 0, rules: restarts = [] } = (spec["failurePolicy"] ?? {}) as { maxRestarts?: number; rules?: readonly { action?: string }[] };
  return named.length > 0 || maxRestarts > 0 || restarts.some(({ action }) => action === "RestartJobSetAndIgnoreMaxRestarts");
}

function secondsNeeded(workload: Workload, { checkpointSeconds }: GraceConfig): number {
  const said = Number(annotationOf(workload, CHECKPOINT_SECONDS_ANNOTATION) ?? NaN);
  return Number.isFinite(said) && said > 0 ? Math.ceil(said) : checkpointSeconds;
}

function* shortGrace(workload: Workload, peek: Peek, config: GraceConfig): Iterable<Finding> {
  if (workload.kind === "TrainJob" || !asksForGpu(workload, peek) || writtenPlaces(workload, peek).length === 0) return;
  const grace = workload.pod.terminationGracePeriodSeconds;
  const needed = secondsNeeded(workload, config);
  if ((grace ?? 30) >= needed) return;
  yield {
    where: `${workload.where}.terminationGracePeriodSeconds`,
    what: `${grace === undefined ? "30 s, the default," : `${grace} s`} is shorter than one checkpoint (${needed} s)`,
    why: "the last checkpoint is cut off by the kill, and everything since the one before is done again",
    gotchas: ["K8S5"],
    instead: `terminationGracePeriodSeconds: ${needed}; if a checkpoint takes less, annotations: {${CHECKPOINT_SECONDS_ANNOTATION}: "20"}`,
  };
}

/** JobSet's webhook fills in OnFailure where none is given; a plain Job's API server refuses. */
const DEFAULTING: readonly Workload["kind"][] = ["JobSet", "TrainingRuntime"];

function* misusedPolicy(workload: Workload, peek: Peek): Iterable<Finding> {
  const policy = workload.pod.restartPolicy;
  const where = `${workload.where}.restartPolicy`;
  if (workload.job !== null) {
    if (policy === undefined && DEFAULTING.includes(workload.kind)) return;
    if (policy !== "Never" && policy !== "OnFailure") {
      yield { where, what: `${policy === undefined ? "it is missing, which means Always" : policy} is not taken for a Job`, why: "the API server refuses the object, after everything before it was created", gotchas: ["K8S2"], instead: "restartPolicy: Never (a fresh pod per attempt), or OnFailure" };
    } else if (policy === "OnFailure" && workload.job.spec.podFailurePolicy != null) {
      yield { where, what: "OnFailure together with podFailurePolicy", why: "the API server refuses the object: failed containers restart in place and never become failed pods", gotchas: ["K8S2"], instead: "restartPolicy: Never" };
    }
    return;
  }
  if (workload.runsToEnd || !asksForGpu(workload, peek) || !writtenPlaces(workload, peek).some(({ says }) => says === "checkpoint")) return;
  if (workload.kind === "Pod") {
    const again = policy === undefined || policy === "Always";
    yield {
      where: again ? where : "kind",
      what: again ? "a training that has ended is started again" : "nothing replaces a bare Pod that is evicted or whose node is lost",
      why: again ? "the GPU bills for ever, and a program that does not resume writes over its own result" : "the work stands still until somebody looks",
      gotchas: ["K8S2"],
      instead: "kind: Job with restartPolicy: Never",
    };
    return;
  }
  yield {
    where: "kind",
    what: `a ${workload.kind} starts a training again when it has ended`,
    why: "the GPU bills for ever, and a program that does not resume writes over its own result",
    gotchas: ["K8S2"],
    instead: "kind: Job with restartPolicy: Never; for a service that only reads checkpoints mount them with readOnly: true",
  };
}
