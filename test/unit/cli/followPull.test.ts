import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../../custody";
import { followRun, pauseAfter } from "../../../cli/runs/followPull";
import { SilentRemote } from "../../custody/localRemote";
import { declaredRun } from "../../custody/support";

/** Time passes only by sleeping. */
function sleepingClock(): Clock & { readonly slept: number[] } {
  let now = Date.parse("2026-03-01T12:00:00.000Z");
  const slept: number[] = [];
  return { slept, now: () => new Date(now), sleep: (milliseconds) => { slept.push(milliseconds / 1000); now += milliseconds; return Promise.resolve(); } };
}

test("a machine that stays silent is asked less and less often, and given up in the end", async (context) => {
  const clock = sleepingClock();
  const { run } = declaredRun(context, clock);
  run.append("resource.created", { role: "instance", kind: "LambdaInstance", id: "i-1", name: "i-1" });
  const notes: string[] = [];
  const options = { everySeconds: 60, patienceSeconds: 3600, clock, signal: new AbortController().signal, connect: () => new SilentRemote(), onPass: () => Promise.resolve(), onNote: (text: string) => { notes.push(text); } };
  await assert.rejects(followRun(run, options), /no job was ever started/);
  assert.deepEqual(clock.slept, [60, 120, 240, 480, 600, 600, 600, 600, 300]);
  assert.match(notes[0] ?? "", /asked again in 60 s/);
});

test("a run that ended meanwhile is not waited for", async (context) => {
  const clock = sleepingClock();
  const { run } = declaredRun(context, clock);
  run.append("resource.deleted", { role: "instance", kind: "LambdaInstance", id: "i-1", verb: "terminate", grant: null, confirmed: "404" });
  run.append("audit.closed", { billing: 0, leftovers: 0, usd: 0 });
  await assert.rejects(followRun(run, { everySeconds: 60, patienceSeconds: 60, clock, signal: new AbortController().signal, connect: () => null, onPass: () => Promise.resolve(), onNote: () => undefined }), /has ended meanwhile/);
});

test("pauses never outlast the patience that is left", () => {
  assert.equal(pauseAfter(1, 60, 1000), 60);
  assert.equal(pauseAfter(5, 60, 20), 20);
  assert.equal(pauseAfter(50, 60, 1e6), 600);
  assert.equal(pauseAfter(3, 900, 1e6), 900);
  assert.equal(pauseAfter(1, 60, 0), 1);
});
