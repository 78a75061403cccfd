/** The scripts run on machines that nobody can look at first: what a linter can find is found here. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { projectRoot } from "./rig";

const scripts = readdirSync(join(projectRoot, "remote"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".sh")).map((name) => join(projectRoot, "remote", name));
const hasShellcheck = spawnSync("shellcheck", ["--version"]).status === 0;

test("shellcheck finds nothing in the scripts", { skip: hasShellcheck ? false : "shellcheck is not installed" }, () => {
  const { status, stdout, stderr } = spawnSync("shellcheck", scripts, { encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
});

test("no script can print a secret by tracing, none is stored with CRLF, all parse", () => {
  assert.ok(scripts.length >= 12);
  for (const script of scripts) {
    const text = readFileSync(script, "utf8");
    assert.doesNotMatch(text, /\bset -[a-z]*x|xtrace/, script);
    assert.ok(!text.includes("\r"), script);
    assert.equal(spawnSync("sh", ["-n", script]).status, 0, script);
  }
});
