/** A workload in Kubernetes says where its checkpoints go, and that place outlives its pods. */
import { PLACE_ANNOTATION, saysWhere, statedPlaces, type Place } from "../../kubernetes/checkpointPlace";
import { podAsksForAccelerator } from "../../kubernetes/gpu";
import { DURABLE_DRIVERS, fateOf, OWN_FILE_SYSTEM } from "../../kubernetes/volumes";
import { workloadTrains, workloadsOf, type Workload } from "../../kubernetes/workload";
import { resourceRule, type Check, type Finding, type Peek } from "../../rule";

/** Mandatory: GPU hours are what a lost checkpoint costs, and without a word nobody can tell that there is one. */
export const gpuJobSaysWhereItCheckpoints = resourceRule(
  {
    name: "gpu-job-says-where-it-checkpoints",
    description: "A Job or Pod that asks for a GPU says where its checkpoints go, or that it leaves none.",
    gotchas: ["K8S5", "U6"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  (resource) => workloadsOf(resource).map((workload) => (peek) => unsaid(workload, peek, (asks) => asks)),
);

/** Advisory: without a GPU the loss is smaller, and by its command alone a batch job is only probably a training. */
export const jobSaysWhereItCheckpoints = resourceRule(
  {
    name: "job-says-where-it-checkpoints",
    description: "A Job that trains without a GPU says where its checkpoints go, or that it leaves none.",
    gotchas: ["K8S5"],
    level: "advisory",
    defaults: {},
    config: {},
  },
  (resource) => workloadsOf(resource).map((workload) => (peek) => unsaid(workload, peek, (asks) => !asks && (peek(() => workloadTrains(workload)) ?? false))),
);

interface VolumeConfig {
  readonly durableDrivers: readonly string[];
}

export const checkpointsOnDurableVolume = resourceRule<VolumeConfig>(
  {
    name: "checkpoints-on-durable-volume",
    description: "Checkpoints of a workload go to a volume or an address that outlives its pods and its object.",
    gotchas: ["K8S4", "K8S5", "U6", "U9", "U33"],
    level: "mandatory",
    defaults: { durableDrivers: [] },
    config: { durableDrivers: { type: "array", items: { type: "string" }, default: [], description: "Further inline CSI drivers whose storage outlives the pod: weka.csi.example.com." } },
  },
  (resource, config) => workloadsOf(resource).map((workload): Check => (peek) => volatilePlaces(workload, peek, [...DURABLE_DRIVERS, ...config.durableDrivers])),
);

/** Serving takes GPUs too: a Deployment or StatefulSet that says nothing is not taken for a training. */
function* unsaid(workload: Workload, peek: Peek, judged: (asksForGpu: boolean) => boolean): Iterable<Finding> {
  if (!workload.runsToEnd && workload.kind !== "Pod") return;
  const asks = peek(() => podAsksForAccelerator(workload.pod));
  if (asks === undefined || !judged(asks) || [workload, ...workload.siblings()].some((one) => saysWhere(one, peek))) return;
  yield {
    where: workload.where,
    what: "nothing says where its checkpoints go",
    why: "the usual place is the container's own file system, and that is gone with the first eviction, preemption or node failure",
    gotchas: ["K8S5"],
    instead: `mount a claim and set env: [{name: CHECKPOINT_DIR, value: /checkpoints}], or write --checkpoint-dir=/checkpoints in the command; for work that leaves nothing behind annotations: {${PLACE_ANNOTATION}: none}`,
  };
}

/** A flag that only names an output is taken for checkpoints where a GPU works for it, and not of every batch job. */
function* volatilePlaces(workload: Workload, peek: Peek, drivers: readonly string[]): Iterable<Finding> {
  const trains = ["JobSet", "TrainJob", "OperatorJob"].includes(workload.kind) || (peek(() => podAsksForAccelerator(workload.pod)) ?? false);
  for (const place of statedPlaces(workload, peek)) {
    if (place.path === null || (place.says !== "checkpoint" && !trains)) continue;
    const fate = fateOf(place.path, place.container, workload, drivers, peek);
    switch (fate.fate) {
      case "input":
      case "unseen":
        continue;
      case "durable": {
        const made = fate.claim?.made;
        if (made?.fate === "Delete") yield deletedWithObject(workload, made.where);
        continue;
      }
      case "lost":
        if (mayBeAnInput(place, fate)) continue;
        yield {
          where: place.where,
          what: `${shown(place.path)} is ${fate.what}`,
          why: fate.why,
          gotchas: fate.gotchas,
          instead: `a claim mounted at ${mountPointFor(place.path)} (volumes: [{name: ckpt, persistentVolumeClaim: {claimName: ...}}]), or a bucket's URL; if the durable copy is made elsewhere, annotations: {${PLACE_ANNOTATION}: ITS PLACE}`,
        };
    }
  }
}

/** `--ckpt /models/base` may well read what the image brings; nothing comes with /tmp or an empty volume. */
const mayBeAnInput = ({ says, path }: Place, { what }: { readonly what: string }): boolean => says === "bare" && what === OWN_FILE_SYSTEM && !/^\/(tmp|var\/tmp|dev\/shm)(\/|$)/.test(path ?? "");

const deletedWithObject = (workload: Workload, where: string): Finding => ({
  where,
  what: `Delete removes the claims that the ${workload.kind} made for its checkpoints`,
  why: `deleting or replacing the ${workload.kind} deletes claims and data, and nobody is asked`,
  gotchas: ["K8S5"],
  instead: workload.kind === "StatefulSet" ? "persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Retain}" : "retentionPolicy: {whenDeleted: Retain}; without it the controller deletes",
});

/** Only what looks like a path is repeated: a value may be more than it seems. */
const shown = (path: string): string => (/^[\w./${}()~-]{1,120}$/.test(path) ? path : "the place");
const mountPointFor = (path: string): string => /^\/[\w.-]+/.exec(path)?.[0].replace(/^\/(tmp|dev|root|home|var|opt|workspace|app)$/, "/checkpoints") ?? "/checkpoints";
