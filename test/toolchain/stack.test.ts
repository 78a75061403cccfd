import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { folder, load, type Log, recorder, script, write } from "./toolchain.js";

interface Choice {
  engine: string;
  project: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  create: boolean;
  log: Log;
}
const { chooseStack, namedStack, removeDeadLocks } = load("verbs/stack.cjs") as {
  chooseStack: (options: Choice) => Promise<string>;
  namedStack: (args: string[], env: NodeJS.ProcessEnv) => string | null;
  removeDeadLocks: (options: { project: string; stack: string; backendUrl?: string }) => string[];
};
const { additions } = load("verbs/pulumi.cjs") as {
  additions: (command: string, args: string[], stack: string, options: { root: string; env: NodeJS.ProcessEnv }) => string[];
};

function project(t: TestContext): string {
  const at = folder(t);
  write(path.join(at, "Pulumi.yaml"), "name: holdfast\nruntime: nodejs\n");
  return at;
}

/** Writes a lock as the engine's file backend does, in a folder whose name needs escaping in an address. */
function lock(at: string, name: string, content: object): { file: string; backendUrl: string } {
  const state = path.join(at, "a b#c");
  const file = path.join(state, ".pulumi", "locks", "organization", "holdfast", "dev", `${name}.json`);
  write(file, JSON.stringify({ username: "ada", hostname: os.hostname(), timestamp: new Date().toISOString(), ...content }));
  write(`${file}.attrs`, "{}");
  return { file, backendUrl: pathToFileURL(state).href };
}

test("the lock of a dead engine does not stand in the way of the next destroy", (t) => {
  const at = project(t);
  const { file, backendUrl } = lock(at, "dead", { pid: spawnSync("true").pid });
  const removed = removeDeadLocks({ project: at, stack: "organization/holdfast/dev", backendUrl });
  assert.match(removed.join(), /^process \d+, ada@/);
  assert.deepEqual(fs.readdirSync(path.dirname(file)), []);
});

test("a lock whose process number was given to a later process is dead too", (t) => {
  const at = project(t);
  const { file, backendUrl } = lock(at, "reused", { pid: process.pid, timestamp: "2001-01-01T00:00:00Z" });
  assert.equal(removeDeadLocks({ project: at, stack: "dev", backendUrl }).length, 1);
  assert.equal(fs.existsSync(file), false);
});

test("a lock that may be held is never removed", (t) => {
  const at = project(t);
  const dead = spawnSync("true").pid;
  const living = lock(at, "living", { pid: process.pid });
  const elsewhere = lock(at, "elsewhere", { pid: dead, hostname: "laptop.example.com" });
  const half = lock(at, "half", {});
  write(half.file, '{"pid":');
  assert.deepEqual(removeDeadLocks({ project: at, stack: "dev", backendUrl: living.backendUrl }), []);
  for (const { file } of [living, elsewhere, half]) assert.ok(fs.existsSync(file));
  for (const backendUrl of ["s3://bucket", "https://example.com", undefined]) {
    assert.deepEqual(removeDeadLocks({ project: at, stack: "dev", ...(backendUrl ? { backendUrl } : {}) }), []);
  }
});

test("the stack a person names is the stack that is used", () => {
  assert.equal(namedStack(["--yes", "--stack", "prod"], {}), "prod");
  assert.equal(namedStack(["-s", "prod"], { PULUMI_STACK: "dev" }), "prod");
  assert.equal(namedStack(["--stack=acme/holdfast/prod"], {}), "acme/holdfast/prod");
  assert.equal(namedStack(["--yes"], { PULUMI_STACK: "staging" }), "staging");
  assert.equal(namedStack(["--", "--stack", "prod"], {}), null);
});

test("a stack is made for a newcomer, and never out of a slip of the pen", async (t) => {
  const at = project(t);
  const calls = path.join(at, "calls");
  const stacks = path.join(at, "stacks.json");
  write(stacks, "[]");
  const engine = script(path.join(at, "pulumi"), `echo "$*" >> ${calls}; [ "$2" = ls ] && cat ${stacks}; exit 0`);
  const choose = (args: string[], create = true): Promise<string> =>
    chooseStack({ engine, project: at, args, env: { PATH: process.env["PATH"] }, create, log: recorder() });
  const made = (): string[] => {
    const lines = fs.readFileSync(calls, "utf8").split("\n").filter((line) => line.startsWith("stack init"));
    fs.writeFileSync(calls, "");
    return lines;
  };

  assert.equal(await choose([]), "dev");
  assert.deepEqual(made(), ["stack init dev --non-interactive"]);
  assert.equal(await choose([], false), "dev", "nothing is made just to be destroyed");
  assert.deepEqual(made(), []);

  assert.equal(await choose(["-s", "prdo"]), "prdo");
  assert.deepEqual(made(), [], "the engine says that there is no such stack");
  write(path.join(at, "Pulumi.prod.yaml"), "config: {}\n");
  await choose(["-s", "prod"]);
  assert.deepEqual(made(), ["stack init prod --no-select --non-interactive"]);

  write(stacks, JSON.stringify([{ name: "dev", current: false }, { name: "prod", current: true }]));
  assert.equal(await choose([]), "prod", "the selected stack stays selected");
  assert.equal(await choose(["--stack", "organization/holdfast/dev"]), "organization/holdfast/dev");
  assert.deepEqual(made(), []);
});

test("the project's own policies judge every preview and up, unless others are asked for", (t) => {
  const at = project(t);
  const add = (command: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): string[] => additions(command, args, "dev", { root: at, env });
  assert.deepEqual(add("up"), ["--stack", "dev"], "a project without policies");
  write(path.join(at, "policy", "PulumiPolicy.yaml"), "runtime: nodejs\n");
  const pack = ["--policy-pack", path.join(at, "policy")];
  assert.deepEqual(add("up"), ["--stack", "dev", ...pack]);
  assert.deepEqual(add("preview", ["-s", "prod"]), pack);
  assert.deepEqual(add("up", ["--policy-pack=other"], { PULUMI_STACK: "dev" }), []);
  assert.deepEqual(add("destroy"), ["--stack", "dev"], "the engine takes no policies on destroy");
});
