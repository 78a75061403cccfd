"use strict";
// `npm run lint`: code style, the direction of imports, and the scripts that run on instances.
const fs = require("node:fs");
const path = require("node:path");
const { attach } = require("../io/children.cjs");
const { SetupError } = require("../io/log.cjs");
const { findProgram, install } = require("../programs.cjs");

/** Runs every check, also after one has failed; 0 when all are content. */
async function lint(args, { root, node, env, log }) {
  const script = (...parts) => path.join(root, "node_modules", ...parts);
  const checks = [
    ["eslint", node.executable, [script("eslint", "bin", "eslint.js"), ".", ...args]],
    ["imports", node.executable, [script("dependency-cruiser", "bin", "dependency-cruiser.mjs"), ...sources(root)]],
  ];
  const scripts = ["remote", path.join(".github", "scripts")].flatMap((folder) => shellScripts(path.join(root, folder)));
  const shellcheck = await obtainShellcheck(log);
  if (scripts.length > 0 && shellcheck) checks.push(["shellcheck", shellcheck, scripts]);

  const failed = [];
  for (const [name, program, words] of checks) {
    if ((await attach(program, words, { cwd: root, env })) !== 0) failed.push(name);
  }
  log.line(failed.length === 0 ? `lint: ${checks.map(([name]) => name).join(", ")} are content` : `lint: ${failed.join(", ")} found faults`);
  return failed.length === 0 ? 0 : 1;
}

/** Installed when we may; skipped with the reason otherwise, since CI and other machines check the same scripts. */
async function obtainShellcheck(log) {
  try {
    if (!findProgram("shellcheck")) await install(["shellcheck"], log);
    return findProgram("shellcheck");
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    log.line(`lint: shellcheck is skipped. ${error.message.trim()}`);
    return null;
  }
}

function sources(root) {
  return JSON.parse(fs.readFileSync(path.join(root, "tsconfig.json"), "utf8")).include.filter((entry) => fs.existsSync(path.join(root, entry)));
}

function shellScripts(directory) {
  if (!fs.existsSync(directory)) return [];
  return fs
    .readdirSync(directory, { recursive: true })
    .filter((name) => name.endsWith(".sh"))
    .map((name) => path.join(directory, name));
}

module.exports = { lint };
