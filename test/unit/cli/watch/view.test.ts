import assert from "node:assert/strict";
import { test } from "node:test";
import { afterKey, firstView, type Surroundings, type WatchKey, type WatchView } from "../../../../cli/watch/view";

const around: Surroundings = { runs: ["a", "b", "c"], cells: 10, logLines: 100, page: 20 };
const press = (view: WatchView, ...keys: readonly WatchKey[]): WatchView => keys.reduce((now, key) => afterKey(now, key, around), view);

test("the choice never leaves the cells there are", () => {
  assert.equal(press(firstView, "up", "pageUp", "first").cell, 0);
  assert.equal(press(firstView, "pageDown", "down", "last", "down").cell, 9);
  assert.equal(afterKey(firstView, "down", { ...around, cells: 0 }).cell, 0);
  assert.equal(afterKey(firstView, "log", { ...around, cells: 0 }).mode, "board", "without a cell there is no log");
});

test("runs go round, and another run begins at its first cell", () => {
  assert.deepEqual([press({ ...firstView, run: "c", cell: 4 }, "nextRun"), press({ ...firstView, cell: 4 }, "previousRun")].map(({ run, cell }) => [run, cell]), [["a", 0], ["c", 0]]);
  const gone = { ...firstView, run: "ended meanwhile" };
  assert.equal(press(gone, "nextRun").run, "b");
  assert.equal(afterKey(firstView, "nextRun", { ...around, runs: ["a"] }), firstView);
});

test("a log scrolls between its ends, and keys of the board do not reach it", () => {
  const log = press(firstView, "log");
  assert.equal(log.mode, "log");
  assert.equal(press(log, "first").scrolledUp, 80);
  assert.equal(press(log, "pageUp", "up").scrolledUp, 21);
  assert.equal(press(log, "first", "last").scrolledUp, 0);
  assert.equal(press(log, "down").scrolledUp, 0);
  assert.equal(press(log, "nextRun").run, null);
  assert.equal(press(log, "back").mode, "board");
  assert.equal(press(log, "help").mode, "help");
  assert.equal(press(log, "help", "down", "help").mode, "board");
});
