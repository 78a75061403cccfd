/** A shell offers the names that a person would otherwise look up: runs and cells of the project they stand in, and nothing elsewhere. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { program, withProject } from "./project";

test("bash completes runs and cells where a command takes them, and is silent outside of a project", async () => {
  await withProject(async (project) => {
    project.declareRun();
    project.endRun(project.declareRun("older"));
    const { stdout: script } = await project.holdfast("completion", "bash");
    const offered = (line: string, cwd = project.root): string[] => {
      const words = line.split(" ");
      const body = `holdfast() { "${process.execPath}" "${program}" "$@"; }\n${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _holdfast_complete; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { status, stdout, stderr } = spawnSync("bash", ["--norc", "-c", body], { encoding: "utf8", cwd, env: project.environment() });
      assert.deepEqual([status, stderr], [0, ""]);
      return stdout.split("\n").filter((word) => word !== "" && !word.startsWith("-"));
    };
    assert.deepEqual(offered("holdfast status "), ["digits", "older"]);
    assert.deepEqual(offered("holdfast pull di"), ["digits"]);
    assert.deepEqual(offered("holdfast lease renew o"), ["older"]);
    assert.deepEqual(offered("holdfast retry "), ["digits", "older", "a", "b"]);
    assert.deepEqual(offered("holdfast approve digits --partial "), ["a", "b"]);
    assert.deepEqual(offered("holdfast keeper d"), ["digits"]);
    // Two runs of one name are told apart.
    project.declareRun("digits", "other");
    assert.deepEqual(offered("holdfast status lab/"), ["lab/dev/digits", "lab/other/digits"]);

    const elsewhere = mkdtempSync(join(tmpdir(), "holdfast-nowhere-"));
    assert.deepEqual(offered("holdfast status ", elsewhere), []);
    rmSync(elsewhere, { recursive: true });
    assert.doesNotMatch((await project.holdfast("completion", "--help")).stdout, /names/, "what scripts ask for is not a person's command");
  });
});

for (const shell of ["zsh", "fish"]) {
  test(`${shell} asks for them in the same places`, async () => {
    await withProject(async (project) => {
      const { stdout } = await project.holdfast("completion", shell);
      for (const kind of ["runs", "cells", "both"]) assert.match(stdout, new RegExp(`completion names ${kind} 2>/dev/null`));
      const check = spawnSync(shell, ["-n"], { input: stdout, encoding: "utf8" });
      assert.ok(check.error !== undefined || check.status === 0, check.stderr);
    });
  });
}
