import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { folder, load, type Log, recorder, root, run, write } from "./toolchain.js";

const { computeStamp, computeStamps, readStamp, staleness } = load("stamp.cjs") as {
  computeStamp: (root: string) => string | null;
  computeStamps: (root: string) => { program: string; tests: string } | null;
  readStamp: (root: string) => string | null;
  staleness: (root: string) => string | null;
};
const { build } = load("build.cjs") as { build: (root: string, node: { executable: string }, log: Log) => Promise<boolean> };
const { dependencyFault, installDependencies, packageDirectory } = load("dependencies.cjs") as {
  dependencyFault: (root: string) => string | null;
  installDependencies: (root: string, log: Log) => Promise<boolean>;
  packageDirectory: (root: string, name: string) => string | null;
};

const node = { executable: process.execPath };

/** A project of one file and one test, with the real compiler. */
function project(t: TestContext): string {
  const at = folder(t);
  fs.symlinkSync(path.join(root, "node_modules"), path.join(at, "node_modules"));
  const compilerOptions = { module: "node20", target: "es2023", rootDir: ".", outDir: "dist", incremental: true, tsBuildInfoFile: "dist/.tsbuildinfo", types: [], skipLibCheck: true };
  write(path.join(at, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["index.ts", "components", "test"] }));
  write(path.join(at, "index.ts"), "export const gate = true;\n");
  write(path.join(at, "test", "gate.test.ts"), "export {};\n");
  return at;
}

test("an edited program is not run from yesterday's dist", async (t) => {
  const at = project(t);
  assert.match(staleness(at) ?? "", /not compiled yet: run `npm run build`/);
  assert.equal(await build(at, node, recorder()), true);
  assert.equal(staleness(at), null);
  assert.equal(readStamp(at), computeStamp(at));
  assert.equal(await build(at, node, recorder()), false, "nothing changed, nothing to compile");

  write(path.join(at, "index.ts"), "export const gate = false;\n");
  assert.match(staleness(at) ?? "", /not made from the sources/);
  assert.equal(await build(at, node, recorder()), true);
  assert.equal(staleness(at), null);

  // A file that came, one that went, an imported table, other compiler settings: all of them are other programs.
  const settings = fs.readFileSync(path.join(at, "tsconfig.json"), "utf8");
  for (const [name, text] of [["components/new.ts", "export {};\n"], ["components/rates.json", "[1]"], ["tsconfig.json", `${settings} `]] as const) {
    const before = computeStamp(at);
    write(path.join(at, name), text);
    assert.notEqual(computeStamp(at), before, name);
    assert.notEqual(staleness(at), null, name);
  }
});

test("what needs no build does not stop a destroy", async (t) => {
  const at = project(t);
  await build(at, node, recorder());
  write(path.join(at, "remote", "run_one.sh"), "exit 0\n");
  write(path.join(at, "docs", "notes.json"), "{}");
  write(path.join(at, "test", "gate.test.ts"), "export const edited = true;\n");
  assert.equal(staleness(at), null);
  assert.equal(await build(at, node, recorder()), true, "but an edited test is compiled before it runs");
});

test("an installed package, which has no sources, is not stale", (t) => {
  const at = folder(t);
  write(path.join(at, "dist", "index.js"), "");
  assert.equal(computeStamp(at), null);
  assert.equal(staleness(at), null);
});

test("a deleted test does not go on passing, and a build that fails is not taken for one", async (t) => {
  const at = project(t);
  write(path.join(at, "test", "old.test.ts"), "export {};\n");
  await build(at, node, recorder());
  assert.ok(fs.existsSync(path.join(at, "dist", "test", "old.test.js")));
  fs.unlinkSync(path.join(at, "test", "old.test.ts"));
  await build(at, node, recorder());
  assert.equal(fs.existsSync(path.join(at, "dist", "test", "old.test.js")), false);

  write(path.join(at, "index.ts"), "export const gate: number = 'open';\n");
  await assert.rejects(build(at, node, recorder()), /do not compile:\n.*index\.ts.*TS2322/s);
  assert.match(staleness(at) ?? "", /run `npm run build`/);
});

test("the command refuses to work from a stale dist, before anything is read or deleted", async (t) => {
  const at = project(t);
  for (const part of ["bin", "toolchain"]) fs.symlinkSync(path.join(root, part), path.join(at, part));
  write(path.join(at, "dist", "cli", "main.js"), "console.log('ran', process.argv.slice(2).join(' ')); process.exitCode = 7;\n");
  // --preserve-symlinks-main keeps the command in the project under test.
  const holdfast = (): Promise<{ code: number | null; stdout: string; stderr: string }> =>
    run(process.execPath, ["--preserve-symlinks", "--preserve-symlinks-main", path.join(at, "bin", "holdfast.cjs"), "status", "x"], { cwd: at });
  const refused = await holdfast();
  assert.equal(refused.code, 1);
  assert.equal(refused.stdout, "");
  assert.match(refused.stderr, /not compiled yet: run `npm run build`\. \(in /);

  write(path.join(at, "dist", "build-stamp.json"), JSON.stringify({ v: 1, ...computeStamps(at) }));
  assert.deepEqual(await holdfast(), { code: 7, stdout: "ran status x\n", stderr: "" });
});

test("dependencies that another lock file installed are seen, also after a hand-run npm", (t) => {
  const at = folder(t);
  const lock = (version: string): string =>
    JSON.stringify({ packages: { "": { dependencies: { a: version } }, "node_modules/a": { version }, "node_modules/b-darwin": { version: "1.0.0", optional: true } } });
  assert.throws(() => dependencyFault(at), /package-lock\.json is missing/);
  write(path.join(at, "package-lock.json"), lock("1.0.0"));
  assert.equal(dependencyFault(at), "not installed yet");
  write(path.join(at, "node_modules", ".package-lock.json"), lock("1.0.0"));
  assert.equal(dependencyFault(at), "a is gone from node_modules");
  write(path.join(at, "node_modules", "a", "package.json"), "{}");
  assert.equal(dependencyFault(at), null);
  write(path.join(at, "package-lock.json"), lock("1.0.1"));
  assert.equal(dependencyFault(at), "a is not 1.0.1");
});

test("installed as a package, Holdfast uses what lies beside it and installs nothing", async (t) => {
  const at = folder(t);
  const holdfast = path.join(at, "node_modules", "holdfast");
  write(path.join(holdfast, "package.json"), "{}");
  write(path.join(at, "node_modules", "@pulumi", "pulumi", "package.json"), "{}");
  assert.equal(await installDependencies(holdfast, recorder()), false);
  assert.equal(packageDirectory(holdfast, "@pulumi/pulumi"), path.join(at, "node_modules", "@pulumi", "pulumi"));
  assert.equal(packageDirectory(holdfast, "no-such-package"), null);
});
