/** What only Kubernetes has in a stack's config: the block `kubernetes`. The claim's name is storage's. */
import { z } from "zod";
import { choice, section, text, wholeFrom } from "./faults";

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export const kubernetesConfigSchema = section({
  /** A context of the kubeconfig. Default: null, the current one. Example: training. */
  context: text("the name of a kubeconfig context").nullable().default(null),
  /** Default: default. Example: research. */
  namespace: text("a namespace: up to 63 lower-case letters, digits and dashes", label).default("default"),
  /** Class of a claim that is created; its reclaimPolicy should be Retain. Default: null, the cluster's default class. Example: fast-retain. */
  storageClass: text("the name of a storage class", /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/).nullable().default(null),
  /** ReadWriteOncePod: one writer, whatever happens. ReadWriteMany: several nodes. Default: ReadWriteOncePod. */
  accessMode: choice(["ReadWriteOncePod", "ReadWriteOnce", "ReadWriteMany"]).default("ReadWriteOncePod"),
  /** The container image, by digest: a tag can move. Default: null. Example: registry.example.com/train@sha256:<64 hex digits>. */
  image: text("an image with its digest, such as registry.example.com/train@sha256:<64 hex digits>", /^[\w.:/-]+@sha256:[0-9a-f]{64}$/).nullable().default(null),
  /** From TERM to KILL; at least one checkpoint must fit. Default: 120. */
  graceSeconds: wholeFrom(1, "whole seconds from 1").default(120),
});

export type KubernetesConfig = z.output<typeof kubernetesConfigSchema>;
