/** Where a remediation writes: the same workloads as plain objects. Nothing here touches where data goes. */
import { workloadsOf, type Workload } from "../../kubernetes/workload";

export interface Writable {
  readonly workload: Workload;
  /** The pod spec, for writing. */
  readonly pod: Record<string, unknown>;
  /** The Job's spec (of a TrainJob its own), for writing; null where there is none. */
  readonly job: Record<string, unknown> | null;
}

export function writableWorkloads(type: string, props: Record<string, unknown>): Writable[] {
  return workloadsOf({ type, props }).map((workload) => ({
    workload,
    pod: workload.pod as Record<string, unknown>,
    job: (workload.job?.spec ?? (workload.kind === "TrainJob" ? workload.spec : null)) as Record<string, unknown> | null,
  }));
}
