/** Claims that hold checkpoints outlive their stack, and are not asked to be in two places. Judged over the whole stack. */
import type { PolicyResource } from "@pulumi/policy";
import { statedPlaces } from "../../kubernetes/checkpointPlace";
import { kindOf, startsPods } from "../../kubernetes/kinds";
import type { ClaimSpec, Metadata } from "../../kubernetes/manifest";
import { DURABLE_DRIVERS, fateOf } from "../../kubernetes/volumes";
import { workloadsOf, type Workload } from "../../kubernetes/workload";
import { stackRule, type Finding, type Peek } from "../../rule";

interface ClaimConfig {
  readonly judgeUnusedClaims: boolean;
}

export const claimOutlivesItsStack = stackRule<ClaimConfig>(
  {
    name: "claim-outlives-its-stack",
    description: "A claim that holds checkpoints is protected from deletion, and deleting it leaves its volume.",
    gotchas: ["K8S4", "U6"],
    level: "mandatory",
    defaults: { judgeUnusedClaims: true },
    config: { judgeUnusedClaims: { type: "boolean", default: true, description: "Also judge claims that no workload of the stack mounts: they may hold checkpoints of workloads elsewhere." } },
  },
  (resources, config) => {
    const classes = resources.filter(({ type }) => kindOf(type) === "StorageClass");
    const volumes = resources.filter(({ type }) => kindOf(type) === "PersistentVolume");
    const users = resources.filter(({ type }) => startsPods(type));
    return resources
      .filter(({ type }) => kindOf(type) === "PersistentVolumeClaim")
      .map((claim) => ({ urn: claim.urn, check: (peek) => (holdsCheckpoints(claim, users, config, peek) ? lostWithStack(claim, classes, volumes, peek) : []) }));
  },
);

export const oneNodeClaimOnePod = stackRule(
  {
    name: "one-node-claim-one-pod",
    description: "A claim that one node or one pod may mount is not shared by several pods.",
    gotchas: ["K8S4"],
    level: "advisory",
    defaults: {},
    config: {},
  },
  (resources) => {
    const users = resources.filter(({ type }) => startsPods(type));
    return resources
      .filter(({ type }) => kindOf(type) === "PersistentVolumeClaim")
      .map((claim) => ({ urn: claim.urn, check: (peek) => sharedByPods(claim, users, peek) }));
  },
);

const workloads = (user: PolicyResource, peek: Peek): Workload[] => peek(() => workloadsOf(user)) ?? [];

const namespaceOf = ({ props }: PolicyResource): string => (props["metadata"] as Metadata | undefined)?.namespace ?? "default";

/** Claims that a workload mounts, by the name of the object or, while that is not known, by dependency. */
function mounts(workload: Workload, user: PolicyResource, claim: PolicyResource, peek: Peek): boolean {
  return (peek(() => workload.pod.volumes) ?? []).some((volume) => {
    const mounted = volume["persistentVolumeClaim"] as { claimName?: string } | undefined;
    return mounted != null && refersTo(peek(() => mounted.claimName) ?? null, user, claim, peek);
  });
}

function refersTo(name: string | null, user: PolicyResource, claim: PolicyResource, peek: Peek): boolean {
  const own = peek(() => (claim.props["metadata"] as Metadata | undefined)?.name);
  if (name === null || own === undefined) return [...user.dependencies, ...Object.values(user.propertyDependencies).flat()].some(({ urn }) => urn === claim.urn);
  return name === own && (peek(() => namespaceOf(user) === namespaceOf(claim)) ?? true);
}

function holdsCheckpoints(claim: PolicyResource, users: readonly PolicyResource[], { judgeUnusedClaims }: ClaimConfig, peek: Peek): boolean {
  let mounted = false;
  for (const user of users) {
    for (const workload of workloads(user, peek)) {
      if (!mounts(workload, user, claim, peek)) continue;
      mounted = true;
      for (const place of statedPlaces(workload, peek)) {
        const fate = place.path === null ? null : fateOf(place.path, place.container, workload, DURABLE_DRIVERS, peek);
        // A place that another object decides: with one claim to write to, it can hardly be elsewhere.
        if (fate?.fate === "unseen" && writableClaims(workload, peek) === 1) return true;
        if (fate?.fate === "durable" && fate.claim !== null && fate.claim.made === null && refersTo(fate.claim.name, user, claim, peek)) return true;
      }
    }
  }
  return !mounted && judgeUnusedClaims;
}

