/** What a pod asks for is what its program needs: devices by limit, and volumes that fit their limits. */
import { asksForAccelerator, bytesOf, limitedAccelerators, podAsksForAccelerator, requestedAccelerators } from "../../kubernetes/gpu";
import type { Container } from "../../kubernetes/manifest";
import { attemptWords, workloadsOf, type Workload } from "../../kubernetes/workload";
import { resourceRule, type Check, type Finding, type Peek } from "../../rule";

export const gpuCountHasLimit = resourceRule(
  {
    name: "gpu-count-has-limit",
    description: "As many GPUs as a program is told to use are in the limits of its container.",
    gotchas: ["K8S1", "K8S6", "U31"],
    level: "advisory",
    defaults: {},
    config: {},
  },
  (resource) => workloadsOf(resource).flatMap((workload) => workload.containers().map(({ where, container }): Check => (peek) => unlimitedGpus(workload, where, container, peek))),
);

export const memoryVolumesFitLimit = resourceRule(
  {
    name: "memory-volumes-fit-limit",
    description: "Memory-backed volumes have a size, and it fits the memory limit they count against.",
    gotchas: ["U9", "U41"],
    level: "advisory",
    defaults: {},
    config: {},
  },
  (resource) => workloadsOf(resource).map((workload): Check => (peek) => oversizedMemory(workload, peek)),
);

export const scratchIsBounded = resourceRule(
  {
    name: "scratch-is-bounded",
    description: "Scratch space of a GPU job has a size, so that it is not evicted for filling its node.",
    gotchas: ["K8S5", "U6"],
    level: "advisory",
    defaults: {},
    config: {},
  },
  (resource) => workloadsOf(resource).map((workload): Check => (peek) => unboundedScratch(workload, peek)),
);

const COUNT_FLAG = /(?<![\w-])--?(?:nproc[-_]per[-_]node|num[-_]gpus|gpus[-_]per[-_]node|n[-_]?gpus?|num[-_]processes[-_]per[-_]node)(?:=|\s+)(\d+)(?!\S)/;
const COUNT_VARIABLES: readonly string[] = ["NPROC_PER_NODE", "NUM_GPUS", "GPU_COUNT", "GPUS_PER_NODE", "N_GPUS"];

interface Wanted {
  readonly count: number;
  readonly where: string;
}

function wantedGpus(workload: Workload, where: string, container: Container, peek: Peek): Wanted | null {
  const [, flag] = COUNT_FLAG.exec((peek(() => attemptWords(container)) ?? []).join(" ")) ?? [];
  if (flag !== undefined) return { count: Number(flag), where: "its command" };
  for (const variable of container.env ?? []) {
    const name = peek(() => variable.name) ?? "";
    const value = COUNT_VARIABLES.includes(name) ? Number(peek(() => variable.value) ?? NaN) : NaN;
    if (Number.isInteger(value) && value > 0) return { count: value, where: `${where}.env (${name})` };
  }
  const perNode = workload.kind === "TrainJob" ? Number((workload.spec["trainer"] as { numProcPerNode?: unknown } | undefined)?.numProcPerNode) : NaN;
  if (Number.isInteger(perNode) && perNode > 0) return { count: perNode, where: "spec.trainer.numProcPerNode" };
  return null;
}

