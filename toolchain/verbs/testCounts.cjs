"use strict";
// A reporter for node's test runner: one JSON line with the counts and the time of every outermost test, for verbs/test.cjs.
// Suites are not counted, as in the runner's own summary; a skipped test and one marked `todo` count as skipped.
module.exports = async function* testCounts(source) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const timed = [];
  for await (const { type, data } of source) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    if (data.details.type === "suite") {
      // A hook that fails is reported by its suite alone.
      if (type === "test:fail" && data.details.error && data.details.error.failureType === "hookFailed") counts.failed += 1;
      continue;
    }
    if (data.skip !== undefined || data.todo !== undefined) counts.skipped += 1;
    else counts[type === "test:pass" ? "passed" : "failed"] += 1;
    timed.push({ name: data.name, file: data.file || "", milliseconds: data.details.duration_ms });
  }
  yield `${JSON.stringify({ ...counts, timed })}\n`;
};
