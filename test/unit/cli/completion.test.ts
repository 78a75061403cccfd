import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { runOn } from "./stage";

async function script(shell: string): Promise<string> {
  const { code, stdout } = await runOn(["completion", shell]);
  assert.equal(code, 0);
  return stdout;
}

/** What bash would offer for a line whose last word is being typed. */
async function completionsOf(line: string): Promise<string[]> {
  const words = line.split(" ");
  const body = `${await script("bash")}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _holdfast_complete; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const result = spawnSync("bash", ["--norc", "-c", body], { encoding: "utf8" });
  assert.equal(result.status, 0, result.stderr);
  return result.stdout.split("\n").filter((word) => word !== "");
}

test("bash completes commands, subcommands, options and their values", async () => {
  assert.deepEqual(await completionsOf("holdfast app"), ["approve"]);
  assert.deepEqual(await completionsOf("holdfast sandbox s"), ["start", "status", "stop"]);
  assert.deepEqual(await completionsOf("holdfast approve digits --conf"), ["--confirm"]);
  assert.deepEqual(await completionsOf("holdfast sandbox start --ti"), ["--time-scale"]);
  assert.deepEqual(await completionsOf("holdfast plan --format "), ["text", "json", "markdown", "sarif"]);
  assert.deepEqual(await completionsOf("holdfast completion "), ["bash", "zsh", "fish", "--help", "-h"]);
});

test("an option's value that is called like a command does not change what is completed", async () => {
  assert.ok((await completionsOf("holdfast pull --to ls --par")).includes("--partial"));
});

for (const shell of ["zsh", "fish"]) {
  test(`the ${shell} script names every command and passes that shell's own syntax check where it is installed`, async () => {
    const text = await script(shell);
    for (const command of ["approve", "break-glass", "sandbox", "verify"]) assert.match(text, new RegExp(command));
    const check = spawnSync(shell, ["-n"], { input: text, encoding: "utf8" });
    assert.ok(check.error !== undefined || check.status === 0, check.stderr);
  });
}

test("an unknown shell is a usage error that names the known ones", async () => {
  const { code, stderr } = await runOn(["completion", "tcsh"]);
  assert.equal(code, 2);
  assert.match(stderr, /bash, zsh, fish/);
});
