/** What a pass of the keeper means, at any time: a computer that slept tells the newest only, and money and data come before convenience. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LedgerData, LedgerEntry, LedgerKind, Signed, StandingApproval } from "../../../custody/formats";
import { costOf } from "../../../custody/cost";
import { leaseOf } from "../../../custody/lease";
import { foldLedger } from "../../../custody/view";
import type { KeeperFacts } from "../../../cli/keeper/facts";
import { judge, usdSince, waitingEvent } from "../../../cli/keeper/judge";
import { afterFailure, afterRefusal, mayTry } from "../../../cli/keeper/tries";
import { componentOf, goesAlong } from "../../../cli/keeper/engine";
import { runClocks } from "../../../cli/runs/clocks";
import { keeperConfigSchema } from "../../../profiles/input/keeperConfig";

const at = (hour: number): string => new Date(Date.UTC(2026, 0, 1) + hour * 3_600_000).toISOString();
const entry = <K extends LedgerKind>(kind: K, hour: number, data: LedgerData[K]): LedgerEntry => ({ v: 1, seq: 1, at: at(hour), kind, data, prev: "", hash: "" });
const run = { project: "p", stack: "s", name: "r" };
const plan = {
  budget: { maxHours: 12, maxUsd: 30 }, checkpoint: { everySeconds: 600 },
  clocks: [{ id: "autoShutdown", statement: "It shuts down.", seconds: 20 * 3600, from: "launch", tiersLost: ["local"], gotchas: [] }, { id: "lease", statement: "The lease ends.", seconds: 12 * 3600, from: "launch", tiersLost: [], gotchas: [] }],
};
const story = (...more: LedgerEntry[]): LedgerEntry[] => [
  entry("run.declared", 0, { run, custodyId: "c", endpoint: { platform: "lambda", api: "sandbox" }, plan, roster: ["a"] }),
  entry("resource.created", 0, { role: "instance", kind: "LambdaInstance", id: "i-1", name: "box", hourlyUsd: 2 }),
  entry("job.started", 0, { instance: "i-1", directory: "/d", cells: ["a"], codeSha256: "", specSha256: "", scriptsSha256: "" }),
  ...more,
];
const training = { writer: "alive", session: null, cells: [{ cell: "a", state: "running" }] };
const closed = { ...training, writer: "none", closed: { at: at(5), complete: ["a"], failed: [] } };

function facts(hour: number, change: Partial<KeeperFacts> = {}, entries = story()): KeeperFacts {
  const now = new Date(at(hour));
  const view = foldLedger(entries);
  const cost = costOf(entries, now);
  return {
    run: "p/s/r", life: view.declaredAt, now, view, entries, config: keeperConfigSchema.parse({}), status: training, silence: null, followed: null, finishedAt: null, progressAt: at(hour - 0.1), cost,
    clocks: runClocks(view, { now, closedAt: change.finishedAt ?? null, cost }), lease: leaseOf(view, 12), standing: [], capacity: null, ...change,
  };
}
const kinds = (given: KeeperFacts): string[] => judge(given).events.map(({ kind, data }) => [kind, data["clock"]].filter(Boolean).join(" "));
const standing = [{ content: { id: "sta_1" } }] as unknown as Signed<StandingApproval>[];

test("each clock is warned of before it strikes, at the last threshold that was passed and not at those slept through", () => {
  assert.deepEqual(kinds(facts(1)).sort(), ["clock.warning autoShutdown", "clock.warning budget", "clock.warning lease"]);
  const [day, twoHours] = [facts(1), facts(10.5)].map((given) => judge(given).events.find(({ data }) => data["clock"] === "lease"));
  assert.notEqual(day?.id, twoHours?.id, "24 h before, then 2 h before");
  assert.equal(judge(facts(10.6)).events.find(({ data }) => data["clock"] === "lease")?.id, twoHours?.id, "a repeated pass tells nobody twice");
  assert.equal(judge(facts(10.5)).events.find(({ data }) => data["clock"] === "autoShutdown")?.severity, "urgent", "it loses a tier");
  const slept = judge(facts(40)).events.filter(({ data }) => data["clock"] === "lease");
  assert.deepEqual(slept.map(({ kind }) => kind), ["clock.struck"]);
});

test("a finished run ends, whether or not anybody agreed; a queue that has closed while something writes does not", () => {
  assert.deepEqual(judge(facts(6, { status: closed, finishedAt: at(5) })).action, { kind: "end", why: "finished", since: at(5) });
  assert.deepEqual(judge(facts(6, { status: closed, finishedAt: at(5), standing })).events.find(({ kind }) => kind === "run.finished")?.next, []);
  assert.equal(judge(facts(6, { status: { ...closed, writer: "alive" }, finishedAt: at(5) })).action.kind, "watch");
  assert.equal(judge(facts(6)).action.kind, "watch");
});

test("a finished run with cells that are not complete is not said to end by itself, and what to type names them", () => {
  const cells = [{ cell: "a", state: "complete" }, { cell: "b", state: "failed" }, { cell: "c", state: "cancelled", cause: "request" }];
  const given = facts(6, { status: { ...closed, cells, closed: { at: at(5), complete: ["a"], failed: ["b", "c"] } }, finishedAt: at(5), standing });
  const told = judge(given).events.find(({ kind }) => kind === "run.finished");
  assert.match(told?.message ?? "", /^1 cell complete, 1 cancelled, 1 failed\. .* only a person gives up cells/);
  assert.ok(told?.next.includes('holdfast approve p/s/r --partial b c --reason "..."'));
});

test("a run that a person cancelled, or whose queue went behind its last cell, is told every hour instead of billing in silence", () => {
  const cells = [{ cell: "a", state: "complete", endedAt: at(3) }, { cell: "b", state: "cancelled", cause: "request", endedAt: at(4) }];
  const cancelled = { status: { ...training, writer: "none", cells, heartbeat: { at: at(3.9), epoch: 1 } } };
  const { action, events } = judge(facts(6.5, cancelled));
  assert.deepEqual(action, { kind: "end", why: "stopped", since: at(4) });
  const told = events.find(({ kind }) => kind === "run.stopped");
  assert.match(told?.message ?? "", /1 cell complete, 1 cancelled\. Its machine goes on billing \$2\.00 per hour/);
  assert.ok(told?.next.includes('holdfast approve p/s/r --partial b --reason "..."'));
  const wait = waitingEvent(facts(6.5, cancelled), { kind: "end", why: "stopped", since: at(4) }, { why: "", next: [] });
  assert.deepEqual([wait?.data["hours"], wait?.data["usdOfWait"]], [2, 5]);
  assert.equal(judge(facts(6.5, { status: { ...cancelled.status, cells: cells.slice(0, 1) } })).action.kind, "end", "complete, and no closing marker");
  const goesOn = (state: string, cause?: string) => judge(facts(4.01, { status: { ...cancelled.status, cells: [...cells, { cell: "c", state, cause }] } })).action.kind;
  assert.deepEqual([goesOn("pending"), goesOn("running"), goesOn("cancelled")], ["watch", "watch", "watch"], "those would go on");
  assert.equal(judge(facts(6.5, { status: { ...cancelled.status, writer: "alive" } })).action.kind, "watch");
  assert.equal(judge(facts(6.5, { ...cancelled, config: keeperConfigSchema.parse({ renewHours: 2, restart: true }) })).action.kind, "end", "its lease is not renewed");
});

test("a wait is told once an hour, with what it has cost by list price", () => {
  const given = facts(7.5, { status: closed, finishedAt: at(5) });
  const end = { kind: "end", why: "finished", since: at(5) } as const;
  const told = waitingEvent(given, end, { why: "", next: [] });
  assert.deepEqual([told?.data["hours"], told?.data["usdOfWait"], told?.data["usdPerHour"]], [2, 5, 2]);
  assert.equal(waitingEvent(facts(7.9), end, { why: "", next: [] })?.id, told?.id);
  assert.notEqual(waitingEvent(facts(8.1), end, { why: "", next: [] })?.id, told?.id);
  assert.equal(waitingEvent(facts(5.9), end, { why: "", next: [] }), null);
  assert.equal(usdSince(facts(29), at(5)), 48);
});

test("a lease is renewed only for a run that makes progress, within its money, and not when a person ended it", () => {
  const renewing = { config: keeperConfigSchema.parse({ renewHours: 2 }) };
  assert.deepEqual(judge(facts(11.5, renewing)).action, { kind: "renew", until: at(13.5) });
  assert.equal(judge(facts(10.5, renewing)).action.kind, "watch", "there is time left");
  const stalled = judge(facts(11.5, { ...renewing, progressAt: at(9) }));
  assert.deepEqual([stalled.action.kind, stalled.events.some(({ kind }) => kind === "lease.not-renewed")], ["watch", true]);
  assert.equal(judge(facts(12.5, { ...renewing, progressAt: null })).action.kind, "end");
  const dear = facts(11.5, renewing, story(entry("resource.created", 0, { role: "filesystem", kind: "F", id: "fs", name: "fs", hourlyUsd: 1 })));
  assert.equal(judge(dear).action.kind, "watch", "11.5 h at $3 and two more are more than $30");
  const byHand = facts(11.5, renewing, story(entry("lease.ended", 11, { by: "me", why: "enough" })));
  assert.equal(judge(byHand).action.kind, "end");
  assert.equal(judge(facts(12.5)).action.kind, "end", "without renewHours it is over");
});

test("an instance that is gone is brought back only where config says so, within the budget, and never in the middle of a teardown", () => {
  const gone = { status: null, silence: { since: at(3), why: "timed out", instance: "gone" as const } };
  const restart = { ...gone, config: keeperConfigSchema.parse({ restart: true }) };
  assert.equal(judge(facts(4, gone)).action.kind, "watch");
  assert.ok(kinds(facts(4, gone)).includes("machine.lost"));
  assert.equal(judge(facts(4, restart)).action.kind, "restart");
  assert.equal(judge(facts(3.001, restart)).action.kind, "watch", "an update that replaces it takes a moment");
  assert.equal(judge(facts(4, { ...restart, silence: { ...gone.silence, instance: "unknown" } })).action.kind, "watch", "a vendor that does not answer proves nothing");
  assert.equal(judge(facts(4, restart, story(entry("resource.created", 0, { role: "filesystem", kind: "F", id: "fs", name: "fs", hourlyUsd: 9 })))).action.kind, "watch", "the budget is spent");
});

test("a queue that died is told and started again where config says so; one that just ended, was cancelled or closed is not", () => {
  const dead = { status: { ...training, writer: "none", heartbeat: { at: at(3), epoch: 4 } } };
  const restart = { config: keeperConfigSchema.parse({ restart: true }) };
  assert.deepEqual(judge(facts(4, { ...dead, ...restart })).action, { kind: "restart", why: "dead", what: "its queue" });
  assert.equal(judge(facts(4, dead)).action.kind, "watch");
  assert.ok(kinds(facts(4, dead)).includes("queue.dead"));
  assert.equal(judge(facts(3.01, { ...dead, ...restart })).action.kind, "watch", "an update may be starting it this moment");
  const cancelled = { ...dead.status, cells: [{ cell: "a", state: "cancelled", cause: "request" }] };
  assert.equal(judge(facts(4, { ...restart, status: cancelled })).action.kind, "end", "by a person who was asked nothing more");
  assert.equal(judge(facts(4, { ...restart, status: { ...dead.status, heartbeat: null } })).action.kind, "watch", "nobody knows since when");
  assert.equal(judge(facts(13, { ...dead, ...restart })).action.kind, "end", "not beyond its lease");
});

test("a run that waits for capacity goes on when there is some, for as long as somebody wants to wait", () => {
  const waiting = story(entry("resource.lost", 1, { role: "instance", id: "i-1", why: "404" }), entry("capacity.waiting", 1, { role: "instance", since: at(1), until: at(8), region: null, awaited: ["gpu_1x_a10"], attempts: 3 }));
  const there = { available: [{ type: "gpu_1x_a10", region: "us-east-1", hourlyUsd: 1 }], awaited: [], excluded: [] };
  const restart = { status: null, config: keeperConfigSchema.parse({ restart: true }) };
  assert.equal(judge(facts(2, { ...restart, capacity: there }, waiting)).action.kind, "restart");
  assert.equal(judge(facts(2, { ...restart, capacity: { ...there, available: [] } }, waiting)).action.kind, "watch");
  assert.equal(judge(facts(2, { status: null, capacity: there }, waiting)).action.kind, "watch", "config does not say so");
  const late = facts(9, { ...restart, capacity: there }, waiting);
  assert.equal(judge(late).action.kind, "watch");
  assert.ok(kinds(late).includes("capacity.given-up"));
});

test("what fails is tried less and less often, and at once under another agreement", () => {
  const now = new Date(at(0));
  const first = afterFailure(null, "sta_1", now);
  assert.equal(first.notBefore, new Date(now.getTime() + 60_000).toISOString());
  assert.equal(mayTry(first, "sta_1", now), false);
  assert.equal(mayTry(first, "sta_2", now), true);
  let tries = first;
  for (let count = 0; count < 10; count += 1) tries = afterFailure(tries, "sta_1", now);
  assert.equal(tries.notBefore, at(1));
  assert.equal(afterRefusal("sta_1", now).notBefore, at(1));
});

test("a teardown takes the run's component alone, and what else hangs on it is seen before", () => {
  const resources = [
    { urn: "stack", type: "pulumi:pulumi:Stack" },
    { urn: "lab", type: "lab:index:Lab", parent: "stack" },
    { urn: "run", type: "holdfast:index:TrainingRun", parent: "lab" },
    { urn: "box", type: "pulumi-nodejs:dynamic/holdfast:LambdaInstance", parent: "run", outputs: { binding: { run: "r" } } },
    { urn: "gate", type: "pulumi-nodejs:dynamic/holdfast:TeardownGate", parent: "run", dependencies: ["box"] },
    { urn: "bucket", type: "aws:s3/bucket:Bucket", parent: "lab" },
  ];
  assert.equal(componentOf(resources, run), "run");
  assert.equal(componentOf(resources, { ...run, name: "other" }), null);
  assert.deepEqual(goesAlong(resources, "run"), []);
  assert.deepEqual(goesAlong([...resources, { urn: "dns", type: "aws:route53/record:Record", parent: "stack", dependencies: ["box"] }], "run"), ["dns"]);
});
