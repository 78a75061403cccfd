/** Accelerators as Kubernetes counts them, and amounts such as 8Gi. */
import type { Container, PodSpec } from "./manifest";

const ACCELERATOR = /\/(gpu|tpu|mig-|neuron|gaudi|i915$|xe$|npu|dcu)/;

/** `nvidia.com/gpu`, `amd.com/gpu`, `google.com/tpu`, `nvidia.com/mig-1g.10gb` and their like. */
export const isAccelerator = (resource: string): boolean => ACCELERATOR.test(resource);

export interface Accelerator {
  readonly resource: string;
  readonly amount: number;
}

const listed = (amounts: Readonly<Record<string, string | number>> | null | undefined): Accelerator[] =>
  Object.keys(amounts ?? {})
    .filter(isAccelerator)
    .map((resource) => ({ resource, amount: Number(amounts?.[resource]) }));

export const limitedAccelerators = ({ resources }: Container): Accelerator[] => listed(resources?.limits);
export const requestedAccelerators = ({ resources }: Container): Accelerator[] => listed(resources?.requests);

/** By limits, requests, or a claim on devices. */
export const asksForAccelerator = (container: Container): boolean =>
  [...limitedAccelerators(container), ...requestedAccelerators(container)].some(({ amount }) => amount !== 0) || (container.resources?.claims ?? []).length > 0;

export const podAsksForAccelerator = ({ containers = [] }: PodSpec): boolean => containers.some(asksForAccelerator);

const UNITS: Readonly<Record<string, number>> = { "": 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50 };

/** Bytes of a quantity; null for what is none. */
export function bytesOf(quantity: string | number | null | undefined): number | null {
  const [, digits, unit = ""] = /^([0-9.]+(?:e[0-9]+)?)([A-Za-z]{0,2})$/.exec(String(quantity ?? "").trim()) ?? [];
  const factor = UNITS[unit];
  return digits === undefined || factor === undefined ? null : Number(digits) * factor;
}
