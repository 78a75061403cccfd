import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { manifestDigest, openCustody, projectRootFrom, sha256Hex, UserError, type Manifest } from "../../custody";
import { custodyRootOf } from "../../custody/store";
import { clockAt, declared, declaredRun, NOW, run, temporaryFolder, temporaryProject } from "./support";

const userError = (code: string, pattern: RegExp) => (error: unknown): boolean => {
  assert.ok(error instanceof UserError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, pattern);
  return true;
};

test("a store is made only when asked for, so that a wrong folder never looks like an empty one", (context) => {
  const project = temporaryProject(context);
  assert.throws(() => openCustody(project), userError("no-custody", /There is no custody store at .*\.holdfast yet\./));
  const made = openCustody(project, { create: true });
  assert.match(made.id, /^cst_[0-9a-f]{16}$/);
  assert.equal(openCustody(project, { create: true }).id, made.id);
  assert.equal(openCustody(project, { expectId: made.id }).id, made.id);
});

test("evidence kept in another store is a refusal that says where to look", (context) => {
  const project = temporaryProject(context);
  assert.throws(() => openCustody(project, { expectId: "cst_0011223344556677" }), userError("custody-elsewhere", /The custody store cst_0011223344556677, which keeps the evidence of this run, is not here \(there is no store at /));
  openCustody(project, { create: true });
  assert.throws(() => openCustody(project, { create: true, expectId: "cst_0011223344556677" }), (error: unknown) =>
    userError("custody-elsewhere", /\.holdfast is cst_/)(error) && (error as UserError).next[0] === "holdfast recover");
});

test("keys are private and never committed by accident", (context) => {
  const { custody } = declaredRun(context);
  assert.equal(statSync(join(custody.root, "keys", "local.key")).mode & 0o777, 0o600);
  assert.equal(readFileSync(join(custody.root, ".gitignore"), "utf8"), "*\n");
});

test("a store in a folder of the user's own does not hide what else is there", (context) => {
  const project = temporaryProject(context);
  const shared = temporaryFolder(context);
  writeFileSync(join(shared, "mine.txt"), "");
  process.env["HOLDFAST_CUSTODY_DIR"] = shared;
  context.after(() => { delete process.env["HOLDFAST_CUSTODY_DIR"]; });
  const custody = openCustody(project, { create: true });
  assert.equal(custody.root, shared);
  assert.equal(existsSync(join(shared, ".gitignore")), false);
  assert.equal(readFileSync(join(shared, "keys", ".gitignore"), "utf8"), "*\n");
});

test("the custody folder is the project's, or the one that is named", () => {
  assert.equal(custodyRootOf("/p", {}), "/p/.holdfast");
  assert.equal(custodyRootOf("/p", { HOLDFAST_CUSTODY_DIR: "../store" }), "/store");
  assert.equal(custodyRootOf("/p", { HOLDFAST_CUSTODY_DIR: "/else" }), "/else");
});

test("the project is found from below, or named, and its absence is told", (context) => {
  const project = temporaryProject(context);
  const outside = temporaryFolder(context);
  const below = join(project, "a", "b");
  mkdirSync(below, { recursive: true });
  assert.equal(projectRootFrom(below, {}), project);
  assert.equal(projectRootFrom(outside, { HOLDFAST_PROJECT_ROOT: project }), project);
  assert.throws(() => projectRootFrom(outside, {}), userError("no-project", /is not inside a Pulumi project/));
  assert.throws(() => projectRootFrom(project, { HOLDFAST_PROJECT_ROOT: outside }), userError("no-project", /no Pulumi\.yaml is there/));
});

for (const name of ["../escape", "Upper", "", "a/b", ".hidden", "x".repeat(42)]) {
  test(`"${name}" cannot name a run, so no run is ever kept outside its folder`, (context) => {
    const { custody } = declaredRun(context);
    assert.throws(() => custody.run({ ...run, name }), userError("run-name", /cannot name a run/));
  });
}

test("runs are found by their ledgers", (context) => {
  const { custody } = declaredRun(context);
  custody.run({ ...run, stack: "prod" }).append("run.declared", { ...declared(custody.id), run: { ...run, stack: "prod" } });
  mkdirSync(join(custody.root, "runs", "digits", "dev", "empty"), { recursive: true });
  assert.deepEqual(custody.runs(), [run, { ...run, stack: "prod" }]);
  assert.deepEqual(custody.runsOfStack("digits", "prod"), [{ ...run, stack: "prod" }]);
});

test("a run that this custody does not know is told, not taken for an empty one", (context) => {
  const { custody } = declaredRun(context);
  assert.throws(() => custody.run({ ...run, name: "unknown" }).view(), userError("run-unknown", /knows nothing of digits\/dev\/unknown/));
});

const manifest: Manifest = {
  v: 1, run, takenAt: NOW, place: { tier: "persistent", directory: "/mnt/run", resource: "fs-1" }, cells: [], scratch: { files: 0, bytes: 0 }, closed: true,
  files: [{ path: "logs/queue.log", bytes: 3, sha256: sha256Hex("abc") }],
};

test("a manifest is found by its digest, and one that was edited is refused", (context) => {
  const { run: opened } = declaredRun(context, clockAt(NOW));
  assert.equal(opened.newestManifest(), null);
  const digest = opened.saveManifest(manifest);
  assert.equal(digest, manifestDigest(manifest));
  opened.append("manifest.taken", { manifestSha256: digest, files: 1, bytes: 3, closed: true });
  assert.deepEqual(opened.newestManifest(), manifest);
  const path = join(opened.paths.manifests, `${digest}.json`);
  writeFileSync(path, readFileSync(path, "utf8").replace('"bytes":3', '"bytes":4'));
  assert.throws(() => opened.newestManifest(), userError("manifest-invalid", /was changed after it was written/));
  assert.throws(() => opened.manifest("0".repeat(64)), userError("manifest-missing", /is not in custody/));
});

test("a manifest's digest does not depend on where, when or in which order it was listed", () => {
  const file = { path: "cells/a/x", bytes: 1, sha256: sha256Hex("x"), cell: "a" };
  const one = { ...manifest, files: [file, ...manifest.files] };
  const other = { ...manifest, takenAt: "2027-01-01T00:00:00.000Z", place: { tier: "t", directory: "/d", resource: "r" }, closed: false, files: [...manifest.files, { path: file.path, bytes: 1, sha256: file.sha256 }] };
  assert.equal(manifestDigest(one), manifestDigest(other));
  assert.notEqual(manifestDigest(one), manifestDigest({ ...one, run: { ...run, name: "other" } }));
  assert.notEqual(manifestDigest(one), manifestDigest({ ...one, files: [{ ...file, bytes: 2 }, ...manifest.files] }));
});
