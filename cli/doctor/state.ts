/** Locks in the state that Pulumi keeps: a run whose gate is missing there would be destroyed without being asked. */
import type { StateResource } from "../runs/pulumiState";
import { exportState } from "../runs/pulumiState";
import { configuredStacks } from "../runs/pulumiProject";
import type { Check } from "./check";

const own = "pulumi-nodejs:dynamic/holdfast:";
/** Own resources that hold data or bill; a stack that has one of them needs gate and audit. */
const needLocks: ReadonlySet<string> = new Set(["LambdaFilesystem", "LambdaInstance", "RemoteJob"]);

/** What is wrong with the locks of one exported stack. Pure. */
export function lockFaults(resources: readonly StateResource[]): string[] {
  const ours = resources.filter((resource) => resource.type.startsWith(own));
  const bearing = ours.filter((resource) => needLocks.has(kindOf(resource)));
  if (bearing.length === 0) return [];
  const gates = ours.filter((resource) => kindOf(resource) === "TeardownGate");
  const faults: string[] = [];
  if (gates.length === 0) faults.push("no teardown gate: a first `up` that failed, or a program that lost it");
  if (!ours.some((resource) => kindOf(resource) === "BillingAudit")) faults.push("no billing audit: nobody would look what still bills after a destroy");
  faults.push(...bypassedLocks(ours));
  for (const resource of bearing) {
    if (gates.length > 0 && !gates.some((gate) => gate.dependencies?.includes(resource.urn))) faults.push(`${nameOf(resource)}: no gate depends on it, so a destroy may delete it before the gate is asked`);
  }
  return faults;
}

/** Options in state with which a destroy passes a resource's lock by, whatever was approved. Pure. */
export function bypassedLocks(resources: readonly StateResource[]): string[] {
  const ours = resources.filter((resource) => resource.type.startsWith(own));
  return [
    ...ours.filter((resource) => resource.retainOnDelete === true).map((resource) => `${nameOf(resource)}: retainOnDelete, so a destroy forgets it and it bills on`),
    ...ours.filter((resource) => (resource.deletedWith ?? "") !== "").map((resource) => `${nameOf(resource)}: deletedWith, so a destroy skips its lock`),
  ];
}

/** Looks at every stack that has config, and at those that the ledgers speak of. */
export async function stateChecks(projectRoot: string, env: NodeJS.ProcessEnv, stacksOfRuns: readonly string[]): Promise<Check[]> {
  const checks: Check[] = [];
  for (const stack of new Set([...configuredStacks(projectRoot), ...stacksOfRuns])) {
    const name = `locks of ${stack}`;
    const resources = await exportState(projectRoot, stack, env);
    if (resources === null) {
      checks.push({ name, state: "note", detail: "no state to look at: the stack was never created, or this shell has no engine and backend" });
      continue;
    }
    const faults = lockFaults(resources);
    checks.push(faults.length === 0 ? { name, state: "ok", detail: "complete, or nothing stands" } : { name, state: "fault", detail: faults.join("; "), next: ["pulumi up (puts them back; it starts no second run)"] });
  }
  return checks;
}

const kindOf = (resource: StateResource): string => resource.type.slice(own.length);
const nameOf = (resource: StateResource): string => resource.urn.split("::").at(-1) ?? resource.urn;
