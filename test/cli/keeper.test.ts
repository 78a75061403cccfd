/** A keeper that is killed at any point, and two of them at once: the run is ended once, proven before, and nobody fights. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { buildStanding } from "../../custody";
import type { Plan } from "../../profiles/plan";
import { mapBounded } from "../../cli/runs/parallel";
import { deletionsAtEnd } from "../../providers/teardown/deletions";
import { safetensors } from "../custody/support";
import { until } from "../engine/until";
import { mulberry32 } from "../faults/point";
import { seconds, withMachine, type TestMachine } from "./machine";
import type { TestProject } from "./project";

// Other places: KEEPER_SEED; all of them: KEEPER_KILLS=100.
const seed = Number(process.env["KEEPER_SEED"] ?? "20");
const sampleSize = Number(process.env["KEEPER_KILLS"] ?? "4");
const never = -1;

const custodyModule = resolve(__dirname, "..", "..", "custody", "index.js");

interface Night {
  readonly project: TestProject;
  readonly machine: TestMachine;
  readonly environment: NodeJS.ProcessEnv;
  /** How often the engine was started to destroy. */
  readonly destroys: () => number;
  readonly told: () => { id: string; kind: string }[];
}

/** A run that has finished, with consent given beforehand; the engine is a script that ends the run in the ledger. */
async function atNight(body: (night: Night) => Promise<void>): Promise<void> {
  await withMachine(async (project, machine) => {
    const { run } = machine;
    const view = run.view();
    // What the keeper puts on its machine stays in the test's own folder.
    const plan = { ...(view.plan as Plan), ownDisk: { ...(view.plan as Plan).ownDisk, home: join(project.root, "home") } };
    run.append("run.declared", { run: run.ref, custodyId: view.custodyId, endpoint: view.endpoint, plan, roster: ["a", "b"] });
    for (const cell of ["a", "b"]) {
      machine.cell(cell, "complete", { exit: 0, endedAt: seconds(-1) });
      const path = join(machine.directory, "cells", cell, "checkpoints", "step-000001.safetensors");
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, safetensors([1, 2]));
    }
    machine.closeQueue(["a", "b"]);
    rmSync(join(machine.directory, "lock"), { recursive: true });
    run.signStanding(buildStanding(run.ref, { life: run.view().declaredAt, deletions: deletionsAtEnd(run.view()), durableTier: null, also: deletionsAtEnd(run.view()).map(({ role }) => role) }, new Date()));
    writeEngine(project);
    const hook = project.write("hook.sh", `#!/bin/sh\ncat >>"${project.root}/told"\n`);
    chmodSync(hook, 0o755);
    project.write("Pulumi.dev.yaml", `${readFileSync(join(project.root, "Pulumi.dev.yaml"), "utf8")}  holdfast:keeper: {hooks: [["./hook.sh"]]}\n`);
    await body({
      project, machine, environment: project.environment({ PATH: `${project.root}/bin:${process.env["PATH"] ?? ""}` }),
      destroys: () => (existsSync(join(project.root, "destroys")) ? readFileSync(join(project.root, "destroys"), "utf8").length : 0),
      told: () => (existsSync(join(project.root, "told")) ? readFileSync(join(project.root, "told"), "utf8") : "").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line) as { id: string; kind: string }),
    });
  });
}

function writeEngine(project: TestProject): void {
  const state = { deployment: { resources: [
    { urn: "stack", type: "pulumi:pulumi:Stack" }, { urn: "run", type: "holdfast:index:TrainingRun", parent: "stack" },
    { urn: "box", type: "pulumi-nodejs:dynamic/holdfast:LambdaInstance", parent: "run", outputs: { binding: { run: "digits" } } },
  ] } };
  const script = `#!${process.execPath}
const fs = require("node:fs");
const root = ${JSON.stringify(project.root)};
if (process.argv[2] === "stack") process.stdout.write(${JSON.stringify(JSON.stringify(state))});
else {
  if (!process.argv.includes("--target") || !process.argv.includes("run")) process.exit(9);
  fs.appendFileSync(root + "/destroys", "x");
  const run = require(${JSON.stringify(custodyModule)}).openCustody(root).run({ project: "lab", stack: "dev", name: "digits" });
  if (!run.receipts().some(({ content, trusted }) => trusted && content.files >= 2 && content.cells.length === 2)) process.exit(8);
  while (fs.existsSync(root + "/hold")) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  for (const { role, kind, id } of run.view().live) run.append("resource.deleted", { role, kind, id, verb: "delete", grant: null, confirmed: "404" });
  run.append("audit.closed", { billing: 0, leftovers: 0, usd: 0.25 });
}
`;
  chmodSync(project.write("bin/pulumi", script), 0o755);
}

