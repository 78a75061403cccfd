/** Pacing across processes: one key, one machine, one request per second in all. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { createPace, paceDirectory, reserveSlot } from "../../../providers/lambda/api/pace";
import { testClock } from "./doubles/clock";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-pace-"));
  t.after(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

const work = async (directory: string, lane: string, turns: number, timeScale: number): Promise<number[]> => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(__dirname, "paceWorker.js"), directory, lane, String(turns), String(timeScale)]);
  return stdout.trim().split("\n").map(Number);
};

test("three processes with one key never send two requests within the interval", async (t) => {
  const directory = folder(t);
  // Scale 11: 1.1 s become 100 ms, plus 15 ms that are not scaled.
  const turns = (await Promise.all([1, 2, 3].map(() => work(directory, "request", 5, 11)))).flat().sort((a, b) => a - b);
  assert.equal(turns.length, 15);
  const span = (turns.at(-1) ?? 0) - (turns[0] ?? 0);
  assert.ok(span >= 14 * 100, `15 turns took ${span} ms`);
});

test("launches of several processes keep the launch's own interval", async (t) => {
  const directory = folder(t);
  const turns = (await Promise.all([1, 2, 3].map(() => work(directory, "launch", 1, 50)))).flat().sort((a, b) => a - b);
  assert.ok((turns[2] ?? 0) - (turns[0] ?? 0) >= 2 * 250, `three launches within ${(turns[2] ?? 0) - (turns[0] ?? 0)} ms`);
});

test("three processes that reserve as fast as they can never get the same moment", async (t) => {
  const directory = join(folder(t), "lane");
  const slots = (await Promise.all([1, 2, 3].map(() => work(directory, "reserve", 200, 1)))).flat();
  assert.deepEqual([...new Set(slots)].length, 600);
});

test("reservations are never given twice, also when many are made at one moment", (t) => {
  const directory = join(folder(t), "lane");
  const slots = Array.from({ length: 100 }, () => reserveSlot(directory, 1000, 5_000_000));
  assert.deepEqual(slots, Array.from({ length: 100 }, (_, index) => 5_000_000 + index * 1000));
  assert.ok(readdirSync(directory).length < 40, "old reservations are swept");
});

test("an idle key waits for nothing", async (t) => {
  const clock = testClock();
  const pace = createPace({ directory: folder(t), apiKey: "secret_a", timeScale: 1, clock });
  await pace.wait("request");
  assert.deepEqual(clock.slept, []);
  clock.advance(60_000);
  await pace.wait("request");
  assert.deepEqual(clock.slept, []);
  await pace.wait("request");
  assert.deepEqual(clock.slept, [1115]);
});

test("a launch waits 12.5 s for the one before it", async (t) => {
  const clock = testClock();
  const pace = createPace({ directory: folder(t), apiKey: "secret_a", timeScale: 1, clock });
  await pace.wait("launch");
  await pace.wait("launch");
  assert.deepEqual(clock.slept, [12_515]);
});

test("a launch that other requests held up is counted from when it was sent: the next one is not refused for its pace", async (t) => {
  const clock = testClock();
  const pace = createPace({ directory: folder(t), apiKey: "secret_a", timeScale: 1, clock });
  const sent = async (lane: "request" | "launch"): Promise<number> => {
    await pace.wait(lane);
    return clock.now().getTime();
  };
  await sent("launch");
  clock.advance(12_500);
  await sent("request");
  await sent("request");
  const held = await sent("launch");
  const next = await sent("launch");
  assert.ok(next - held >= 12_000, `${next - held} ms between two launches`);
});

test("a process that slept through its moment, as a suspended laptop does, moves those after it", async (t) => {
  const clock = testClock();
  const pace = createPace({ directory: folder(t), apiKey: "secret_a", timeScale: 1, clock: { now: () => clock.now(), sleep: (): Promise<void> => { clock.advance(60_000); return Promise.resolve(); } } });
  await pace.wait("request");
  await pace.wait("request");
  const late = clock.now().getTime();
  await pace.wait("request");
  assert.ok(clock.now().getTime() - late >= 1_100);
});

test("two keys do not wait for each other", async (t) => {
  const clock = testClock();
  const directory = folder(t);
  for (const apiKey of ["secret_a", "secret_b"]) await createPace({ directory, apiKey, timeScale: 1, clock }).wait("launch");
  assert.deepEqual(clock.slept, []);
});

test("a clock that was set back, or a damaged reservation, stops nobody for long", (t) => {
  const directory = join(folder(t), "lane");
  reserveSlot(directory, 1000, 9_000_000_000_000);
  assert.equal(reserveSlot(directory, 1000, 5_000_000), 5_000_000);
  const newest = Math.max(...readdirSync(directory).map(Number));
  writeFileSync(join(directory, String(newest + 1)), "not a number");
  assert.equal(reserveSlot(directory, 1000, 5_000_000), 5_000_000);
});

test("nothing of the key is in the names, and others cannot read the folder", async (t) => {
  const directory = join(folder(t), "pace");
  mkdirSync(directory, { mode: 0o700 });
  await createPace({ directory, apiKey: "secret_visible", timeScale: 1, clock: testClock() }).wait("request");
  const [key = ""] = readdirSync(directory);
  assert.match(key, /^[0-9a-f]{16}$/);
  assert.equal(statSync(join(directory, key)).mode & 0o077, 0);
});

test("the folder is the user's, not the project's, and can be moved", () => {
  assert.equal(paceDirectory({ HOLDFAST_PACE_DIR: "/a" }), "/a");
  assert.equal(paceDirectory({ XDG_STATE_HOME: "/s" }), "/s/holdfast/pace");
});
