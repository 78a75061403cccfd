"use strict";
// A Node that is new enough (Pulumi's SDK and our libraries need 22.19), whichever Node started us.
const fs = require("node:fs");
const path = require("node:path");
const { capture } = require("./io/children.cjs");
const { SetupError } = require("./io/log.cjs");
const { isAtLeast } = require("./io/versions.cjs");

const MINIMUM = "22.19.0";

/**
 * @typedef {{executable: string, directory: string, version: string}} FoundNode `directory` goes on the children's PATH
 */

/** The Node to use without installing anything, or null. */
function findNode(root) {
  if (isAtLeast(process.versions.node, MINIMUM)) return describe(process.execPath, process.versions.node);
  const own = ownNode(root);
  return own && installedVersion(own) === own.version ? describe(own.executable, own.version) : null;
}

/** As findNode; where there is none, installs the pinned one into toolchain/node with npm. */
async function obtainNode(root, log) {
  const found = findNode(root);
  if (found) return found;
  const own = ownNode(root);
  if (!own) {
    throw new SetupError(
      `Node ${MINIMUM} or newer is needed, this is ${process.versions.node}, and none is packaged for ` +
        `${process.platform} ${process.arch}: install one from https://nodejs.org/`,
    );
  }
  const progress = log.progress("node", `${process.versions.node} is too old, npm ci of ${own.version} into toolchain/node`);
  const directory = path.join(root, "toolchain", "node");
  const result = await capture("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: directory });
  progress.done(result.code === 0 ? `${own.version} installed` : "npm ci failed");
  if (result.code !== 0 || installedVersion(own) !== own.version) {
    throw new SetupError(
      `Node ${MINIMUM} or newer is needed, this is ${process.versions.node}, and installing ${own.version} failed:\n` +
        `${result.output.trim()}\nInstall a current Node from https://nodejs.org/ and run this again.`,
    );
  }
  return describe(own.executable, own.version);
}

function describe(executable, version) {
  return { executable, directory: path.dirname(executable), version };
}

/** Where this platform's pinned Node lies or would lie: null for a platform that toolchain/node does not name. */
function ownNode(root) {
  const directory = path.join(root, "toolchain", "node");
  const name = `node-${process.platform}-${process.arch}`;
  let pinned;
  try {
    pinned = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8")).optionalDependencies[name];
  } catch {
    return null;
  }
  const home = path.join(directory, "node_modules", name);
  return pinned ? { version: pinned, home, executable: path.join(home, "bin", "node") } : null;
}

function installedVersion(own) {
  try {
    fs.accessSync(own.executable, fs.constants.X_OK);
    return JSON.parse(fs.readFileSync(path.join(own.home, "package.json"), "utf8")).version;
  } catch {
    return null;
  }
}

module.exports = { MINIMUM, findNode, obtainNode };
