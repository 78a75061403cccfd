/** Nothing of a run may be deletable before its gate, or after its audit. */
import type { PolicyResource } from "@pulumi/policy";
import { resourceRule, stackRule, type Check, type Finding } from "../rule";
import { BILLING_AUDIT, LAMBDA_FILESYSTEM, LAMBDA_INSTANCE, LEAVES, TEARDOWN_GATE } from "../subjects";

export const runHasGateAndAudit = stackRule(
  {
    name: "run-has-gate-and-audit",
    description: "Every resource of a run is depended on by a teardown gate and depends on a billing audit.",
    gotchas: ["LAM1", "LAM6"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  (resources) => {
    const guarded = reachableFrom(resources.filter((resource) => resource.type === TEARDOWN_GATE));
    return resources.filter((resource) => LEAVES.has(resource.type)).flatMap((leaf) => [
      { urn: leaf.urn, check: gateCheck(leaf, resources, guarded) },
      { urn: leaf.urn, check: auditCheck(leaf, resources) },
    ]);
  },
);

const kindOf = (resource: PolicyResource): string => resource.type.split(":").at(-1) ?? resource.type;

/** Deletion goes against dependencies, so what the gate depends on cannot be deleted before it. */
function gateCheck(leaf: PolicyResource, resources: readonly PolicyResource[], guarded: ReadonlyMap<string, readonly PolicyResource[]>): Check {
  return function* (): Iterable<Finding> {
    const gates = guarded.get(leaf.urn) ?? [];
    if (gates.length === 0) {
      const any = resources.some((resource) => resource.type === TEARDOWN_GATE);
      yield finding(leaf, any ? "no teardown gate depends on it" : "its stack has no teardown gate", "a destroy would delete it without asking whether its artifacts were pulled", ["LAM1"]);
    } else if (!gates.some((gate) => sameRun(gate, leaf))) {
      yield finding(leaf, "the gate that depends on it belongs to another run", "that gate asks for the other run's receipt", ["LAM1"]);
    }
  };
}

function auditCheck(leaf: PolicyResource, resources: readonly PolicyResource[]): Check {
  return function* (): Iterable<Finding> {
    const below = [...reachableFrom([leaf]).keys()];
    if (resources.some((resource) => resource.type === BILLING_AUDIT && below.includes(resource.urn))) return;
    yield finding(leaf, "it depends on no billing audit", "a destroy would end without proving that nothing still bills", ["LAM6"]);
  };
}

const finding = (leaf: PolicyResource, what: string, why: string, gotchas: readonly string[]): Finding => ({
  where: `${kindOf(leaf)} ${leaf.name}`,
  what,
  why,
  gotchas,
  instead: "build the run with TrainingRun, or add a BillingAudit that everything depends on (dependsOn) and a TeardownGate that depends on everything",
});

function sameRun(gate: PolicyResource, leaf: PolicyResource): boolean {
  const [a, b] = [gate, leaf].map((resource) => resource.props["binding"] as { project?: string; stack?: string; run?: string } | undefined);
  return a?.project === b?.project && a?.stack === b?.stack && a?.run === b?.run;
}

/** URNs that can be reached over dependencies, with the starting points that reach them. */
function reachableFrom(starts: readonly PolicyResource[]): Map<string, PolicyResource[]> {
  const reached = new Map<string, PolicyResource[]>();
  for (const start of starts) {
    const seen = new Set<string>([start.urn]);
    const open = [start];
    for (let resource = open.pop(); resource !== undefined; resource = open.pop()) {
      for (const next of [...resource.dependencies, ...Object.values(resource.propertyDependencies).flat()]) {
        if (seen.has(next.urn)) continue;
        seen.add(next.urn);
        open.push(next);
        reached.set(next.urn, [...(reached.get(next.urn) ?? []), start]);
      }
    }
  }
  return reached;
}

/** The deletion of these loses data or money; the gate asks for them by id. */
const DATA_BEARING: readonly string[] = [LAMBDA_FILESYSTEM, LAMBDA_INSTANCE, TEARDOWN_GATE];

export const ownResourceHasItsLock = resourceRule(
  {
    name: "own-resource-has-its-lock",
    description: "Replacing a resource that holds data deletes it first, so that the gate is asked before a second one is bought.",
    gotchas: ["LAM1", "LAM6"],
    level: "mandatory",
    defaults: {},
    config: {},
  },
  ({ type, props, opts }) => [
    function* () {
      if (!DATA_BEARING.includes(type) || opts.deleteBeforeReplace === true) return;
      if (opts.deleteBeforeReplace === undefined && cannotTell(type, props)) return;
      yield {
        where: "options.deleteBeforeReplace",
        what: opts.deleteBeforeReplace === false ? "it is false" : "it is not set",
        why: "a replacement would create a second one, and bill for it, before the gate of the first is asked",
        gotchas: ["LAM1"],
        instead: "leave deleteBeforeReplace to Holdfast's own classes; with resources of your own set it to true",
      };
    },
    function* () {
      if (type !== TEARDOWN_GATE || Object.keys((props["holds"] ?? {}) as object).length > 0) return;
      yield {
        where: "holds",
        what: "the gate holds nothing",
        why: "it is replaced, and asked, only when something that it holds is replaced: a file system could go while it stays",
        gotchas: ["LAM6"],
        instead: "holds: {filesystem: filesystem.filesystemId}",
      };
    },
  ],
);

/**
 * An exported state does not say how a resource is replaced: it is known by what only a created one has. A gate has nothing
 * of the kind, and its class sets the option itself.
 */
const cannotTell = (type: string, props: Record<string, unknown>): boolean => type === TEARDOWN_GATE || "instanceId" in props || "filesystemId" in props;
