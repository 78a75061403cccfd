import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { localBackendWarning } from "../../../components/localBackend";

const vendor = "https://cloud.lambda.ai/api/v1";

function project(context: TestContext, yaml = "name: p\nruntime: nodejs\n"): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-backend-"));
  context.after(() => { rmSync(folder, { recursive: true, force: true }); });
  writeFileSync(join(folder, "Pulumi.yaml"), yaml);
  return folder;
}

test("state inside the project, of what a vendor bills, is warned of, however the engine was told", (context) => {
  const root = project(context);
  for (const url of [`file://${root}/.state`, `file://${root}`, "file://./state", "file://state?metadata=skip"]) {
    assert.match(localBackendWarning(root, vendor, { PULUMI_BACKEND_URL: url }) ?? "none", /inside the project on this machine, and what it names bills at https:\/\/cloud\.lambda\.ai/, url);
  }
  const own = project(context, "name: p\nruntime: nodejs\nbackend:\n  url: file://./state\n");
  assert.match(localBackendWarning(own, vendor, {}) ?? "none", /state, inside the project/);
  const home = join(root, "home");
  mkdirSync(home);
  writeFileSync(join(home, "credentials.json"), JSON.stringify({ current: `file://${root}/state` }));
  assert.match(localBackendWarning(root, vendor, { PULUMI_HOME: home }) ?? "none", /inside the project/);
});

test("state elsewhere, and the sandbox, are not", (context) => {
  const root = project(context);
  assert.equal(localBackendWarning(root, "sandbox", { PULUMI_BACKEND_URL: `file://${root}/.state` }), null);
  for (const url of ["s3://team-state", "https://api.pulumi.com", `file://${root}-elsewhere`, "file://~", "file:///srv/state"]) {
    assert.equal(localBackendWarning(root, vendor, { PULUMI_BACKEND_URL: url }), null, url);
  }
  const home = join(root, "home");
  mkdirSync(home);
  assert.equal(localBackendWarning(root, vendor, { PULUMI_HOME: home }), null);
  writeFileSync(join(home, "credentials.json"), "{");
  assert.equal(localBackendWarning(root, vendor, { PULUMI_HOME: home }), null);
});
