/**
 * Everything that starts pods, in one shape: a Job, each Job of a JobSet or of a Trainer runtime, a TrainJob's trainer, the
 * roles of an operator's job, a CronJob's template, a bare Pod, a StatefulSet and a Deployment.
 */
import { looksLikeTraining } from "../checkpointNames";
import { kindOf } from "./kinds";
import type { ClaimTemplate, Container, JobSpec, Metadata, PodSpec, PodTemplate, Volume } from "./manifest";

export interface Placed {
  /** Property path. */
  readonly where: string;
  readonly container: Container;
}

export interface Workload {
  readonly kind: "Job" | "CronJob" | "JobSet" | "TrainJob" | "OperatorJob" | "TrainingRuntime" | "Pod" | "StatefulSet" | "Deployment";
  /** Property path of the pod spec: `spec.template.spec`. */
  readonly where: string;
  readonly pod: PodSpec;
  /** From the pod up to the object: the nearest annotation wins. */
  readonly metadata: readonly Metadata[];
  readonly job: { readonly where: string; readonly spec: JobSpec } | null;
  /** The object's own `spec`; of an operator's job what bounds it, `spec.runPolicy`. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** Property path of what ends it: `spec`. */
  readonly boundedAt: string;
  /** Other roles of one job: what one of them says is said for all. In the order of the object, without itself. */
  siblings(): readonly Workload[];
  /** Claims made for its pods, with what happens to them when the object goes. */
  readonly claims: readonly { readonly name: string; readonly where: string; readonly fate: "Retain" | "Delete" }[];
  /** A TrainJob's volumes may come from its runtime, which is another object. */
  readonly volumesElsewhere: boolean;
  /** Pods at the same time; null when it is not said. */
  readonly pods: number | null;
  /** Ends when its work is done, and is started again when a pod is lost. */
  readonly runsToEnd: boolean;
  readonly retried: boolean;
  containers(): readonly Placed[];
  /** Those that run first or beside them, from the same manifest, node and account. */
  everyContainer(): readonly Placed[];
}

/** Empty for what starts no pods. `props` may throw on values that are not known yet. */
export function workloadsOf({ type, props }: { readonly type: string; readonly props: Record<string, unknown> }): Workload[] {
  const kind = kindOf(type);
  const spec = (props["spec"] ?? {}) as Readonly<Record<string, unknown>>;
  const metadata = (props["metadata"] ?? {}) as Metadata;
  switch (kind) {
    case "Job":
      return [ofJob("Job", "spec", spec, spec, [metadata])];
    case "CronJob": {
      const template = (spec["jobTemplate"] ?? {}) as { spec?: JobSpec; metadata?: Metadata };
      return [ofJob("CronJob", "spec.jobTemplate.spec", template.spec ?? {}, spec, [template.metadata ?? {}, metadata])];
    }
    case "JobSet":
      return ofJobSet("JobSet", "spec", spec, metadata);
    case "TrainingRuntime":
    case "ClusterTrainingRuntime": {
      const template = (spec["template"] ?? {}) as { spec?: Readonly<Record<string, unknown>> };
      return ofJobSet("TrainingRuntime", "spec.template.spec", template.spec ?? {}, metadata);
    }
    case "TrainJob":
      return [ofTrainJob(spec, metadata)];
    case "PyTorchJob":
    case "TFJob":
    case "JAXJob":
    case "XGBoostJob":
    case "PaddleJob":
      return ofOperatorJob(spec, metadata);
    case "Pod":
      return [workload({ kind, where: "spec", pod: spec, metadata: [metadata], spec, pods: 1 })];
    case "Deployment":
    case "StatefulSet": {
      const template = (spec["template"] ?? {}) as PodTemplate;
      const claims = kind === "StatefulSet" ? claimsOfStatefulSet(spec) : [];
      return [workload({ kind, where: "spec.template.spec", pod: template.spec ?? {}, metadata: [template.metadata ?? {}, metadata], spec, claims, pods: (spec["replicas"] as number | undefined) ?? 1, retried: true })];
    }
    case null:
    default:
      return [];
  }
}

