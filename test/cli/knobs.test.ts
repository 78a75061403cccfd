/** The sandbox's knobs from a file: a misspelt one must be said, since a fault that was never injected looks like robustness. */
import assert from "node:assert/strict";
import { execa } from "execa";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { resetSandbox } from "../../sandbox";

const main = resolve(__dirname, "..", "..", "cli", "main.js");

test("the project's knobs file sets the sandbox that starts in it; what it misspells is refused", async () => {
  const project = mkdtempSync(join(tmpdir(), "holdfast-knobs-"));
  const directory = join(project, ".holdfast", "sandbox");
  const start = (...args: string[]) =>
    execa(process.execPath, [main, "sandbox", "start", "--json", ...args], { cwd: project, env: { PATH: process.env["PATH"], HOME: project }, extendEnv: false, reject: false, stdin: "ignore" });
  try {
    writeFileSync(join(project, "Pulumi.yaml"), "name: knobs\nruntime: nodejs\n");
    writeFileSync(join(project, "bad.yaml"), "timeScle: 3\n");
    const bad = await start("--knobs", "bad.yaml");
    assert.notEqual(bad.exitCode, 0);
    assert.match(bad.stderr, /timeScle/);
    writeFileSync(join(project, "holdfast.sandbox.yaml"), "timeScale: 300\nloseLaunchReply: 1\n");
    const good = await start();
    assert.equal(good.exitCode, 0, good.stderr);
    assert.equal((JSON.parse(good.stdout) as { timeScale: number }).timeScale, 300);
  } finally {
    await resetSandbox(directory);
    rmSync(project, { recursive: true, force: true });
  }
});
