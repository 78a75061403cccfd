"use strict";
// Everything a machine needs before a command can run, each step skipped where there is nothing to do.
const crypto = require("node:crypto");
const path = require("node:path");
const { cacheDirectory } = require("./io/cache.cjs");
const { withLock } = require("./io/lock.cjs");
const { build } = require("./build.cjs");
const { installDependencies } = require("./dependencies.cjs");
const { obtainEngine } = require("./engine/find.cjs");
const { obtainNode } = require("./node.cjs");
const { obtainPrograms } = require("./programs.cjs");

const ROOT = path.resolve(__dirname, "..");
const STEPS = ["dependencies", "build", "engine", "programs"];

/**
 * Does the steps asked for; `dependencies` come with every other one. Says in one line when there was nothing to do.
 * @param {{log: object, steps?: string[], quiet?: boolean, root?: string, env?: object}} options
 * @returns {Promise<{node: object, engine: object | null}>}
 */
async function setUp({ log, steps = STEPS, quiet = false, root = ROOT, env = process.env }) {
  // Two runs in one checkout (a test and a demo) must not both run npm or the compiler. The lock lies in the user's cache:
  // npm removes node_modules whole, and the checkout's own files are git's.
  const name = crypto.createHash("sha256").update(root).digest("hex").slice(0, 16);
  const lock = path.join(cacheDirectory(env), "setup", `${name}.lock`);
  let waiting = null;
  const onWait = () => {
    waiting ||= log.progress("setup", "another run is setting up this checkout, waiting");
  };
  return withLock(lock, { onWait }, async () => {
    if (waiting) waiting.stop();
    const found = {};
    let worked = false;
    const note = (name, did, what = name) => {
      worked = worked || did;
      found[name] = what;
    };
    const node = await obtainNode(root, log);
    note("dependencies", await installDependencies(root, log));
    if (steps.includes("programs")) note("programs", await obtainPrograms(log));
    let engine = null;
    if (steps.includes("engine")) {
      const got = await obtainEngine({ root, node, log, env });
      engine = got.engine;
      note("engine", got.obtained, `engine ${engine.version}`);
    }
    if (steps.includes("build")) note("build", await build(root, node, log));
    const list = STEPS.filter((step) => found[step]).map((step) => found[step]);
    if (!quiet) log.line(worked ? `setup: ready (${list.join(", ")})` : `setup: nothing to do (${list.join(", ")})`);
    return { node, engine };
  });
}

module.exports = { ROOT, setUp };