type Given = Pick<Workload, "kind" | "where" | "pod" | "metadata" | "spec"> & Partial<Workload>;

const placed = (where: string, containers: readonly Container[] | null | undefined): Placed[] => (containers ?? []).map((container, index) => ({ where: `${where}[${index}]`, container }));

const workload = (given: Given): Workload => ({
  job: null,
  claims: [],
  volumesElsewhere: false,
  pods: null,
  runsToEnd: given.job != null || given.kind === "TrainJob",
  retried: given.job != null || given.kind === "TrainJob",
  boundedAt: given.job?.where ?? "spec",
  siblings: () => [],
  ...given,
  containers: () => placed(`${given.where}.containers`, given.pod.containers),
  everyContainer: () => [...placed(`${given.where}.containers`, given.pod.containers), ...placed(`${given.where}.initContainers`, given.pod.initContainers)],
});

function ofJob(kind: Workload["kind"], where: string, job: JobSpec, spec: Readonly<Record<string, unknown>>, metadata: readonly Metadata[], more: Partial<Workload> = {}): Workload {
  const template = job.template ?? {};
  return workload({ kind, where: `${where}.template.spec`, pod: template.spec ?? {}, metadata: [template.metadata ?? {}, ...metadata], job: { where, spec: job }, spec, pods: job.parallelism ?? 1, ...more });
}

interface ReplicatedJob {
  readonly replicas?: number;
  readonly template?: { readonly metadata?: Metadata; readonly spec?: JobSpec };
}

function ofJobSet(kind: Workload["kind"], where: string, spec: Readonly<Record<string, unknown>>, metadata: Metadata): Workload[] {
  const jobs = (spec["replicatedJobs"] ?? []) as readonly ReplicatedJob[];
  const claims = claimsOfJobSet(where, spec);
  return jobs.map(({ template = {}, replicas = 1 }, index) => {
    const job = template.spec ?? {};
    return ofJob(kind, `${where}.replicatedJobs[${index}].template.spec`, job, spec, [template.metadata ?? {}, metadata], { claims, pods: replicas * (job.parallelism ?? 1) });
  });
}

interface ReplicaSpec {
  readonly replicas?: number;
  readonly template?: PodTemplate;
}

/** PyTorchJob and its like: `spec.pytorchReplicaSpecs.Worker.template`. */
function ofOperatorJob(spec: Readonly<Record<string, unknown>>, metadata: Metadata): Workload[] {
  const bounds = (spec["runPolicy"] ?? {}) as Readonly<Record<string, unknown>>;
  const roles = Object.keys(spec)
    .filter((key) => key.endsWith("ReplicaSpecs"))
    .flatMap((key) => Object.entries((spec[key] ?? {}) as Readonly<Record<string, ReplicaSpec>>).map(([role, replica]) => ({ where: `spec.${key}.${role}.template.spec`, replica })));
  const all: readonly Workload[] = roles.map(({ where, replica: { replicas = 1, template = {} } }) =>
    workload({
      kind: "OperatorJob", where, pod: template.spec ?? {}, metadata: [template.metadata ?? {}, metadata], spec: bounds, boundedAt: "spec.runPolicy", pods: replicas,
      runsToEnd: true, retried: true, siblings: () => all.filter((other) => other.where !== where),
    }),
  );
  return [...all];
}

interface Trainer extends Pick<Container, "image" | "command" | "args" | "env"> {
  readonly numNodes?: number;
  readonly resourcesPerNode?: Container["resources"];
}

