"use strict";
// A Go toolchain that is new enough, for what is built from the module mirror.
const path = require("node:path");
const { capture } = require("./children.cjs");
const { isAtLeast } = require("./versions.cjs");
const { isExecutable } = require("../programs.cjs");

const GO_PLACES = ["/usr/local/go/bin"]; // where Go's own installation puts it, often not on PATH

/**
 * A Go that is at least `minimum`: on PATH, or in one of `places`.
 * @returns {Promise<{program: string | null, version: string, tried: string}>}
 */
async function findGo(env, minimum, places = GO_PLACES) {
  const faults = [];
  for (const directory of [...(env.PATH || "").split(path.delimiter).filter(Boolean), ...places]) {
    const program = path.join(directory, "go");
    if (!isExecutable(program)) continue;
    const { output } = await capture(program, ["env", "GOVERSION"], { env: { ...env, GOTOOLCHAIN: "local" }, limitMs: 15_000 });
    const version = /go\d+\.\S+/.exec(output);
    if (version && isAtLeast(version[0], minimum)) return { program, version: version[0], tried: "" };
    faults.push(`${program} is ${version ? version[0] : "not usable"}`);
  }
  return { program: null, version: "", tried: [...new Set(faults)].join("; ") || "no go on PATH" };
}

module.exports = { findGo };
