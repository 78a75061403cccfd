/** The kinds with their real client, pacing, custody and clock, in front of a real sandbox. Only the teardown's decision is given. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { copyPlacesOf } from "../../../custody/copyPlaces";
import { systemClock } from "../../../custody/clock";
import type { PlannedDeletion } from "../../../custody/formats";
import type { RunCustody } from "../../../custody/store";
import { openCustody } from "../../../custody/store";
import type { Binding, Context } from "../../../providers/kind";
import { runOf } from "../../../providers/kind";
import type { LambdaEdges } from "../../../providers/lambda/connection";
import { connectLambda } from "../../../providers/lambda/connection";
import { probePort } from "../../../providers/lambda/instance/portProbe";
import type { FilesystemInputs, FilesystemOutputs } from "../../../providers/lambda/kinds/filesystem";
import { filesystemKind } from "../../../providers/lambda/kinds/filesystem";
import type { InstanceInputs } from "../../../providers/lambda/kinds/instance";
import { instanceKind } from "../../../providers/lambda/kinds/instance";
import type { SshKeyOutputs } from "../../../providers/lambda/kinds/sshKey";
import { sshKeyKind } from "../../../providers/lambda/kinds/sshKey";
import type { KnobsPatch } from "../../../sandbox/index";
import type { Sandbox } from "../../sandbox/fixture";
import { openSandbox } from "../../sandbox/fixture";

export const endpoint = { platform: "lambda", api: "sandbox" } as const;

/** A vendor minute in 0.2 s, with the vendor's rate limits on. */
const knobsOfTests: KnobsPatch = { timeScale: 300, bootSeconds: { ip: 20, sshLead: 30, active: 60 }, terminateSeconds: 20 };

export interface Bench {
  readonly sandbox: Sandbox;
  readonly project: string;
  readonly binding: Binding;
  readonly run: RunCustody;
  readonly context: Context;
  readonly edges: LambdaEdges;
  readonly asked: PlannedDeletion[];
  readonly said: string[];
}

export async function openBench(t: TestContext, knobs: KnobsPatch = {}): Promise<Bench> {
  const project = mkdtempSync(join(tmpdir(), "holdfast-lambda-"));
  t.after(() => {
    rmSync(project, { recursive: true, force: true });
  });
  writeFileSync(join(project, "Pulumi.yaml"), "name: demo\nruntime: nodejs\n");
  const sandbox = await openSandbox(t, { ...knobsOfTests, ...knobs });
  process.env["HOLDFAST_SANDBOX_DIR"] = sandbox.dir;
  process.env["HOLDFAST_PACE_DIR"] = join(project, "pace");
  const custody = openCustody(project, { create: true });
  const binding: Binding = { custodyId: custody.id, project: "demo", stack: "dev", run: "digits" };
  const run = custody.run(runOf(binding));
  run.append("run.declared", { run: run.ref, custodyId: custody.id, endpoint, plan: {}, roster: ["a"] });
  const asked: PlannedDeletion[] = [];
  const said: string[] = [];
  return {
    sandbox,
    project,
    binding,
    run,
    asked,
    said,
    context: { projectRoot: project, clock: systemClock, copies: () => copyPlacesOf({}, hostname()), custody: () => custody, run: () => run, say: (message) => void said.push(message), assertEngineAlive: () => Promise.resolve() },
    edges: edgesOf((deletion) => asked.push(deletion)),
  };
}

/** The real edges; every deletion is allowed and noted. */
export const edgesOf = (note: (deletion: PlannedDeletion) => void): LambdaEdges => ({
  connect: connectLambda,
  probePort,
  authorizeDeletion: (_context, _binding, _endpoint, deletion) => {
    note(deletion);
    return Promise.resolve({ grantId: "grt_test" });
  },
});

export interface Storage {
  readonly key: SshKeyOutputs;
  readonly filesystem: FilesystemOutputs;
}

export async function createStorage({ edges, binding, context }: Bench): Promise<Storage> {
  const key = await sshKeyKind(edges).create({ binding, endpoint, role: "sshKey", namePrefix: "holdfast-digits" }, context);
  const inputs: FilesystemInputs = {
    ...{ binding, endpoint, role: "filesystem", mode: "create", name: "holdfast-digits", region: null, candidates: [{ type: "cpu_4x_general", region: null }] },
    ...{ requirement, maxHourlyUsd: 1, verb: "delete", tier: "filesystem", tiersLost: ["filesystem"], keep: false },
  };
  const filesystem = await filesystemKind(edges).create(inputs, context);
  return { key: key.outs, filesystem: filesystem.outs };
}

const requirement = { gpu: null, cpus: null, memoryGiB: null, diskGiB: null };

export const instanceInputsOf = (binding: Binding, { key, filesystem }: Storage): InstanceInputs => ({
  ...{ binding, endpoint, role: "instance", sshKeyName: key.name, requirement },
  filesystem: { id: filesystem.filesystemId, name: filesystem.filesystemName, region: filesystem.filesystemRegion, mountPoint: filesystem.mountPoint },
  candidates: [{ type: "cpu_4x_general", region: null }],
  capacity: { maxWaitSeconds: 300, maxLockSeconds: 300, maxAttempts: 3, maxHourlyUsd: 1 },
  ...{ image: { family: "lambda-stack-24-04" }, name: "holdfast-digits", tags: { owner: "test" }, firewallRulesetIds: [], userData: null },
  ...{ verb: "terminate", tier: "local", tiersLost: ["local"], authorizedKeys: [] },
});

/** Ends the bench's instance, file system and key as a destroy would. */
export async function destroy(bench: Bench, instance: { id: string; outs: Parameters<ReturnType<typeof instanceKind>["delete"]>[1] }, { key, filesystem }: Storage): Promise<void> {
  await instanceKind(bench.edges).delete(instance.id, instance.outs, bench.context);
  await filesystemKind(bench.edges).delete(filesystem.filesystemId, filesystem, bench.context);
  await sshKeyKind(bench.edges).delete(key.keyId, key, bench.context);
}
