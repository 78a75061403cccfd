"use strict";
// The environment that `pulumi` runs in: what our wrappers give their children and `holdfast env` prints for a shell.
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

/**
 * Only the variables to set. What the user has set wins, but for PATH, which is put in front.
 * - backend: files in <project>/.state unless PULUMI_BACKEND_URL is set; that also beats a `pulumi login`, so none is needed.
 *   The address is absolute, as a relative one would count from where the command runs.
 * - passphrase: empty for that local backend, as its state is no more secret than the folder it lies in.
 * - PULUMI_HOME is left alone: the plugins and credentials there are the user's.
 * @param {{project: string, engine: {directory: string}, node: {directory: string}, env?: object}} options
 *   `project`: absolute path of the folder with Pulumi.yaml
 * @returns {Record<string, string>}
 */
function engineEnvironment({ project, engine, node, env = process.env }) {
  const set = { ...toolEnvironment({ engine, node, env }) };
  if (!env.PULUMI_BACKEND_URL) {
    set.PULUMI_BACKEND_URL = pathToFileURL(stateDirectory(project)).href;
    if (env.PULUMI_CONFIG_PASSPHRASE === undefined && env.PULUMI_CONFIG_PASSPHRASE_FILE === undefined) set.PULUMI_CONFIG_PASSPHRASE = "";
  }
  return set;
}

/** The part that fits any project: the right `pulumi` and `node` first on PATH, and an engine that does not look for updates or plugins. */
function toolEnvironment({ engine, node, env = process.env }) {
  const set = { PATH: searchPath([engine.directory, node.directory], env.PATH || "") };
  if (env.PULUMI_SKIP_UPDATE_CHECK === undefined) set.PULUMI_SKIP_UPDATE_CHECK = "true";
  if (env.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION === undefined) set.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION = "true";
  // Every command starts a program and a provider, which load the SDK each: what Node compiled last time saves 0.2 s of a processor in each.
  if (env.NODE_COMPILE_CACHE === undefined) set.NODE_COMPILE_CACHE = path.join(__dirname, "..", "node_modules", ".cache", "holdfast-compiled");
  return set;
}

/**
 * Puts directories in front. An engine from the user's own PATH may share its directory with an old node: then ours goes
 * before it.
 */
function searchPath([engine, node], current) {
  const first = fs.existsSync(path.join(engine, "node")) ? [node, engine] : [engine, node];
  const rest = current.split(path.delimiter).filter((entry) => entry && !first.includes(entry));
  return [...new Set(first), ...rest].join(path.delimiter);
}

/** Makes the folder of our local backend, which the engine wants to find, when `variables` name it. */
function ensureBackend(project, variables) {
  if (variables.PULUMI_BACKEND_URL) fs.mkdirSync(stateDirectory(project), { recursive: true });
}

function stateDirectory(project) {
  return path.join(project, ".state");
}

/** For `eval "$(holdfast env)"`, in any POSIX shell. */
function exportLines(variables) {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join("");
}

module.exports = { engineEnvironment, toolEnvironment, ensureBackend, exportLines };
