import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { acquireFileLock, bootIdOfHost, ownIdentity, startTicksOf, tryFileLock, UserError, withFileLock } from "../../custody";
import { ended, startChild, temporaryFolder } from "./support";

const held = (child: ReturnType<typeof startChild>): Promise<void> =>
  new Promise((resolve) => { child.stdout?.once("data", () => { resolve(); }); });

test("no update is lost between processes that take turns under one lock", async (context) => {
  const folder = temporaryFolder(context);
  const [lock, file] = [join(folder, "lock"), join(folder, "count")];
  writeFileSync(file, "0");
  const children = [1, 2, 3, 4].map(() => startChild(context, "countUnderLock", [lock, file, "100"]));
  const ends = await Promise.all(children.map(ended));
  assert.deepEqual(ends.map(({ code }) => code), [0, 0, 0, 0]);
  assert.equal(readFileSync(file, "utf8"), "400");
  assert.deepEqual(readdirSync(folder), ["count"], "no lock is left behind");
});

test("a living holder is waited for, and named when the wait ends", async (context) => {
  const lock = join(temporaryFolder(context), "lock");
  const child = startChild(context, "holdLock", [lock]);
  await held(child);
  assert.equal(tryFileLock(lock), null);
  assert.throws(() => acquireFileLock(lock, { waitMilliseconds: 20 }), (error: unknown) =>
    error instanceof UserError && error.code === "lock-held" && error.message.includes(`process ${child.pid}`));
});

test("a holder that was killed blocks nobody, and only one of those that wait breaks its lock", async (context) => {
  const folder = temporaryFolder(context);
  const [lock, file] = [join(folder, "lock"), join(folder, "count")];
  writeFileSync(file, "0");
  const child = startChild(context, "holdLock", [lock]);
  await held(child);
  const waiting = [1, 2, 3].map(() => startChild(context, "countUnderLock", [lock, file, "30"]));
  const gone = ended(child);
  child.kill("SIGKILL");
  await gone;
  const ends = await Promise.all(waiting.map(ended));
  assert.deepEqual(ends.map(({ code }) => code), [0, 0, 0]);
  assert.equal(readFileSync(file, "utf8"), "90");
});

test("a pid that was given to another process does not keep a dead lock alive", (context) => {
  const lock = join(temporaryFolder(context), "lock");
  const ticks = startTicksOf(process.pid);
  assert.notEqual(ticks, null);
  symlinkSync(JSON.stringify({ ...ownIdentity(), startTicks: (ticks ?? 0) - 1, token: "old" }), lock);
  const taken = tryFileLock(lock);
  assert.notEqual(taken, null);
  taken?.release();
  assert.equal(existsSync(lock), false);
});

test("a lock from before the last restart of the host is dead", (context) => {
  const lock = join(temporaryFolder(context), "lock");
  symlinkSync(JSON.stringify({ ...ownIdentity(), bootId: `${bootIdOfHost()}-before`, token: "old" }), lock);
  assert.equal(withFileLock(lock, () => "ran"), "ran");
});

for (const [what, text] of [
  ["of another host", JSON.stringify({ ...ownIdentity(), host: "elsewhere.example.com", token: "theirs" })],
  ["that nobody understands", "not ours"],
] as const) {
  test(`a lock ${what} is never broken`, (context) => {
    const lock = join(temporaryFolder(context), "lock");
    symlinkSync(text, lock);
    assert.equal(tryFileLock(lock), null);
    assert.equal(readlinkSync(lock), text);
  });
}

test("a breaker that died while breaking is broken too", (context) => {
  const lock = join(temporaryFolder(context), "lock");
  const dead = { ...ownIdentity(), startTicks: 1, token: "dead" };
  symlinkSync(JSON.stringify(dead), lock);
  symlinkSync(JSON.stringify({ ...dead, token: "dead-breaker" }), `${lock}.break`);
  const taken = tryFileLock(lock) ?? tryFileLock(lock);
  assert.notEqual(taken, null);
  taken?.release();
});

test("releasing takes only one's own lock away", (context) => {
  const lock = join(temporaryFolder(context), "lock");
  const mine = acquireFileLock(lock);
  mine.release();
  const next = acquireFileLock(lock);
  mine.release();
  assert.equal(tryFileLock(lock), null, "the next holder's lock still stands");
  next.release();
});
