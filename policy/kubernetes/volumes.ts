/** What a path in a container is, and what happens to it when the pod goes. Pure. */
import type { Peek } from "../rule";
import { statedPlaces, type Place } from "./checkpointPlace";
import type { Container, Volume, VolumeMount } from "./manifest";
import type { Workload } from "./workload";

/** `durable`: outlives the pod. `lost`: does not, or nobody knows. `unseen`: decided by an object that is not here. */
export type Fate =
  | { readonly fate: "durable"; readonly claim: ClaimUse | null }
  | { readonly fate: "input" }
  | { readonly fate: "unseen" }
  | { readonly fate: "lost"; readonly what: string; readonly why: string; readonly gotchas: readonly string[] };

/** A claim by the name of an object, or one that the workload makes for its pods. */
export interface ClaimUse {
  /** null: not known before the update. */
  readonly name: string | null;
  readonly made: Workload["claims"][number] | null;
}

const EXTERNAL = /^(?!file:)[a-z][a-z0-9+.-]*:\/\//i;

/** `path` with the variables of the manifest filled in; `drivers`: inline CSI drivers whose storage outlives the pod. */
export function fateOf(path: string, container: Container | null, workload: Workload, drivers: readonly string[], peek: Peek): Fate {
  if (EXTERNAL.test(path)) return { fate: "durable", claim: null };
  const place = absolute(path.replace(/^file:\/\//, ""), container);
  if (place === null) return OWN_RELATIVE;
  if (place.startsWith("$")) return HOME.test(place) ? ownFileSystem(workload) : { fate: "unseen" };
  const mount = mountOf(place, container, workload, peek);
  if (mount === null) return ownFileSystem(workload);
  if (peek(() => mount.readOnly) === true) return { fate: "input" };
  const made = workload.claims.find(({ name }) => name === mount.name);
  const volume = (peek(() => workload.pod.volumes) ?? []).find((known) => peek(() => known.name) === mount.name);
  if (volume === undefined) {
    if (made !== undefined) return { fate: "durable", claim: { name: null, made } };
    return workload.volumesElsewhere ? { fate: "unseen" } : ownFileSystem(workload);
  }
  return fateOfVolume(volume, drivers, peek);
}

/**
 * The same place in every container that mounts it: `VOLUME:PATH`. null for what lies on no volume of the manifest, and for
 * what differs by pod.
 */
export function locate(path: string, container: Container | null, workload: Workload, peek: Peek): string | null {
  const place = absolute(path, container);
  const mount = place === null ? null : mountOf(place, container, workload, peek);
  if (place === null || mount === null || mount.subPathExpr !== undefined) return null;
  const inside = [mount.subPath ?? "", place.slice(mount.mountPath.replace(/\/+$/, "").length)].join("/");
  return `${mount.name}:/${inside.split("/").filter((part) => part !== "").join("/")}`;
}

/** Stated places that are not mounted read-only: a service that loads a checkpoint writes none. */
export const writtenPlaces = (workload: Workload, peek: Peek): Place[] =>
  statedPlaces(workload, peek).filter(({ path, container }) => path === null || fateOf(path, container, workload, DURABLE_DRIVERS, peek).fate !== "input");

const HOME = /^\$\{?(HOME|PWD|TMPDIR|TMP|TEMP)\b/;

function absolute(path: string, container: Container | null): string | null {
  if (path.startsWith("/") || path.startsWith("$")) return path;
  if (path.startsWith("~")) return "$HOME";
  const directory = container?.workingDir;
  return directory === undefined || directory === "" ? null : `${directory.replace(/\/$/, "")}/${path.replace(/^\.\//, "")}`;
}

/** The mount with the longest path above the place; any container's when an annotation speaks for all. */
function mountOf(place: string, container: Container | null, workload: Workload, peek: Peek): VolumeMount | null {
  const containers = container === null ? workload.containers().map((each) => each.container) : [container];
  const mounts = containers.flatMap((each) => peek(() => each.volumeMounts) ?? []);
  const above = mounts.flatMap((mount) => {
    const given: unknown = peek(() => mount.mountPath);
    const path = typeof given === "string" ? given.replace(/\/+$/, "") : "";
    return path !== "" && (place === path || place.startsWith(`${path}/`)) ? [{ mount, length: path.length }] : [];
  });
  return above.sort((a, b) => b.length - a.length)[0]?.mount ?? null;
}

const OWN_RELATIVE: Fate = {
  fate: "lost",
  what: "a relative path, in the working directory of the image",
  why: "the container's own file system is gone with the container, and every replacement pod starts from the image",
  gotchas: ["K8S5"],
};

export const OWN_FILE_SYSTEM = "the container's own file system";

const ownFileSystem = ({ volumesElsewhere }: Workload): Fate =>
  volumesElsewhere
    ? { fate: "unseen" }
    : { fate: "lost", what: OWN_FILE_SYSTEM, why: "it is gone with the container, and every replacement pod starts from the image", gotchas: ["K8S5"] };

const NETWORK: ReadonlySet<string> = new Set([
  "nfs", "cephfs", "glusterfs", "azureFile", "azureDisk", "awsElasticBlockStore", "gcePersistentDisk", "iscsi", "fc", "rbd", "cinder", "portworxVolume", "quobyte", "scaleIO", "storageos", "vsphereVolume", "flocker", "photonPersistentDisk",
]);
const READ_ONLY: ReadonlySet<string> = new Set(["configMap", "secret", "downwardAPI", "projected", "image", "gitRepo"]);

/** Inline CSI drivers that bring storage from elsewhere into the pod. */
export const DURABLE_DRIVERS: readonly string[] = ["gcsfuse.csi.storage.gke.io", "nfs.csi.k8s.io", "smb.csi.k8s.io", "file.csi.azure.com", "blob.csi.azure.com", "efs.csi.aws.com", "fsx.csi.aws.com", "s3.csi.aws.com", "lustre.csi.storage.gke.io", "filestore.csi.storage.gke.io", "csi.juicefs.com"];

function fateOfVolume(volume: Volume, drivers: readonly string[], peek: Peek): Fate {
  const kind = Object.keys(volume).find((key) => key !== "name" && volume[key] != null);
  switch (kind) {
    case "persistentVolumeClaim": {
      const claim = volume[kind] as { claimName?: string; readOnly?: boolean };
      if (peek(() => claim.readOnly) === true) return { fate: "input" };
      return { fate: "durable", claim: { name: peek(() => claim.claimName) ?? null, made: null } };
    }
    case "emptyDir": {
      const memory = peek(() => (volume[kind] as { medium?: string }).medium) === "Memory";
      return { fate: "lost", what: memory ? "a memory-backed emptyDir" : "an emptyDir", why: "it is deleted with its pod, and a replacement pod starts with an empty one", gotchas: ["K8S5", ...(memory ? ["U9"] : [])] };
    }
    case "hostPath":
      return { fate: "lost", what: "a hostPath", why: "it is a folder of one node: a replacement pod on another node starts from nothing, and the folder goes with the node", gotchas: ["K8S5"] };
    case "ephemeral":
      return { fate: "lost", what: "an ephemeral claim", why: "the claim belongs to the pod and is deleted with it", gotchas: ["K8S5"] };
    case "csi": {
      const driver = peek(() => (volume[kind] as { driver?: string }).driver);
      if (driver === undefined) return { fate: "unseen" };
      if (drivers.includes(driver)) return { fate: "durable", claim: null };
      return { fate: "lost", what: `an inline volume of ${driver}`, why: "an inline CSI volume lives as long as its pod unless its driver brings storage from elsewhere, which is not known of this one", gotchas: ["K8S5"] };
    }
    case undefined:
      return { fate: "lost", what: "an emptyDir", why: "a volume of no kind is one: it is deleted with its pod", gotchas: ["K8S5"] };
    default:
      if (NETWORK.has(kind)) return { fate: "durable", claim: null };
      if (READ_ONLY.has(kind)) return { fate: "lost", what: `a ${kind} volume`, why: "nothing can be written there, so every save fails", gotchas: ["U33"] };
      return { fate: "lost", what: `a volume of kind ${kind}`, why: "what it survives is not known, so it counts as lost", gotchas: ["K8S5"] };
  }
}
