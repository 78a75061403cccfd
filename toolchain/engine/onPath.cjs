"use strict";
// First choice: the `pulumi` that the user has put on PATH.
const fs = require("node:fs");
const path = require("node:path");
const { capture } = require("../io/children.cjs");
const { isAtLeast, parseVersion } = require("../io/versions.cjs");
const { isExecutable } = require("../programs.cjs");

const MINIMUM = "3.259.0"; // below it, the Automation API cuts long output and half-failed destroys cannot be run again

/**
 * @param {{searchPath: string, ignore: string}} options `ignore`: our own cache, on PATH after `eval "$(holdfast env)"`
 * @returns {Promise<{engine: {version: string, directory: string, source: "PATH"} | null, tried: string}>}
 */
async function findOnPath({ searchPath, ignore }) {
  const directories = searchPath.split(path.delimiter).filter(Boolean);
  const faults = [];
  const seen = new Set();
  for (const directory of directories) {
    const candidate = path.join(directory, "pulumi");
    if (!isExecutable(candidate)) continue;
    const real = fs.realpathSync(candidate);
    // npm's wrapper downloads when it is asked anything at all: that is the second choice, and bounded there.
    if (seen.has(real) || real.endsWith(".js") || real.startsWith(ignore + path.sep)) continue;
    seen.add(real);
    const { code, output } = await capture(candidate, ["version"], {
      env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
      limitMs: 15_000,
    });
    const version = code === 0 ? parseVersion(output) : null;
    if (!version) faults.push(`${candidate} does not answer \`pulumi version\``);
    else if (!isAtLeast(version.join("."), MINIMUM)) faults.push(`${candidate} is ${version.join(".")}`);
    else {
      const beside = [path.dirname(real), ...directories];
      const lacks = ["pulumi-language-nodejs", "pulumi-resource-pulumi-nodejs"].filter(
        (part) => !beside.some((place) => isExecutable(path.join(place, part))),
      );
      if (lacks.length === 0) return { engine: { version: version.join("."), directory, source: "PATH" }, tried: "" };
      faults.push(`${candidate} comes without ${lacks.join(" and ")}`);
    }
  }
  return { engine: null, tried: faults.join("; ") || "none on PATH" };
}

module.exports = { MINIMUM, findOnPath };
