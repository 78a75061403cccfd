/** The part of the Kubernetes API that rules read. Everything may be missing: a manifest is judged before the API server sees it. */

export interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>> | null;
  readonly labels?: Readonly<Record<string, string>> | null;
  readonly finalizers?: readonly string[] | null;
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath?: string } };
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  readonly subPath?: string;
  readonly subPathExpr?: string;
}

export interface Resources {
  readonly limits?: Readonly<Record<string, string | number>> | null;
  readonly requests?: Readonly<Record<string, string | number>> | null;
  readonly claims?: readonly unknown[];
}

export interface Container {
  readonly name?: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env?: readonly EnvVar[] | null;
  readonly envFrom?: readonly unknown[] | null;
  readonly resources?: Resources | null;
  readonly volumeMounts?: readonly VolumeMount[] | null;
}

/** One of its keys besides `name` says what kind it is. */
export interface Volume {
  readonly name: string;
  readonly [kind: string]: unknown;
}

export interface PodSpec {
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[] | null;
  readonly volumes?: readonly Volume[] | null;
  readonly restartPolicy?: string;
  readonly terminationGracePeriodSeconds?: number;
  readonly activeDeadlineSeconds?: number;
  readonly nodeSelector?: Readonly<Record<string, string>> | null;
  readonly tolerations?: readonly { readonly key?: string }[] | null;
  readonly affinity?: { readonly podAffinity?: { readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly { readonly topologyKey?: string }[] } } | null;
  readonly runtimeClassName?: string;
  readonly nodeName?: string;
}

export interface PodTemplate {
  readonly metadata?: Metadata | null;
  readonly spec?: PodSpec;
}

export interface FailureRule {
  readonly action?: string;
  readonly onPodConditions?: readonly { readonly type?: string }[] | null;
}

export interface JobSpec {
  readonly template?: PodTemplate;
  readonly parallelism?: number;
  readonly completions?: number;
  readonly completionMode?: string;
  readonly backoffLimit?: number;
  readonly backoffLimitPerIndex?: number;
  readonly activeDeadlineSeconds?: number;
  readonly ttlSecondsAfterFinished?: number;
  readonly podFailurePolicy?: { readonly rules?: readonly FailureRule[] } | null;
}

export interface ClaimSpec {
  readonly accessModes?: readonly string[];
  readonly storageClassName?: string;
  readonly volumeName?: string;
}

export interface ClaimTemplate {
  readonly metadata?: Metadata;
  readonly spec?: ClaimSpec;
}
