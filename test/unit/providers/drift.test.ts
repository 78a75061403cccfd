/** The look behind a diff never stands in the way of an update: what cannot be looked up is believed, and said. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../../custody/clock";
import { systemClock } from "../../../custody/clock";
import { UserError } from "../../../custody/userError";
import { lookForDrift } from "../../../providers/drift";
import type { Context, Drift, Kind } from "../../../providers/kind";

const drift: Drift = { property: "status", why: "It is gone." };

function looking(look: () => Promise<Drift | null>, clock: Clock = systemClock): { kind: Kind; said: string[]; context: () => Context } {
  const said: string[] = [];
  return { kind: { drift: look } as unknown as Kind, said, context: () => ({ clock, say: (text: string) => void said.push(text) }) as unknown as Context };
}

test("what was lost is said and named", async () => {
  const { kind, said, context } = looking(() => Promise.resolve(drift));
  assert.deepEqual(await lookForDrift(kind, "i-1", {}, context), drift);
  assert.deepEqual(said, ["It is gone."]);
});

test("a missing API key or a vendor that is down replaces nothing", async () => {
  const { kind, said, context } = looking(() => Promise.reject(new UserError("No API key.", { code: "no-key" })));
  assert.equal(await lookForDrift(kind, "i-1", {}, context), null);
  assert.match(said.join(), /i-1 still stands was not looked up, so the state is believed: No API key\./);
});

test("a vendor that does not answer does not hold up a preview", async () => {
  const impatient: Clock = { now: () => new Date(0), sleep: () => Promise.resolve() };
  const { kind, said, context } = looking(() => new Promise(() => undefined), impatient);
  assert.equal(await lookForDrift(kind, "i-1", {}, context), null);
  assert.match(said.join(), /no answer within 45 s/);
});

test("a bug in the look is not mistaken for a vendor that is down", async () => {
  const { kind, context } = looking(() => Promise.reject(new TypeError("cannot read properties")));
  await assert.rejects(lookForDrift(kind, "i-1", {}, context), TypeError);
});
