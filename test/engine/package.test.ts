/** Holdfast installed as a package in somebody else's project: exports map, types and providers resolve from there. */
import assert from "node:assert/strict";
import { execa } from "execa";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot, withScratch } from "./stack";

test("a project that only installs the package provisions a run, and its gate holds", async () => {
  await withScratch({ program: 'const { TrainingRun } = require("holdfast");\nconst { runtime } = require("@pulumi/pulumi");\n' + programFromConfig }, async (scratch) => {
    const modules = join(scratch.directory, "node_modules");
    rmSync(modules, { recursive: true });
    mkdirSync(join(modules, "holdfast"), { recursive: true });
    const packed = await execa("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", scratch.directory], { cwd: packageRoot });
    await execa("tar", ["-xzf", join(scratch.directory, packed.stdout.trim().split("\n").at(-1) ?? ""), "--strip-components=1", "-C", join(modules, "holdfast")]);
    for (const name of readdirSync(join(packageRoot, "node_modules"))) {
      if (!name.startsWith(".") && name !== "holdfast") symlinkSync(join(packageRoot, "node_modules", name), join(modules, name));
    }
    assert.equal(readdirSync(join(modules, "holdfast")).includes("test"), false, "the package carries no tests");

    writeFileSync(join(scratch.directory, "typed.ts"), 'import { TrainingRun } from "holdfast";\nimport type * as pulumi from "@pulumi/pulumi";\nexport const address = (run: TrainingRun): pulumi.Output<string> => run.address;\n');
    const types = await execa(join(packageRoot, "node_modules", ".bin", "tsc"), ["--noEmit", "--strict", "--skipLibCheck", "--module", "node20", "--target", "es2023", "typed.ts"], { cwd: scratch.directory, reject: false });
    assert.equal(types.exitCode, 0, types.stdout);

    const up = await scratch.up();
    assert.equal(up.exitCode, 0, up.output);
    const destroy = await scratch.destroy();
    assert.notEqual(destroy.exitCode, 0);
    assert.match(destroy.output, /Refused/);
    assert.equal((await scratch.vendor<unknown[]>("/instances")).length, 1);
  });
});

const programFromConfig = `
const { runFromStackConfig } = require("holdfast");
const run = runFromStackConfig();
if (!(run instanceof TrainingRun)) throw new Error("not the facade");
exports.address = run.address;
`;
