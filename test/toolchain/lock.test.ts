import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { folder, load, write } from "./toolchain.js";

interface Options {
  onWait?: () => void;
  pollMs?: number;
}
const { withLock } = load("io/lock.cjs") as { withLock: <T>(file: string, options: Options, body: () => Promise<T>) => Promise<T> };
const { startTicks } = load("io/processes.cjs") as { startTicks: (pid: number) => number | null };

test("what one holder does is over before the next begins", async (t) => {
  const file = path.join(folder(t), "lock");
  let inside = 0;
  const order: number[] = [];
  const enter = (n: number): Promise<void> =>
    withLock(file, { pollMs: 5 }, async () => {
      assert.equal(++inside, 1);
      order.push(n);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    });
  await Promise.all([1, 2, 3, 4].map(enter));
  assert.equal(order.length, 4);
  assert.equal(fs.existsSync(file), false);
});

test("a lock whose number belongs to another process by now is taken over", async (t) => {
  const file = path.join(folder(t), "lock");
  const ticks = (startTicks(process.pid) ?? 0) - 1;
  write(file, JSON.stringify({ pid: process.pid, ticks, host: os.hostname() }));
  assert.equal(await withLock(file, { onWait: () => assert.fail("waited for the dead") }, () => Promise.resolve("in")), "in");
});

test("a living holder on another machine is waited for, and counted dead when it has not renewed for a minute", async (t) => {
  const file = path.join(folder(t), "lock");
  write(file, JSON.stringify({ pid: 1, ticks: 1, host: "elsewhere.example.com" }));
  let waited = 0;
  const onWait = (): void => {
    waited += 1;
    const past = new Date(Date.now() - 61_000);
    if (waited === 3) fs.utimesSync(file, past, past);
  };
  await withLock(file, { onWait, pollMs: 5 }, () => Promise.resolve());
  assert.equal(waited, 3);
});

test("a fault inside gives the lock back", async (t) => {
  const file = path.join(folder(t), "lock");
  await assert.rejects(withLock(file, {}, () => Promise.reject(new Error("inside"))), /inside/);
  assert.equal(await withLock(file, {}, () => Promise.resolve(1)), 1);
});