const writableClaims = (workload: Workload, peek: Peek): number => {
  const readOnly = workload.containers().flatMap(({ container }) => (peek(() => container.volumeMounts) ?? []).filter((mount) => mount.readOnly === true).map(({ name }) => name));
  return (peek(() => workload.pod.volumes) ?? []).filter((volume) => volume["persistentVolumeClaim"] != null && !readOnly.includes(volume.name)).length;
};

/** Protection is what policies can see; `retainOnDelete` and hooks are not shown to them. */
function* lostWithStack(claim: PolicyResource, classes: readonly PolicyResource[], volumes: readonly PolicyResource[], peek: Peek): Iterable<Finding> {
  const spec = peek(() => claim.props["spec"] as ClaimSpec | undefined) ?? {};
  const metadata = peek(() => claim.props["metadata"] as Metadata | undefined) ?? {};
  const own = (peek(() => metadata.finalizers) ?? []).filter((finalizer) => finalizer !== "kubernetes.io/pvc-protection");
  const className = peek(() => spec.storageClassName);
  const storageClass = classes.find(({ props }) => className !== undefined && peek(() => (props["metadata"] as Metadata | undefined)?.name) === className);
  const reclaim = storageClass === undefined ? null : (peek(() => storageClass.props["reclaimPolicy"] as string | undefined) ?? "Delete");
  if (reclaim === "Retain" || claim.opts.protect || own.length > 0 || retainsByItself(spec, volumes, peek)) return;
  yield {
    where: reclaim === null ? "options.protect" : "spec.storageClassName",
    what: reclaim === null ? "nothing protects the claim, and what its class does with the volume is not in this stack" : `the claim is not protected, and its class ${className} has reclaimPolicy Delete`,
    why: "a destroy, a replacement, or the removal of one line deletes the claim, and with it the volume and every checkpoint",
    gotchas: ["K8S4"],
    instead: `protect: true in the claim's options${reclaim === null ? "" : ", and reclaimPolicy: Retain in the class"}`,
  };
}

/** A volume that somebody made by hand is retained unless it says otherwise. */
function retainsByItself({ volumeName }: ClaimSpec, volumes: readonly PolicyResource[], peek: Peek): boolean {
  const volume = volumes.find(({ props }) => volumeName !== undefined && peek(() => (props["metadata"] as Metadata | undefined)?.name) === volumeName);
  return volume !== undefined && (peek(() => (volume.props["spec"] as { persistentVolumeReclaimPolicy?: string } | undefined)?.persistentVolumeReclaimPolicy) ?? "Retain") === "Retain";
}

function* sharedByPods(claim: PolicyResource, users: readonly PolicyResource[], peek: Peek): Iterable<Finding> {
  const modes = peek(() => (claim.props["spec"] as ClaimSpec | undefined)?.accessModes) ?? [];
  if (modes.length === 0 || modes.some((mode) => mode === "ReadWriteMany" || mode === "ReadOnlyMany")) return;
  const oncePerPod = modes.every((mode) => mode === "ReadWriteOncePod");
  const sharing = users.flatMap((user) => workloads(user, peek).filter((workload) => mounts(workload, user, claim, peek)).map((workload) => ({ user, workload })));
  const pods = sharing.reduce((sum, { workload }) => sum + (workload.pods ?? 1), 0);
  if (pods < 2 || (!oncePerPod && sharing.every(({ workload }) => isPinned(workload)))) return;
  yield {
    where: "spec.accessModes",
    what: `${modes.join(", ")}, and ${pods} pods of ${[...new Set(sharing.map(({ user }) => user.name))].join(", ")} mount it`,
    why: oncePerPod ? "one pod at a time can mount it: the others stay Pending, and their GPUs with them" : "one node at a time can attach it: pods on other nodes stay in ContainerCreating with a Multi-Attach error, and the GPUs bill",
    gotchas: ["K8S4"],
    instead: "accessModes: [ReadWriteMany] on storage that can (NFS, CephFS, Filestore, EFS), a claim per pod, or podAffinity with topologyKey kubernetes.io/hostname",
  };
}

/** All on one node, by name or by affinity. */
function isPinned({ pod }: Workload): boolean {
  const together = pod.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return pod.nodeName !== undefined || pod.nodeSelector?.["kubernetes.io/hostname"] !== undefined || together.some(({ topologyKey }) => topologyKey === "kubernetes.io/hostname");
}
