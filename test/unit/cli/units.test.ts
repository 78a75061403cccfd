import assert from "node:assert/strict";
import { test } from "node:test";
import { formatBytes, formatDuration, formatRough, formatUsd, listOf } from "../../../cli/render/units";

test("sizes never print as a thousand of the smaller unit", () => {
  assert.deepEqual([0, 999, 1000, 999_949, 999_950, 1_500_000, 3.2e12].map(formatBytes), ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "1.5 MB", "3.2 TB"]);
});

test("durations round into the larger unit instead of printing sixty of the smaller", () => {
  assert.deepEqual([-3, 0.4, 59.4, 59.6, 125, 3599.7, 11_040, 86_370, 183_600].map(formatDuration), ["0 s", "0 s", "59 s", "1 min", "2 min 5 s", "1 h", "3 h 4 min", "1 d", "2 d 3 h"]);
});

test("where room is short a duration keeps one unit and two figures", () => {
  assert.deepEqual([-3, 99, 101, 5700, 6000, 90_000, 172_800].map(formatRough), ["0 s", "99 s", "2 min", "95 min", "2 h", "25 h", "2 d"]);
});

test("a small cost is not shown as nothing", () => {
  assert.deepEqual([0, 0.000_01, 0.0021, 0.1, 1.29, 1234.5, null, undefined].map(formatUsd), ["$0.00", "$0.00", "$0.0021", "$0.10", "$1.29", "$1,234.50", "unknown", "unknown"]);
});

test("lists read as sentences", () => {
  assert.deepEqual([[], ["a"], ["a", "b"], ["a", "b", "c"]].map((words) => listOf(words)), ["nothing", "a", "a and b", "a, b and c"]);
});
