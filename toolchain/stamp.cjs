"use strict";
// Whether dist/ was made from the sources that lie beside it. `tsc` is not run by `pulumi up`, so a person who edits and
// forgets to build would run yesterday's program against today's machines: the program, the provider and the command line
// ask this when they start. Content decides, not times: a git checkout sets those at will.
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const STAMP = path.join("dist", "build-stamp.json");

/** The program's stamp as its sources are now: sha256 in hex, or null where they are not there (installed package). Milliseconds. */
function computeStamp(root) {
  const stamps = computeStamps(root);
  return stamps && stamps.program;
}

/** The program's stamp when dist/ was made, or null when it was not. Equal to computeStamp: dist/ may be run. */
function readStamp(root) {
  const stamps = readStamps(root);
  return stamps && stamps.program;
}

/**
 * Hashes what is compiled: the folders that tsconfig.json includes (*.ts, and *.json, which may be imported), the tests apart.
 * Scripts in remote/ and other files that are read where they lie need no build and do not count.
 * @returns {{program: string, tests: string} | null}
 */
function computeStamps(root) {
  let configuration;
  try {
    configuration = fs.readFileSync(path.join(root, "tsconfig.json"), "utf8");
  } catch {
    return null;
  }
  const program = crypto.createHash("sha256").update(configuration);
  const tests = crypto.createHash("sha256");
  let files = 0;
  for (const entry of [...JSON.parse(configuration).include].sort()) {
    files += hashTree(root, entry, entry === "test" ? tests : program);
  }
  return files === 0 ? null : { program: program.digest("hex"), tests: tests.digest("hex") };
}

function readStamps(root) {
  try {
    const { program, tests } = JSON.parse(fs.readFileSync(path.join(root, STAMP), "utf8"));
    return typeof program === "string" && typeof tests === "string" ? { program, tests } : null;
  } catch {
    return null;
  }
}

/** Null when dist/ may be run; otherwise one sentence saying why not and what to type. Tests do not count. */
function staleness(root) {
  const sources = computeStamp(root);
  if (sources === null) return null;
  const built = readStamp(root);
  if (built === null) return "Holdfast is not compiled yet: run `npm run build`.";
  return built === sources
    ? null
    : "The compiled program in dist/ is not made from the sources beside it: run `npm run build`.";
}

function hashTree(root, entry, hash) {
  const full = path.join(root, entry);
  let list;
  try {
    list = fs.readdirSync(full, { withFileTypes: true });
  } catch (error) {
    if (error.code === "ENOENT") return 0; // a folder that tsconfig.json names need not exist
    if (error.code !== "ENOTDIR") throw error;
    hash.update(`${entry}\0`).update(fs.readFileSync(full)).update("\0");
    return 1;
  }
  let files = 0;
  for (const item of list.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = `${entry}/${item.name}`;
    if (item.isDirectory()) {
      if (item.name !== "node_modules" && item.name !== "dist") files += hashTree(root, name, hash);
    } else if (/\.([cm]?ts|json)$/.test(item.name)) {
      hash.update(`${name}\0`).update(fs.readFileSync(path.join(root, name))).update("\0");
      files += 1;
    }
  }
  return files;
}

module.exports = { STAMP, computeStamp, readStamp, computeStamps, readStamps, staleness };
