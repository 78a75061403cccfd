"use strict";
// node_modules as package-lock.json wants it. npm writes what it installed into node_modules/.package-lock.json, so the two
// files tell whether anything is to be done, also when somebody ran npm by hand.
const fs = require("node:fs");
const path = require("node:path");
const { capture } = require("./io/children.cjs");
const { SetupError } = require("./io/log.cjs");

/** Why `npm ci` is needed, or null. */
function dependencyFault(root) {
  const wanted = readPackages(path.join(root, "package-lock.json"));
  if (!wanted) throw new SetupError(`package-lock.json is missing or unreadable in ${root}: this is not a complete checkout`);
  const installed = readPackages(path.join(root, "node_modules", ".package-lock.json"));
  if (!installed) return "not installed yet";
  for (const [place, entry] of Object.entries(wanted)) {
    if (place === "") continue;
    const have = installed[place];
    // An optional package may be for another platform.
    if (!have && entry.optional) continue;
    if (!have || have.version !== entry.version) return `${place.slice("node_modules/".length)} is not ${entry.version}`;
  }
  const own = wanted[""] || {};
  for (const name of Object.keys({ ...own.dependencies, ...own.devDependencies })) {
    if (!fs.existsSync(path.join(root, "node_modules", name, "package.json"))) return `${name} is gone from node_modules`;
  }
  return null;
}

function readPackages(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")).packages || null;
  } catch {
    return null;
  }
}

/**
 * Installs when needed; true when it did. npm runs on the Node it came with (a distribution's npm does not run on another),
 * and no package's install script is run: none is needed, and some try to download.
 */
async function installDependencies(root, log) {
  // Installed as somebody's dependency, we have what that project's package manager put beside us.
  if (path.basename(path.dirname(root)) === "node_modules") return false;
  const fault = dependencyFault(root);
  if (!fault) return false;
  const progress = log.progress("dependencies", `npm ci, ${fault}`);
  const result = await capture(
    "npm",
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--engine-strict=false"],
    { cwd: root },
  );
  progress.done(result.code === 0 ? "installed" : "npm ci failed");
  if (result.code !== 0) {
    throw new SetupError(`npm ci failed in ${root}:\n${result.output.trim()}\nMend that, then run this again.`);
  }
  const left = dependencyFault(root);
  if (left) throw new SetupError(`npm ci ended well, yet ${left}: remove node_modules and run this again.`);
  return true;
}

/** Where Node would find a package from `root`, or null. */
function packageDirectory(root, name) {
  for (let at = root; ; at = path.dirname(at)) {
    const place = path.join(at, "node_modules", name);
    if (fs.existsSync(path.join(place, "package.json"))) return place;
    if (at === path.dirname(at)) return null;
  }
}

module.exports = { dependencyFault, installDependencies, packageDirectory };
