/** A run with a real custody store in a temporary project, in front of the fake API, on the test's clock. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { copyPlacesOf } from "../../../../custody/copyPlaces";
import { openCustody } from "../../../../custody/store";
import type { RunCustody } from "../../../../custody/store";
import type { EndpointRef, LedgerKind, PlannedDeletion } from "../../../../custody/formats";
import { UserError } from "../../../../custody/userError";
import type { Context } from "../../../../providers/kind";
import { runOf } from "../../../../providers/kind";
import { createLambdaClient } from "../../../../providers/lambda/api/client";
import { createVendorTime } from "../../../../providers/lambda/api/vendorTime";
import type { LambdaEdges } from "../../../../providers/lambda/connection";
import type { Endpoint } from "../../../../providers/lambda/endpoint";
import type { FilesystemInputs } from "../../../../providers/lambda/kinds/filesystem";
import type { LaunchInputs } from "../../../../providers/lambda/instance/properties";
import type { TestClock } from "./clock";
import { testClock } from "./clock";
import { FakeLambda } from "./fakeLambda";

export const apiKey = "secret_test_0123456789abcdef";
export const endpointRef: EndpointRef = { platform: "lambda", api: "https://cloud.example.com/api/v1" };

export interface Bench {
  readonly clock: TestClock;
  readonly fake: FakeLambda;
  readonly run: RunCustody;
  readonly context: Context;
  readonly edges: LambdaEdges;
  readonly said: string[];
  /** Deletions that were asked for; set `allow` to refuse them. */
  readonly asked: PlannedDeletion[];
  allow: boolean;
  engineAlive: boolean;
  apiKey: string;
  readonly instanceInputs: LaunchInputs;
  readonly filesystemInputs: FilesystemInputs;
  kinds(): LedgerKind[];
}

export function bench(t: TestContext): Bench {
  const project = mkdtempSync(join(tmpdir(), "holdfast-lambda-"));
  t.after(() => {
    rmSync(project, { recursive: true, force: true });
  });
  writeFileSync(join(project, "Pulumi.yaml"), "name: demo\nruntime: nodejs\n");
  const clock = testClock();
  const custody = openCustody(project, { clock, create: true });
  const binding = { custodyId: custody.id, project: "demo", stack: "dev", run: "digits" };
  const run = custody.run(runOf(binding));
  run.append("run.declared", { run: run.ref, custodyId: custody.id, endpoint: endpointRef, plan: {}, roster: ["a"] });
  const fake = new FakeLambda(clock);
  const said: string[] = [];
  const asked: PlannedDeletion[] = [];
  const made: Bench = {
    clock,
    fake,
    run,
    said,
    asked,
    allow: true,
    engineAlive: true,
    apiKey,
    context: {
      projectRoot: project,
      clock,
      copies: () => copyPlacesOf({}, hostname()),
      custody: () => custody,
      run: () => run,
      say: (message) => void said.push(message),
      assertEngineAlive: () => (made.engineAlive ? Promise.resolve() : Promise.reject(new UserError("The engine is gone.", { code: "engine-gone" }))),
    },
    edges: {
      connect: () => {
        const endpoint: Endpoint = { baseUrl: endpointRef.api, apiKey: made.apiKey, apiKeyInShell: "$LAMBDA_API_KEY", sshPort: 22, timeScale: 1 };
        return Promise.resolve({ endpoint, time: createVendorTime(clock, 1), client: createLambdaClient(endpoint, { clock, pace: { wait: () => Promise.resolve() }, transport: fake.transport }) });
      },
      authorizeDeletion: (_context, _binding, _endpoint, deletion) => {
        asked.push(deletion);
        return made.allow ? Promise.resolve({ grantId: "grt_1" }) : Promise.reject(new UserError("Refused.", { code: "no-receipt" }));
      },
      probePort: () => Promise.resolve(true),
    },
    instanceInputs: {
      binding,
      endpoint: endpointRef,
      role: "instance",
      sshKeyName: "key-1",
      filesystem: { id: "f".repeat(32), name: "fs", region: "us-east-1", mountPoint: "/lambda/nfs/fs" },
      candidates: [],
      requirement: { gpu: { names: ["A10"], count: 1, memoryGiB: null }, cpus: null, memoryGiB: null, diskGiB: null },
      capacity: { maxWaitSeconds: 600, maxLockSeconds: 600, maxAttempts: 3, maxHourlyUsd: 3 },
      image: { family: "lambda-stack-24-04" },
      name: "digits",
      tags: {},
      firewallRulesetIds: [],
      userData: null,
      verb: "terminate",
      tier: "local",
      tiersLost: ["local"],
      authorizedKeys: [],
    },
    filesystemInputs: {
      binding,
      endpoint: endpointRef,
      role: "filesystem",
      mode: "create",
      name: "digits",
      region: null,
      candidates: [],
      requirement: { gpu: { names: ["A100"], count: 1, memoryGiB: null }, cpus: null, memoryGiB: null, diskGiB: null },
      maxHourlyUsd: null,
      maxWaitSeconds: 600,
      verb: "delete",
      tier: "filesystem",
      tiersLost: ["filesystem"],
      keep: false,
    },
    kinds: () => run.entries().map((entry) => entry.kind),
  };
  return made;
}
