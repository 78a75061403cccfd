"use strict";
// Where this user's caches lie (XDG base directory specification: a relative XDG_CACHE_HOME is to be ignored).
const os = require("node:os");
const path = require("node:path");

function cacheDirectory(env = process.env) {
  const base = env.XDG_CACHE_HOME && path.isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : null;
  return path.join(base || path.join(env.HOME || os.homedir(), ".cache"), "holdfast");
}

module.exports = { cacheDirectory };
