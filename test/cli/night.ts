/** A run that has finished, with consent given beforehand, on a real machine; the engine is a script that ends the run in the ledger. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { buildStanding } from "../../custody";
import type { Plan } from "../../profiles/plan";
import { deletionsAtEnd } from "../../providers/teardown/deletions";
import { safetensors } from "../custody/support";
import { seconds, withMachine, type TestMachine } from "./machine";
import type { TestProject } from "./project";

const custodyModule = resolve(__dirname, "..", "..", "custody", "index.js");

export interface Night {
  readonly project: TestProject;
  readonly machine: TestMachine;
  readonly environment: NodeJS.ProcessEnv;
  /** How often the engine was started to destroy. */
  readonly destroys: () => number;
  readonly told: () => { id: string; kind: string }[];
}

export async function atNight(body: (night: Night) => Promise<void>): Promise<void> {
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
    const hook = project.write("hook.sh", `#!/bin/sh\ncat >>told\n`);
    chmodSync(hook, 0o755);
    project.write("Pulumi.dev.yaml", `${readFileSync(join(project.root, "Pulumi.dev.yaml"), "utf8")}  holdfast:keeper: {hooks: [["./hook.sh"]]}\n`);
    await body({
      project, machine, environment: project.environment({ PATH: `${project.root}/bin:${process.env["PATH"] ?? ""}` }),
      destroys: () => destroysIn(project.root),
      told: () => toldIn(project.root),
    });
  });
}

/** How often the engine was started to destroy, from this folder. */
export const destroysIn = (root: string): number => (existsSync(join(root, "destroys")) ? readFileSync(join(root, "destroys"), "utf8").length : 0);

/** What the hook was given in this folder. */
export const toldIn = (root: string): { id: string; kind: string }[] =>
  (existsSync(join(root, "told")) ? readFileSync(join(root, "told"), "utf8") : "").split("\n").filter(Boolean).map((line) => JSON.parse(line) as { id: string; kind: string });

/** It works in the checkout that it is started in. */
function writeEngine(project: TestProject): void {
  const state = { deployment: { resources: [
    { urn: "stack", type: "pulumi:pulumi:Stack" }, { urn: "run", type: "holdfast:index:TrainingRun", parent: "stack" },
    { urn: "box", type: "pulumi-nodejs:dynamic/holdfast:LambdaInstance", parent: "run", outputs: { binding: { run: "digits" } } },
  ] } };
  const script = `#!${process.execPath}
const fs = require("node:fs");
const root = process.cwd();
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
