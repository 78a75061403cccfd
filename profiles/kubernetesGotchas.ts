/** What goes wrong on Kubernetes, by the ids that messages, policies and documents use. */
import type { Evidence } from "./fact";
import type { ProfileInput } from "./schema";

const from = (source: string, verified = "2026-06"): Evidence => ({ source, verified });

export const kubernetesGotchas: ProfileInput["gotchas"] = [
  {
    id: "K8S1",
    statement: "A pod that waits for a GPU although the cluster has some: no node advertises it because the device plugin is down, or a taint keeps the pod away.",
    handled: [
      { by: "policy", ref: "gpu-count-has-limit", how: "a container that is told to use GPUs without a limit for them fails the preview" },
      { by: "policy", ref: "gpu-job-has-deadline", how: "a Job that waits or hangs for ever fails the preview" },
      { by: "documentation", ref: "explain", how: "`kubectl describe node NODE | grep -A4 Allocatable` shows 0 GPUs when the plugin is down; a tainted pool needs a toleration in the pod" },
    ],
    ...from("field-notes"),
  },
  {
    id: "K8S2",
    statement: "A Job takes restartPolicy Never or OnFailure; Always, copied from a Deployment, is refused.",
    handled: [
      { by: "policy", ref: "restart-policy-fits", how: "Always in a Job, and a podFailurePolicy without Never, fail the preview" },
      { by: "documentation", ref: "explain", how: "Never gives each attempt a pod and a log of its own, and is the only one that a podFailurePolicy works with" },
    ],
    ...from("docs-jobs"),
  },
  {
    id: "K8S3",
    statement: "The image cannot be pulled: no pull secret, a tag or digest that does not exist, or layers too large for the pull's time.",
    handled: [
      { by: "policy", ref: "pinned-image", how: "an image by tag is pointed out" },
      { by: "documentation", ref: "explain", how: "`kubectl describe pod POD` has the registry's own words; an image by digest either is the one meant or does not start" },
    ],
    ...from("field-notes"),
  },
  {
    id: "K8S4",
    statement: "A ReadWriteOnce claim is attached to one node: a replacement on another node waits with Multi-Attach until the old attachment is released, and pods of two nodes never share it.",
    handled: [
      { by: "policy", ref: "one-node-claim-one-pod", how: "a claim of one node or pod that several pods mount fails the preview" },
      { by: "policy", ref: "preemption-is-not-failure", how: "a Job whose retries are used up by lost nodes is pointed out" },
      { by: "documentation", ref: "explain", how: "ReadWriteOncePod for one writer, ReadWriteMany for several nodes; a dead node is tainted out-of-service, which releases the volume" },
    ],
    ...from("docs-volumes", "2026-08"),
  },
  {
    id: "K8S5",
    statement: "Logs, the container's writable layer and emptyDir volumes fill the node's disk, and the kubelet evicts the pod in the middle of the training.",
    handled: [
      { by: "policy", ref: "checkpoints-on-durable-volume", how: "checkpoints on an emptyDir, a hostPath or the container's own file system fail the preview" },
      { by: "policy", ref: "scratch-is-bounded", how: "scratch without a size is pointed out" },
      { by: "documentation", ref: "explain", how: "everything large goes to the claim; an ephemeral-storage limit and a sizeLimit end the one pod that is at fault" },
    ],
    ...from("docs-eviction"),
  },
  {
    id: "K8S6",
    statement: "The container trains on the CPU, a hundred times slower and without an error: no GPU limit was set, or the container runtime does not pass the GPU on.",
    handled: [
      { by: "policy", ref: "gpu-count-has-limit", how: "as many GPUs as the program is told to use must be in the limits of its container" },
      { by: "documentation", ref: "explain", how: "ask CUDA in the container before the first step and fail when it sees no device; nvidia-smi on the node proves nothing about the pod" },
    ],
    ...from("docs-gpus"),
  },
];