/** The trainer with the volumes that the TrainJob itself adds to its runtime; `podTemplateOverrides` is the older form. */
function ofTrainJob(spec: Readonly<Record<string, unknown>>, metadata: Metadata): Workload {
  const { numNodes = 1, resourcesPerNode, ...trainer } = (spec["trainer"] ?? {}) as Trainer;
  const patches = podPatches(spec);
  const container: Container = { name: "trainer", ...trainer, ...(resourcesPerNode && { resources: resourcesPerNode }), volumeMounts: patches.flatMap(({ containers = [] }) => containers.flatMap(({ volumeMounts }) => volumeMounts ?? [])) };
  const volumes: Volume[] = patches.flatMap((patch) => patch.volumes ?? []);
  const made = workload({ kind: "TrainJob", where: "spec.trainer", pod: { containers: [container], volumes }, metadata: [metadata], spec, pods: numNodes, volumesElsewhere: true });
  const { dataset, model } = (spec["initializer"] ?? {}) as { readonly dataset?: Container; readonly model?: Container };
  const initializers = Object.entries({ dataset, model }).flatMap(([name, initializer]): Placed[] => (initializer === undefined ? [] : [{ where: `spec.initializer.${name}`, container: initializer }]));
  const trainers = [{ where: "spec.trainer", container }];
  return { ...made, containers: () => trainers, everyContainer: () => [...trainers, ...initializers, ...patches.flatMap(({ initContainers }) => placed("spec.runtimePatches", initContainers))] };
}

function podPatches(spec: Readonly<Record<string, unknown>>): PodSpec[] {
  const older = ((spec["podTemplateOverrides"] ?? []) as readonly { spec?: PodSpec }[]).map((override) => override.spec ?? {});
  const patches = (spec["runtimePatches"] ?? []) as readonly { trainingRuntimeSpec?: { template?: { spec?: { replicatedJobs?: readonly ReplicatedJob[] } } } }[];
  return [...older, ...patches.flatMap((patch) => (patch.trainingRuntimeSpec?.template?.spec?.replicatedJobs ?? []).map(({ template }) => template?.spec?.template?.spec ?? {}))];
}

function claimsOfStatefulSet(spec: Readonly<Record<string, unknown>>): Workload["claims"] {
  const templates = (spec["volumeClaimTemplates"] ?? []) as readonly ClaimTemplate[];
  const retention = (spec["persistentVolumeClaimRetentionPolicy"] ?? {}) as { whenDeleted?: string; whenScaled?: string };
  const fate = retention.whenDeleted === "Delete" || retention.whenScaled === "Delete" ? "Delete" : "Retain";
  return templates.map(({ metadata }) => ({ name: metadata?.name ?? "", where: "spec.persistentVolumeClaimRetentionPolicy", fate }));
}

/** JobSet deletes the claims it made unless it is told to retain them. */
function claimsOfJobSet(where: string, spec: Readonly<Record<string, unknown>>): Workload["claims"] {
  const policies = (spec["volumeClaimPolicies"] ?? []) as readonly { templates?: readonly ClaimTemplate[]; retentionPolicy?: { whenDeleted?: string } }[];
  return policies.flatMap(({ templates = [], retentionPolicy }, index) =>
    templates.map(({ metadata }) => ({ name: metadata?.name ?? "", where: `${where}.volumeClaimPolicies[${index}].retentionPolicy.whenDeleted`, fate: retentionPolicy?.whenDeleted === "Retain" ? ("Retain" as const) : ("Delete" as const) })),
  );
}

/** Command and arguments as one list of words or shell lines. */
export const attemptWords = (container: Container): string[] => [...listed(container.command), ...listed(container.args)].filter((word) => typeof word === "string");

/** What is no list is refused by the API server. */
const listed = (words: unknown): unknown[] => (Array.isArray(words) ? words : []);

/** The nearest annotation of that name, or null. */
export function annotationOf({ metadata }: Workload, name: string): string | null {
  for (const { annotations } of metadata) {
    const value = annotations?.[name];
    if (value !== undefined) return value;
  }
  return null;
}

/** By its command: an ordinary batch job, such as a migration, is nobody's training. */
export const workloadTrains = (workload: Workload): boolean =>
  workload.kind === "JobSet" || workload.kind === "TrainJob" || workload.kind === "OperatorJob" || workload.containers().some(({ container }) => looksLikeTraining(attemptWords(container).join(" ")));
