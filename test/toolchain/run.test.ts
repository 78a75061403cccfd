import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { type Ended, folder, load, root, run, script, write } from "./toolchain.js";

interface Place {
  directory: string;
}
const { engineEnvironment, exportLines } = load("env.cjs") as {
  engineEnvironment: (o: { project: string; engine: Place; node: Place; env: NodeJS.ProcessEnv }) => Record<string, string>;
  exportLines: (variables: Record<string, string>) => string;
};

/** Runs files as the `test` verb does. */
async function runTests(t: TestContext, files: Record<string, string>, args: string[] = []): Promise<Ended & { last: string }> {
  const directory = folder(t);
  for (const [name, text] of Object.entries(files)) write(path.join(directory, name), `const { test, describe } = require("node:test");\n${text}\n`);
  const driver = `
    require(${JSON.stringify(path.join(root, "toolchain/verbs/test.cjs"))})
      .runTests(${JSON.stringify(args)}, { directory: ${JSON.stringify(directory)}, node: { executable: process.execPath }, env: process.env, cwd: ${JSON.stringify(directory)} })
      .then((code) => (process.exitCode = code), (error) => { console.error(error.message); process.exitCode = 9; });`;
  const ended = await run(process.execPath, ["-e", driver]);
  return { ...ended, last: ended.stdout.trimEnd().split("\n").pop() ?? "" };
}

test("the last line counts what passed, failed and was skipped, and the exit code agrees", async (t) => {
  const good = 'test("holds", () => {});';
  const passed = await runTests(t, { "a.test.js": `${good} describe("suite", () => { test("inner", () => {}); });`, "b.test.js": `${good} test("later", { skip: "no GPU here" }, () => {});` });
  assert.deepEqual([passed.last, passed.code], ["3 passed, 0 failed, 1 skipped", 0]);
  assert.match(passed.stdout, /Slowest 4:\n\s+\d+\.\d\d s {2}\S.*\((a|b)\.test\.js\)/);

  const failed = await runTests(t, { "a.test.js": `${good} test("slips", () => { throw new Error("slipped"); });` });
  assert.deepEqual([failed.last, failed.code], ["1 passed, 1 failed", 1]);
  assert.match(failed.stdout, /slipped/);
});

test("a test file that dies is not a test file that passed", async (t) => {
  for (const text of ["throw new Error('at load');", "process.exit(3);", 'test("stops", () => process.exit(1));', 'describe("suite", () => { require("node:test").before(() => { throw new Error("hook"); }); test("x", () => {}); });']) {
    const ended = await runTests(t, { "a.test.js": text, "b.test.js": 'test("holds", () => {});' });
    assert.match(ended.last, /^1 passed, [12] failed$/, `${text}\n${ended.stdout}`);
    assert.equal(ended.code, 1);
  }
});

test("a run without a test is a failure", async (t) => {
  const empty = await runTests(t, { "a.test.js": 'test("later", { skip: "not here" }, () => {});' });
  assert.deepEqual([empty.last, empty.code], ["0 passed, 1 failed, 1 skipped", 1]);
  const none = await runTests(t, { "a.test.js": "" }, ["nothing-like-it"]);
  assert.equal(none.code, 9);
  assert.match(none.stderr, /No test file matches "nothing-like-it"/);
});

test("a word picks the files, a flag goes to the runner", async (t) => {
  const files = { "custody/decide.test.js": 'test("one", () => {}); test("two", () => {});', "policy/tier.test.js": 'test("three", () => {});' };
  assert.equal((await runTests(t, files, ["custody"])).last, "2 passed, 0 failed");
  assert.equal((await runTests(t, files, ["--test-name-pattern=two", "decide"])).last, "1 passed, 0 failed");
});

