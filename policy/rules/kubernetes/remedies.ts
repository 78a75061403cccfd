/** Where a remediation writes: the same workloads as plain objects. Nothing here touches where data goes. */
import { workloadsOf, type Workload } from "../../kubernetes/workload";

export interface Writable {
  readonly workload: Workload;
  /** The pod spec, for writing. */
  readonly pod: Record<string, unknown>;
  /** The Job's spec (of a TrainJob its own, of an operator's job its run policy), for writing; null where there is none. */
  readonly job: Record<string, unknown> | null;
}

/** Made where there is none yet: the only place for a deadline. */
function runPolicyOf(props: Record<string, unknown>): unknown {
  const spec = props["spec"] as Record<string, unknown>;
  return (spec["runPolicy"] ??= {});
}

export function writableWorkloads(type: string, props: Record<string, unknown>): Writable[] {
  return workloadsOf({ type, props }).map((workload) => ({
    workload,
    pod: workload.pod as Record<string, unknown>,
    job: (workload.job?.spec ?? (workload.kind === "TrainJob" ? workload.spec : workload.kind === "OperatorJob" ? runPolicyOf(props) : null)) as Record<string, unknown> | null,
  }));
}