/** One place in each of as many equal parts of a pass, so that every stage of it is met. */
function pointsOf(writes: number): number[] {
  const random = mulberry32(seed);
  return Array.from({ length: sampleSize }, (_, part) => Math.floor(((part + random()) * writes) / sampleSize));
}

/** A pass that is killed at a write, and others until the run has ended and is told; returns the writes of one that was not. */
async function killedAt(kill: number): Promise<number> {
  let writes = 0;
  await atNight(async (night) => {
    const { project, machine, environment } = night;
    const signal = await passThatDies(night, kill);
    assert.equal(signal, kill === never ? null : "SIGKILL", `write ${kill}`);
    const told = (): boolean => machine.run.view().auditClosed !== null && night.told().some(({ kind }) => kind === "run.ended");
    for (let again = 0; again < 2 && !told(); again += 1) await project.holdfastWith({ env: environment }, "keeper", "--once", "--json");
    assert.ok(machine.run.view().auditClosed, `killed at write ${kill}`);
    assert.equal(night.destroys(), 1, `killed at write ${kill}`);
    const ids = night.told();
    assert.ok(ids.some(({ kind }) => kind === "run.ended"), `killed at write ${kill}`);
    assert.ok(ids.length - new Set(ids.map(({ id }) => id)).size <= 1, "at most what was being told when it died is told again");
    if (kill === never) writes = Number(readFileSync(join(project.root, "writes"), "utf8"));
  });
  return writes;
}

/** Resolves with the signal that ended it. */
function passThatDies({ project, environment }: Night, kill: number): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, [join(__dirname, "children", "keeperPass.js"), String(kill)], { cwd: project.root, env: environment, stdio: "ignore" });
  return new Promise((done) => { child.once("exit", (_code, signal) => { done(signal); }); });
}

test("killed at any durable write of a pass, the next pass finishes: proven, ended once, and told under one id", async (context) => {
  const writes = await killedAt(never);
  const points = pointsOf(writes);
  context.diagnostic(`killed at writes ${points.join(", ")} of the ${writes} of a pass (seed ${seed})`);
  assert.ok(writes > 50, `only ${writes} writes`);
  await mapBounded(points, 2, killedAt);
});

test("two keepers of one run do not fight: one ends it, the other leaves it alone", async () => {
  await atNight(async ({ project, environment, destroys }) => {
    project.write("hold", "");
    const first = project.start({ env: environment }, "keeper", "--once", "--json");
    await until("the engine was started", () => destroys() === 1);
    const second = await project.holdfastWith({ env: environment }, "keeper", "--once", "--json");
    assert.match(second.stdout, /another keeper on this computer looks after it/);
    rmSync(join(project.root, "hold"));
    const { stdout } = await first.ended;
    assert.match(stdout, /"did": "destroyed"/);
    assert.equal(destroys(), 1);
  });
});

test("a keeper on another computer is left to it until its word runs out, and a run of another's is not ended", async () => {
  await atNight(async ({ project, machine, environment, destroys }) => {
    machine.run.append("keeper.watching", { keeper: "elsewhere-123456", until: new Date(Date.now() + 3_600_000).toISOString() });
    const left = await project.holdfastWith({ env: environment }, "keeper", "--once");
    assert.match(left.stdout, /the keeper elsewhere-123456 looks after it until/);
    assert.equal(destroys(), 0);
    machine.run.append("keeper.watching", { keeper: "elsewhere-123456", until: new Date(Date.now() - 1000).toISOString() });
    await project.holdfastWith({ env: environment }, "keeper", "--once");
    assert.equal(destroys(), 1);
  });
});
