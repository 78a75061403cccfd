/** A command that npx started finds the real engine: the wrapper that npm puts first on PATH would download one, and a finished night would bill until morning. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test, type TestContext } from "node:test";
import { engineDirectory, projectEngineEnvironment } from "../../../cli/runs/projectEngine";

interface Scene {
  readonly project: string;
  /** node_modules/.bin, as npx puts it in front. */
  readonly bin: string;
  /** A folder with an engine. */
  readonly engine: string;
}

function scene(context: TestContext): Scene {
  const root = mkdtempSync(join(tmpdir(), "holdfast-npx-"));
  context.after(() => { rmSync(root, { recursive: true, force: true }); });
  const [project, bin, engine] = [join(root, "project"), join(root, "project", "node_modules", ".bin"), join(root, "engine")];
  for (const folder of [bin, join(project, "node_modules", "pulumi"), engine]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(project, "node_modules", "pulumi", "run.js"), "#!/usr/bin/env node\n", { mode: 0o755 });
  symlinkSync("../pulumi/run.js", join(bin, "pulumi"));
  writeFileSync(join(engine, "pulumi"), "#!/bin/sh\n", { mode: 0o755 });
  return { project, bin, engine };
}

test("npm's wrapper of the engine is passed by for the engine behind it on PATH", async (context) => {
  const { project, bin, engine } = scene(context);
  const PATH = [bin, engine, "/usr/bin"].join(delimiter);
  assert.equal(await engineDirectory({ PATH }), engine);
  const env = await projectEngineEnvironment(project, { PATH });
  assert.equal(env.PATH?.split(delimiter)[0], engine);
  assert.equal(env.PULUMI_BACKEND_URL, undefined, "whatever the person is logged in to");
});

test("with no engine anywhere the wrapper is not asked either", async (context) => {
  const { project, bin } = scene(context);
  const env = await projectEngineEnvironment(project, { PATH: [bin, "/nowhere"].join(delimiter), HOME: project, XDG_CACHE_HOME: join(project, "cache") });
  assert.equal(env.PATH?.split(delimiter).includes(bin), false);
});

test("state in the project's own folder is found without a word in the environment, and a backend that is named wins", async (context) => {
  const { project, engine } = scene(context);
  mkdirSync(join(project, ".state"));
  assert.match((await projectEngineEnvironment(project, { PATH: engine })).PULUMI_BACKEND_URL ?? "", /^file:.*\/\.state$/);
  assert.equal((await projectEngineEnvironment(project, { PATH: engine, PULUMI_BACKEND_URL: "s3://team-state" })).PULUMI_BACKEND_URL, "s3://team-state");
  assert.equal((await projectEngineEnvironment(project, { PATH: engine, PULUMI_ACCESS_TOKEN: "pul-0" })).PULUMI_BACKEND_URL, undefined);
});
