/** Lock files: what is none is refused where it is typed, before a machine bills for finding out. */
import assert from "node:assert/strict";
import { readFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test, type TestContext } from "node:test";
import { profileFor, resolve as resolvePlan } from "../../../profiles";
import { FRAMEWORKS, lockFiles, readLock } from "../../../providers/job/lock";
import { codeSha256, configWith, jobWith, run, thrownBy } from "../profiles/happy";

function code(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-lock-"));
  t.after(() => { rmSync(folder, { recursive: true }); });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const jobOf = (lock: string): ReturnType<typeof jobWith> => jobWith({ setup: { lock } });

test("a lock file is read with its continuation lines, hashes, markers and options; the image's frameworks are named", (t) => {
  const text = `# by pip-compile\n--index-url https://pypi.org/simple\nnumpy==2.1.0 \\\n    --hash=sha256:abc \\\n    --hash=sha256:def\n    # via torch\ntorch==2.6.0+cu124 ; python_version >= "3.9"\nPyTorch_Lightning[extra]==2.5.0\nwheel @ https://example.com/wheel-1-py3-none-any.whl\n`;
  const folder = code(t, { "requirements.lock": text });
  const lock = readLock(jobOf("requirements.lock"), folder);
  assert.deepEqual([lock?.packages, lock?.frameworks], [4, ["torch==2.6.0+cu124"]]);
  assert.equal(readLock(jobWith(), folder), null);
});

test("what leaves a version open, leads elsewhere or is another format is no lock file", (t) => {
  const refusal = (name: string, text: string): string => thrownBy(() => readLock(jobOf(name), code(t, { [name]: text })));
  assert.match(refusal("requirements.txt", "numpy>=2\n"), /job\.setup\.lock = "requirements\.txt": must pin every package with ==, and has "numpy>=2"; write it with: uv pip compile/);
  assert.match(refusal("requirements.txt", "numpy\n"), /must pin every package/);
  assert.match(refusal("requirements.txt", "numpy==2.*\n"), /must pin every package/);
  assert.match(refusal("requirements.txt", "-e .\nnumpy==2.1\n"), /must stand for itself, and has "-e \."/);
  assert.match(refusal("uv.lock", "version = 1\n"), /must be in pip's requirements format; write it with: uv export/);
  assert.match(thrownBy(() => readLock(jobOf("none.lock"), code(t, {}))), /must be a file in the code directory/);
  const secret = refusal("requirements.txt", "--index-url https://me:hunter2-0123@example.com/simple\nnumpy==2.1\n");
  assert.match(secret, /holds credentials in an address/);
  assert.ok(!secret.includes("hunter2"));
});

test("another lock file is another place on the instance, and setup has its bound", () => {
  const plan = (sha256: string): ReturnType<typeof resolvePlan> =>
    resolvePlan(jobWith({ setup: { lock: "r.lock", maxMinutes: 0.5 } }), profileFor("lambda"), { run, config: configWith(), codeSha256, lock: { path: "r.lock", sha256, packages: 1, frameworks: [] } });
  assert.equal(plan("a").setupMaxSeconds, 30);
  assert.notEqual(lockFiles(plan("a")).get("lock"), lockFiles(plan("b")).get("lock"));
  assert.deepEqual([...lockFiles(plan("a")).keys()], ["lock", "packages.env"]);
  assert.match(thrownBy(() => resolvePlan(jobOf("r.lock"), profileFor("lambda"), { run, config: configWith(), codeSha256 })), /was not read/);
});

test("the plan and the instance leave the same packages to the image", () => {
  const script = readFileSync(resolve("remote", "lib", "install_lock.py"), "utf8");
  assert.deepEqual([...(/^FRAMEWORKS = \((.*)\)$/m.exec(script)?.[1] ?? "").matchAll(/"([^"]+)"/g)].map(([, name]) => name), FRAMEWORKS);
});

test("a job with sh lines for its setup is what it always was", () => {
  assert.deepEqual(jobWith({ setup: "true" }).setup, { lock: null, script: "true", maxMinutes: 60 });
  assert.match(thrownBy(() => jobWith({ setup: { lok: "x" } })), /setup\.lok is not known, did you mean lock\?/);
});
