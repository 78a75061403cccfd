/** Which Kubernetes object a resource is, by Pulumi's type token: `kubernetes:batch/v1:Job`, in any version of its group. */

const TOKEN = /^kubernetes:(?:([a-z0-9.-]+)\/)?(v[0-9][a-z0-9]*):([A-Za-z]+)$/;

/** Groups by kind. A Job of another group, such as Volcano's, has another shape and is not judged as one of these. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  Job: ["batch"],
  CronJob: ["batch"],
  Pod: ["core", ""],
  StatefulSet: ["apps"],
  Deployment: ["apps", "extensions"],
  PersistentVolumeClaim: ["core", ""],
  PersistentVolume: ["core", ""],
  ConfigMap: ["core", ""],
  Secret: ["core", ""],
  StorageClass: ["storage.k8s.io"],
  VolumeSnapshotClass: ["snapshot.storage.k8s.io"],
  JobSet: ["jobset.x-k8s.io"],
  TrainJob: ["trainer.kubeflow.org"],
  // Of the training operator: replicas by role, each with a pod template.
  PyTorchJob: ["kubeflow.org"],
  TFJob: ["kubeflow.org"],
  JAXJob: ["kubeflow.org"],
  XGBoostJob: ["kubeflow.org"],
  PaddleJob: ["kubeflow.org"],
  TrainingRuntime: ["trainer.kubeflow.org"],
  ClusterTrainingRuntime: ["trainer.kubeflow.org"],
};

/** The kind, or null for what is not Kubernetes or not known here. A custom resource's token is its apiVersion and kind. */
export function kindOf(type: string): string | null {
  const [, group = "", , kind = ""] = TOKEN.exec(type) ?? [];
  return GROUPS[kind]?.includes(group) === true ? kind : null;
}

const PLAIN: ReadonlySet<string> = new Set(["PersistentVolumeClaim", "PersistentVolume", "ConfigMap", "Secret", "StorageClass", "VolumeSnapshotClass"]);

export const startsPods = (type: string): boolean => {
  const kind = kindOf(type);
  return kind !== null && !PLAIN.has(kind);
};

export const isKubernetes = (type: string): boolean => type.startsWith("kubernetes:");