/** A wrapper around a child that says when it listens, counts the signals it gets, and ends with code 5 at the first SIGTERM. */
function wrapped(t: TestContext, shell: boolean, started: (child: ChildProcess, ready: Promise<void>) => void): Promise<Ended> {
  const child = write(
    path.join(folder(t), "child.js"),
    `let n = 0; process.on("SIGINT", () => console.log("interrupt", ++n)); process.on("SIGTERM", () => { console.log("end", n); process.exit(5); });
     setInterval(() => {}, 1000); console.log("ready");`,
  );
  const driver = `require(${JSON.stringify(path.join(root, "toolchain/io/children.cjs"))}).attach(process.execPath, [${JSON.stringify(child)}]).then((code) => (process.exitCode = code));`;
  const file = write(path.join(folder(t), "wrapper.js"), driver);
  const [program, args] = shell ? ["/bin/sh", ["-c", `'${process.execPath}' '${file}'; exit $?`]] : [process.execPath, [file]];
  return run(program, args, {
    env: { ...process.env, npm_lifecycle_event: "up" },
    started: (wrapper) => {
      const ready = new Promise<void>((resolve) => {
        wrapper.stdout?.on("data", (text: string) => {
          if (text.includes("ready")) resolve();
        });
      });
      started(wrapper, ready);
    },
  });
}

test("an interrupt reaches the engine once, however often it is repeated on the way: the second would make it let go", async (t) => {
  const ended = await wrapped(t, false, (wrapper, ready) => {
    wrapper.stdout?.on("data", (text: string) => {
      if (text.includes("interrupt 1")) wrapper.kill("SIGTERM");
    });
    void ready.then(() => {
      wrapper.kill("SIGINT");
      wrapper.kill("SIGINT");
    });
  });
  assert.deepEqual(ended, { code: 5, stdout: "ready\ninterrupt 1\nend 1\n", stderr: "" });
});

test("an engine does not go on unseen when npm, which dies at once, is told to end", async (t) => {
  const ended = await wrapped(t, true, (shell, ready) => {
    void ready.then(() => shell.kill("SIGTERM"));
  });
  assert.equal(ended.stdout, "ready\nend 0\n");
});

test("a child that a signal ended is not a success", async (t) => {
  const self = write(path.join(folder(t), "self.js"), "process.kill(process.pid, 'SIGKILL');");
  const driver = `require(${JSON.stringify(path.join(root, "toolchain/io/children.cjs"))}).attach(process.execPath, [${JSON.stringify(self)}]).then((code) => (process.exitCode = code));`;
  assert.equal((await run(process.execPath, ["-e", driver])).code, 137);
});

test("the user's own backend and passphrase win over the project's", (t) => {
  const [engine, node] = [{ directory: "/engine" }, { directory: "/node" }];
  const variables = (env: NodeJS.ProcessEnv): Record<string, string> => engineEnvironment({ project: "/home/ada/my project", engine, node, env });
  assert.deepEqual(variables({ PATH: "/bin:/engine" }), {
    PATH: "/engine:/node:/bin",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    NODE_COMPILE_CACHE: path.join(root, "node_modules", ".cache", "holdfast-compiled"),
    PULUMI_BACKEND_URL: "file:///home/ada/my%20project/.state",
    PULUMI_CONFIG_PASSPHRASE: "",
  });
  assert.equal("PULUMI_CONFIG_PASSPHRASE" in variables({ PULUMI_CONFIG_PASSPHRASE_FILE: "/secret" }), false);
  const own = variables({ PULUMI_BACKEND_URL: "s3://bucket", PULUMI_SKIP_UPDATE_CHECK: "false", NODE_COMPILE_CACHE: "/cache" });
  for (const name of ["NODE_COMPILE_CACHE", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_SKIP_UPDATE_CHECK"]) assert.equal(name in own, false, name);
  // An engine in a folder with an old node beside it must not bring that node along.
  const shared = folder(t);
  script(path.join(shared, "node"), "exit 1");
  assert.ok(engineEnvironment({ project: "/p", engine: { directory: shared }, node, env: { PATH: shared } })["PATH"]?.startsWith(`/node:${shared}`));
});

test("what `env` prints survives the shell that evaluates it", async (t) => {
  const value = "it's $HOME `id` \\ \"x\"";
  const file = write(path.join(folder(t), "exports"), exportLines({ A: value, B: "" }));
  const { stdout } = await run("/bin/sh", ["-c", `. ${file}; printf '%s|%s|' "$A" "\${B-unset}"`]);
  assert.equal(stdout, `${value}||`);
  assert.equal(fs.readFileSync(file, "utf8").split("\n").length, 3);
});

test("an unknown verb names the known ones", async () => {
  const { code, stderr } = await run(process.execPath, [path.join(root, "toolchain", "run.cjs"), "tset"]);
  assert.equal(code, 1);
  assert.match(stderr, /^usage: node toolchain\/run\.cjs setup\|demo\|.*test\|/);
});
