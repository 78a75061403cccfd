"use strict";
// A Pulumi engine for this machine. What is here already is used as it is (PATH, then the official release, then our own
// build), so that no run asks the network twice; otherwise it is obtained in the same order.
const path = require("node:path");
const { cacheDirectory } = require("../io/cache.cjs");
const { SetupError } = require("../io/log.cjs");
const { MINIMUM, findOnPath } = require("./onPath.cjs");
const { downloadOfficial, findOfficial } = require("./official.cjs");
const { MINIMUM_GO, buildEngine, findBuilt } = require("./source.cjs");

/**
 * @typedef {{version: string, directory: string, source: "PATH" | "official release" | "built here"}} Engine
 *   `directory` holds `pulumi`; it is put on the PATH of our children, never on the user's
 */

function settings({ root, env = process.env }) {
  return { root, env, cache: path.join(cacheDirectory(env), "engine") };
}

/** The engine that is here, or null; `tried` says what is wrong with the `pulumi` on PATH. */
async function findEngine(options) {
  const where = settings(options);
  const onPath = await findOnPath({ searchPath: where.env.PATH || "", ignore: where.cache });
  return { engine: onPath.engine || findOfficial(where) || findBuilt(where), tried: onPath.tried };
}

/**
 * The engine, obtained when it is not here yet.
 * @param {{root: string, node: {executable: string}, log: object, env?: object, download?: typeof downloadOfficial,
 *   build?: typeof buildEngine}} options `root`: Holdfast's own folder, with node_modules and toolchain/
 * @returns {Promise<{engine: Engine, obtained: boolean}>}
 */
async function obtainEngine(options) {
  const { download = downloadOfficial, build = buildEngine } = options;
  const here = await findEngine(options);
  if (here.engine) return { engine: here.engine, obtained: false };
  const where = { ...options, ...settings(options) };
  const official = await download(where);
  if (official.engine) return { engine: official.engine, obtained: true };
  const built = await build(where);
  if (built.engine) return { engine: built.engine, obtained: true };
  throw new SetupError(
    [
      "No Pulumi engine could be had. Any one of these is enough, then run this again:",
      `  1. put \`pulumi\` ${MINIMUM} or newer on PATH: https://www.pulumi.com/docs/install/`,
      `     (${here.tried})`,
      "  2. let this machine reach https://get.pulumi.com, from where the official release is downloaded",
      `     (${official.tried})`,
      `  3. install Go ${MINIMUM_GO} or newer, with a Go module proxy in reach, to build it here: https://go.dev/doc/install`,
      `     (${built.tried})`,
    ].join("\n"),
  );
}

module.exports = { findEngine, obtainEngine };
