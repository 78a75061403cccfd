import assert from "node:assert/strict";
import { test } from "node:test";
import { colorsWanted, paintFor } from "../../../cli/render/paint";
import { renderFacts, renderTable, visibleWidth } from "../../../cli/render/table";

test("a table in a pipe has aligned columns, no colour and no trailing blanks", () => {
  const table = renderTable(["cell", "size"], [["lr-0.1", "9 B"], ["a", "10.0 kB"]], { right: [1] });
  assert.equal(table, ["cell       size", "------  -------", "lr-0.1      9 B", "a       10.0 kB"].join("\n"));
});

test("a narrow terminal wraps the widest column and loses no word", () => {
  const table = renderTable(["a", "what"], [["1", "one two three four five six seven eight"]], { width: 30 });
  for (const line of table.split("\n")) assert.ok(visibleWidth(line) <= 30, line);
  assert.deepEqual(table.match(/one|two|three|four|five|six|seven|eight/g)?.length, 8);
});

test("a name stays whole as long as other columns can wrap", () => {
  const table = renderTable(["name", "what"], [["holdfast-digits-c71d10-7b9373db", "one two three four five six seven"]], { width: 50 });
  assert.match(table, /holdfast-digits-c71d10-7b9373db/);
  for (const line of table.split("\n")) assert.ok(visibleWidth(line) <= 50, line);
});

test("a path that is wider than its column is broken, never cut", () => {
  const path = "/lambda/nfs/holdfast-digits-c71d10-7b9373db/holdfast/demo/digits";
  const table = renderTable(["a", "path"], [["x".repeat(12), path]], { width: 40 });
  assert.doesNotMatch(table, /…/);
  assert.equal(table.split("\n").slice(2).map((line) => line.slice(14)).join(""), path);
});

test("colours do not move columns", () => {
  const paint = paintFor({ write: () => true, isTTY: true }, {});
  const strip = (text: string): string => text.replace(/\u001b\[[0-9;]*m/g, "");
  const coloured = renderTable(["a", "b"], [[paint("good", "x"), "y"], ["long", "z"]], { paint });
  assert.notEqual(coloured, strip(coloured));
  assert.equal(strip(coloured), renderTable(["a", "b"], [["x", "y"], ["long", "z"]]));
});

test("NO_COLOR wins over a terminal, a pipe has none, FORCE_COLOR is obeyed", () => {
  const terminal = { write: () => true, isTTY: true };
  assert.equal(colorsWanted(terminal, {}), true);
  assert.equal(colorsWanted(terminal, { NO_COLOR: "1" }), false);
  assert.equal(colorsWanted(terminal, { TERM: "dumb" }), false);
  assert.equal(colorsWanted({ write: () => true }, {}), false);
  assert.equal(colorsWanted({ write: () => true }, { FORCE_COLOR: "1" }), true);
  assert.equal(colorsWanted(terminal, { FORCE_COLOR: "0" }), false);
});

test("facts hang their further lines under the first", () => {
  assert.equal(renderFacts([["a", "1"], ["long", "2\n3"]], { indent: 2 }), "  a     1\n  long  2\n        3");
});

test("facts wrap below each other where the terminal is narrow, and paths stay whole", () => {
  const text = renderFacts([["storage", "kept at /a/very/long/path/that/is/wider/than/the/rest of it"], ["end", "x"]], { indent: 2, width: 30 });
  assert.equal(text, "  storage  kept at\n           /a/very/long/path/that/is/wider/than/the/rest\n           of it\n  end      x");
});
