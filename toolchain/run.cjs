"use strict";
// node toolchain/run.cjs VERB ARGS...: what the npm scripts call. Runs on any Node from 18 on, with nothing installed.
const path = require("node:path");
const { attach } = require("./io/children.cjs");
const { SetupError, createLog } = require("./io/log.cjs");
const { toolEnvironment } = require("./env.cjs");
const { ROOT, setUp } = require("./setup.cjs");

const log = createLog();

/** Runs a compiled program of ours with the engine and our Node on its PATH. */
async function runCompiled(script, args, steps, options = {}) {
  const { node, engine } = await setUp({ log, steps, ...options });
  const env = { ...process.env, ...(engine ? toolEnvironment({ engine, node }) : { PATH: `${node.directory}${path.delimiter}${process.env.PATH}` }) };
  return attach(node.executable, ["--enable-source-maps", path.join(ROOT, "dist", ...script.split("/")), ...args], { env });
}

const verbs = {
  setup: async () => (await setUp({ log }), 0),
  demo: (args) => runCompiled("cli/demo/main.js", args),
  "demo:week": (args) => runCompiled("cli/demo/week/main.js", args),
  bench: (args) => runCompiled("test/bench/main.js", args),
  faults: (args) => runCompiled("test/faults/all.js", args),
  holdfast: (args) => runCompiled("cli/main.js", args, ["build", "engine"], { quiet: true }),
  test: async (args) => {
    const { node, engine } = await setUp({ log });
    const { runTests } = require("./verbs/test.cjs");
    const { program, tried } = await require("./s3/server.cjs").obtainS3Server({ log });
    const s3 = program ? {} : { HOLDFAST_NO_S3_SERVER: tried };
    return runTests(args, { directory: path.join(ROOT, "dist", "test"), node, env: { ...process.env, ...toolEnvironment({ engine, node }), ...s3 }, cwd: ROOT });
  },
  build: async () => (await setUp({ log, steps: ["build"] }), 0),
  /** Writes every generated page of docs/ anew; tests fail while one is out of date. */
  docs: async () => {
    for (const page of ["profiles/docs.js", "policy/gotchaDocs.js", "policy/document.js", "custody/verify/document.js"]) {
      const code = await runCompiled(page, ["--write"], ["build"], { quiet: true });
      if (code !== 0) return code;
    }
    return 0;
  },
  lint: async (args) => {
    const { node } = await setUp({ log, steps: [], quiet: true });
    return require("./verbs/lint.cjs").lint(args, { root: ROOT, node, env: process.env, log });
  },
  typecheck: async (args) => {
    const { node } = await setUp({ log, steps: [], quiet: true });
    return attach(node.executable, [path.join(ROOT, "node_modules", "typescript", "lib", "tsc.js"), "-p", ".", "--noEmit", ...args], { cwd: ROOT });
  },
  pulumi: (args) => require("./verbs/pulumi.cjs").pulumi(args, { log, root: ROOT }),
  env: async () => {
    process.stdout.write(await require("./verbs/env.cjs").environmentLines({ root: ROOT, project: ROOT, log }));
    return 0;
  },
  engine: async () => {
    const { engine } = await setUp({ log, steps: ["engine"], quiet: true });
    process.stdout.write(`${engine.directory}\n`);
    return 0;
  },
};

async function main([verb, ...args]) {
  if (!Object.hasOwn(verbs, verb || "")) {
    throw new SetupError(`usage: node toolchain/run.cjs ${Object.keys(verbs).join("|")} [arguments]`);
  }
  return verbs[verb](args);
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error) => {
    console.error(error instanceof SetupError ? error.message : error);
    process.exitCode = 1;
  },
);
