import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { figureOf, summaryOf, thinned, type Point } from "../../../../cli/metrics/curve";
import { axisOf, formatTick, scaleOf } from "../../../../cli/metrics/scale";
import { formatMetric, mainMetric, metricNames, parseMetrics, parseRow } from "../../../../cli/metrics/series";
import { tries } from "../../../effort";

test("what a trainer writes is read, and what is no measurement is counted instead of shown as one", () => {
  const { rows, unreadable } = parseMetrics("a", ['{"step": 2, "loss": 0.5, "time": 1700000000}', "", "epoch 3", '{"loss": 1}', '{"step": 1, "loss": 0.75, "note": "x", "nested": {"a": 1}, "time": "2026-01-01T00:00:00Z"}', "[1]", '{"step": 3, "loss": 0.2'].join("\n"));
  assert.deepEqual(rows, [{ step: 1, time: 1_767_225_600, values: { loss: 0.75 } }, { step: 2, time: 1_700_000_000, values: { loss: 0.5 } }]);
  assert.equal(unreadable, 3, "the half line at the end is being written");
});

test("a loss that is not finite is seen as such, however Python spells it", () => {
  for (const spelled of ["NaN", "Infinity", "-Infinity", "1e999", "null"]) assert.deepEqual(parseRow(`{"step": 7, "loss": ${spelled}, "said": "NaN is fine \\" here"}`)?.values, { loss: null }, spelled);
  const figure = figureOf([parseMetrics("a", '{"step":1,"loss":1}\n{"step":2,"loss":NaN}\n{"step":3,"loss":0.5}\n')], "loss", "step");
  assert.deepEqual([figure.notFinite, summaryOf(figure.curves[0]!)], [1, { cell: "a", rows: 3, first: 1, last: 0.5, lowest: { x: 3, y: 0.5 }, highest: { x: 1, y: 1 }, notFinite: 1 }]);
  assert.equal(formatMetric(null), "not finite");
});

test("rows that a resume wrote again count once, the last of them", () => {
  assert.deepEqual(parseMetrics("a", '{"step":1,"l":1}\n{"step":2,"l":2}\n{"step":1,"l":3}\n').rows.map(({ step, values }) => [step, values["l"]]), [[1, 3], [2, 2]]);
});

test("the loss is what a person wants to see first, counters come last", () => {
  const cells = [parseMetrics("a", '{"step":1,"epoch":1,"validation_accuracy":0.5,"train_loss":2}\n')];
  assert.deepEqual(metricNames(cells), ["validation_accuracy", "train_loss", "epoch"]);
  assert.equal(mainMetric(metricNames(cells)), "train_loss");
  assert.equal(mainMetric(["epoch"]), null);
});

test("over time each cell begins at its own first row, and rows without a time are not guessed", () => {
  const figure = figureOf([parseMetrics("a", '{"step":1,"l":1,"time":100}\n{"step":2,"l":2}\n{"step":3,"l":3,"time":160}\n'), parseMetrics("b", '{"step":1,"l":1}\n')], "l", "time");
  assert.deepEqual(figure.curves, [{ cell: "a", points: [{ x: 0, y: 1 }, { x: 60, y: 3 }] }]);
});

test("thinning keeps the ends, every peak and every gap of its stretch", () => {
  const points: Point[] = Array.from({ length: 10_000 }, (_, x) => ({ x, y: Math.sin(x / 700) }));
  points[5000] = { x: 5000, y: 99 };
  points[7777] = { x: 7777, y: null };
  const kept = thinned(points, 400);
  assert.ok(kept.length <= 410, String(kept.length));
  assert.deepEqual([kept[0]?.x, kept.at(-1)?.x], [0, 9999]);
  assert.ok(kept.some(({ y }) => y === 99));
  assert.ok(kept.some(({ y }) => y === null));
  assert.deepEqual([...kept].sort((a, b) => a.x - b.x), kept);
});

test("an axis holds all values between its ends, with round ticks inside", () => {
  const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 30 }), fc.integer({ min: 2, max: 10 }), fc.boolean(), (values, count, round) => {
    const scale = scaleOf(values, { count, round });
    for (const one of values) assert.ok(scale.place(one) >= -1e-6 && scale.place(one) <= 1 + 1e-6);
    for (const tick of scale.ticks) assert.ok(scale.place(tick) >= -1e-6 && scale.place(tick) <= 1 + 1e-6);
    assert.ok(scale.ticks.length >= 1 && scale.ticks.length <= 2.5 * count + 3, `${scale.ticks.length} ticks for ${count}`);
  }), tries(100));
  assert.deepEqual(scaleOf([0.02, 1.97], { count: 4, round: true }).ticks, [0, 0.5, 1, 1.5, 2]);
  assert.deepEqual(scaleOf([0.0017, 1.976], { count: 4, log: true }).ticks, [0.01, 0.1, 1]);
  assert.deepEqual(scaleOf([-1, 0, 0.5], { count: 4, log: true }).ticks.every((tick) => tick > 0), true, "a logarithm leaves out what has none");
  assert.deepEqual([axisOf([38, 3800], 4).ticks[0], axisOf([9000, 10_000], 4).from], [0, 9000]);
  assert.deepEqual([0, 0.25, 1500, 12_000, 2_500_000, 3e-7, 1.5e12].map(formatTick), ["0", "0.25", "1500", "12k", "2.5M", "3e-7", "1.5e12"]);
});
