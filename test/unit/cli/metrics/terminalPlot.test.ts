import assert from "node:assert/strict";
import { test } from "node:test";
import { figureOf } from "../../../../cli/metrics/curve";
import { renderMetrics } from "../../../../cli/metrics/render";
import { parseMetrics } from "../../../../cli/metrics/series";
import { plotLines, type PlotLook } from "../../../../cli/metrics/terminalPlot";
import { plainPaint } from "../../../../cli/render/paint";

const look: PlotLook = { width: 40, height: 6, log: false, dots: false, colour: (_curve, text) => text, faint: (text) => text };
const cell = (name: string, ...values: readonly (number | string)[]) => parseMetrics(name, values.map((value, index) => `{"step":${index * 10},"loss":${value}}\n`).join(""));

test("a falling curve falls, with letters for terminals without colours", () => {
  const lines = plotLines(figureOf([cell("slow", 4, 3, 2, 1), cell("fast", 4, 1, 0.5, 0)], "loss", "step"), look);
  const plot = lines.slice(0, 6);
  assert.match(plot[0] ?? "", /^4 \+b+a*$/, "both begin at the top left, the later one drawn over");
  assert.match(plot[5] ?? "", /^0 \+ +b+$/);
  const columnOf = (letter: string): number[] => plot.map((line) => line.lastIndexOf(letter)).filter((at) => at > 0);
  assert.deepEqual(columnOf("a"), [...columnOf("a")].sort((x, y) => x - y), "to the right and down");
  assert.match(lines[6] ?? "", /^ {2,4}\+[-+]+$/);
  assert.match(lines[7] ?? "", /^ {2,4}0 +10 +20 +30$/);
  assert.equal(lines[8], "  a slow  b fast");
  for (const line of lines) assert.ok(line.length <= 40, line);
});

test("dots are finer than characters, and every curve keeps its colour", () => {
  const lines = plotLines(figureOf([cell("one", 1, 0), cell("two", 0, 1)], "loss", "step"), { ...look, dots: true, colour: (curve, text) => `<${curve}>${text}</>` });
  const body = lines.slice(0, 6).join("\n");
  assert.match(body, /<0>[\u2800-\u28ff]+<\/>/);
  assert.match(body, /<1>[\u2800-\u28ff]+<\/>/);
  assert.match(lines.at(-1) ?? "", /<0>-- one<\/> {2}<1>-- two<\/>/);
});

test("a gap is not bridged, and one value alone is still seen", () => {
  const [row] = plotLines(figureOf([cell("gap", 1, 1, "NaN", 1, "NaN", 1, 1)], "loss", "step"), { ...look, height: 1 });
  assert.match(row ?? "", /^1?\s*\+?\|?.*a+ +a +a+$/);
  assert.match(plotLines(figureOf([cell("alone", 5)], "loss", "step"), look).join("\n"), /a/);
  assert.doesNotThrow(() => plotLines(figureOf([cell("never", "NaN", "NaN")], "loss", "step"), look));
});

test("a run without metrics is told what to write; a metric that does not exist is refused with those that do", () => {
  const options = { metrics: null, axis: "step", log: false, width: 80, coloured: false, dots: false, paint: plainPaint } as const;
  assert.match(renderMetrics([], options), /metrics\.jsonl/);
  assert.throws(() => renderMetrics([cell("a", 1)], { ...options, metrics: ["lss"] }), /no cell has a metric "lss"\. There are: loss/i);
  const text = renderMetrics(Array.from({ length: 20 }, (_, index) => cell(`cell-${index}`, 1, "NaN")), options);
  assert.match(text, /and 12 cells more, in the table below/);
  assert.match(text, /cell-19 +not finite +1 at 0 +1 at 0 +2, 1 not finite/);
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
});

test("names of metrics and cells cannot move the cursor", () => {
  const hostile = parseMetrics("a\u001b[2J", '{"step":1,"loss\\u001b[2J":1}\n{"step":2,"loss\\u001b[2J":2}\n');
  assert.doesNotMatch(renderMetrics([hostile], { metrics: null, axis: "step", log: false, width: 80, coloured: false, dots: false, paint: plainPaint }), /\u001b/);
});