function* unlimitedGpus(workload: Workload, where: string, container: Container, peek: Peek): Iterable<Finding> {
  const limits = limitedAccelerators(container);
  const path = workload.kind === "TrainJob" ? `${where}.resourcesPerNode.limits` : `${where}.resources.limits`;
  for (const { resource, amount } of requestedAccelerators(container)) {
    if (limits.find((limit) => limit.resource === resource)?.amount === amount) continue;
    yield { where: path, what: `${amount} of ${resource} in requests and not in limits`, why: "devices are counted by limits; where requests differ the API server refuses the pod", gotchas: ["K8S1"], instead: `limits: {${resource}: ${amount}}, and no requests for it` };
  }
  for (const { resource, amount } of limits) {
    if (!Number.isInteger(amount)) yield { where: path, what: `a fraction of ${resource}`, why: "devices are whole: the API server refuses the pod", gotchas: ["K8S1"], instead: `limits: {${resource}: 1}` };
  }
  const wanted = wantedGpus(workload, where, container, peek);
  if (wanted === null || (container.resources?.claims ?? []).length > 0) return;
  const allowed = limits.reduce((sum, { amount }) => sum + amount, 0);
  if (allowed >= wanted.count || (allowed === 0 && requestedAccelerators(container).length > 0)) return;
  if (allowed === 0 && workload.volumesElsewhere) return;
  if (allowed === 0 && wanted.where === "its command" && workload.kind !== "TrainJob" && !hintsAtGpu(workload, container)) return;
  yield {
    where: path,
    what: `${allowed === 0 ? "no GPU" : `${allowed} GPU${allowed === 1 ? "" : "s"}`}, and ${wanted.where} wants ${wanted.count}`,
    why: allowed === 0 ? "the container starts without a device and trains on the CPU, a hundred times slower, without an error" : "the processes that find no device of their own crash, or share one",
    gotchas: ["K8S6", "U31"],
    instead: `limits: {nvidia.com/gpu: ${wanted.count}}`,
  };
}

/** A process count alone is no sign of a GPU: CPU jobs use torchrun too. */
const hintsAtGpu = ({ pod }: Workload, { image = "" }: Container): boolean =>
  /cuda|gpu/i.test(image) || pod.runtimeClassName === "nvidia" || (pod.tolerations ?? []).some(({ key }) => /gpu/i.test(key ?? "")) || Object.keys(pod.nodeSelector ?? {}).some((label) => /gpu|accelerator/i.test(label));

interface EmptyDir {
  readonly medium?: string;
  readonly sizeLimit?: string | number;
}

const emptyDirs = ({ pod }: Workload, peek: Peek): { readonly name: string; readonly where: string; readonly volume: EmptyDir }[] =>
  (peek(() => pod.volumes) ?? []).flatMap((volume, index) => {
    const emptyDir = peek(() => volume["emptyDir"]) as EmptyDir | null | undefined;
    return emptyDir == null ? [] : [{ name: volume.name, where: `volumes[${index}].emptyDir`, volume: emptyDir }];
  });

function* oversizedMemory(workload: Workload, peek: Peek): Iterable<Finding> {
  if (!(workload.runsToEnd || (peek(() => podAsksForAccelerator(workload.pod)) ?? false))) return;
  for (const { name, where, volume } of emptyDirs(workload, peek)) {
    if (volume.medium !== "Memory") continue;
    const size = bytesOf(volume.sizeLimit);
    if (size === null) {
      yield { where: `${workload.where}.${where}.sizeLimit`, what: "a memory-backed volume without a size", why: "what is written there counts against the container's memory, up to the whole node's: the kernel kills the program without a traceback", gotchas: ["U9", "U41"], instead: "sizeLimit: 8Gi, and a memory limit with room for it" };
      continue;
    }
    for (const { where: at, container } of workload.containers()) {
      const limit = bytesOf(container.resources?.limits?.["memory"]);
      if (limit === null || limit > size || !(container.volumeMounts ?? []).some((mount) => mount.name === name)) continue;
      yield { where: `${at}.resources.limits.memory`, what: `${container.resources?.limits?.["memory"]}, and the memory-backed volume ${name} alone may take ${volume.sizeLimit}`, why: "files in it count against the limit, so a full volume leaves nothing for the program", gotchas: ["U9", "U41"], instead: "a memory limit of the program's own need plus the volume's size" };
    }
  }
}

function* unboundedScratch(workload: Workload, peek: Peek): Iterable<Finding> {
  const { containers = [] } = workload.pod;
  if (!workload.runsToEnd || !containers.some((container) => asksForAccelerator(container))) return;
  if (containers.some(({ resources }) => resources?.limits?.["ephemeral-storage"] !== undefined)) return;
  for (const { name, where, volume } of emptyDirs(workload, peek)) {
    if (volume.medium === "Memory" || volume.sizeLimit !== undefined) continue;
    yield { where: `${workload.where}.${where}.sizeLimit`, what: `scratch volume ${name} has no size, and no container has an ephemeral-storage limit`, why: "caches and logs fill the node's disk until the kubelet evicts pods, this one first", gotchas: ["K8S5"], instead: "sizeLimit: 100Gi, or limits: {ephemeral-storage: 100Gi}" };
  }
}
