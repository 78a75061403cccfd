"use strict";

/** The three numbers in a text such as "v3.259.0" or "go1.26.8" or "pulumi v3.259.0-dev", or null. "go1.26" counts as 1.26.0. */
function parseVersion(text) {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3] || 0)] : null;
}

/** Compares by the numbers alone. */
function isAtLeast(version, minimum) {
  const have = parseVersion(version);
  const want = parseVersion(minimum);
  if (!have) return false;
  for (let i = 0; i < 3; i++) if (have[i] !== want[i]) return have[i] > want[i];
  return true;
}

module.exports = { parseVersion, isAtLeast };
