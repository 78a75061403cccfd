/** Every channel hears of each event once, a channel that is down hears later, and no message names a webhook's secret. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { durableWrites, type RunCustody } from "../../../custody";
import { eventOf } from "../../../cli/keeper/events";
import { KeeperMemory } from "../../../cli/keeper/memory";
import { channelsOf, deliver, hasDesktop, type Channel } from "../../../cli/keeper/notify";
import { Receiver } from "../../engine/keeper/receiver";
import { clockAt, declaredRun, NOW, temporaryFolder } from "../../custody/support";

const clock = clockAt(NOW);
const occasion = { run: "p/s/r", life: NOW, now: new Date(NOW) };
const event = (key: string) => eventOf(occasion, "cell.failed", key, { severity: "warn", title: key, message: "it failed" });
const env = { PATH: process.env["PATH"] };

async function withReceiver(body: (receiver: Receiver) => Promise<void>): Promise<void> {
  const receiver = await Receiver.start();
  try {
    await body(receiver);
  } finally {
    await receiver.close();
  }
}

function scene(context: TestContext): { readonly folder: string; readonly run: RunCustody; readonly memory: () => KeeperMemory } {
  const { run } = declaredRun(context, clock);
  return { folder: temporaryFolder(context), run, memory: () => KeeperMemory.of(run, NOW) };
}

test("a webhook and a command hear of each event once, also when the process is another one each time", async (context) => {
  const { folder, memory } = scene(context);
  await withReceiver(async (receiver) => {
    const channels = channelsOf({ config: { webhook: { env: "HOOK" }, hooks: [["sh", "-c", 'cat >>"$0"', join(folder, "events")]] }, projectRoot: folder, env: { ...env, HOOK: receiver.url }, clock });
    for (const keys of [["a"], ["a", "b"], ["b", "a"]]) {
      const now = memory();
      now.take(keys.map(event));
      assert.deepEqual(await deliver(now, channels), []);
    }
    assert.deepEqual(receiver.events.map(({ title }) => title), ["a", "b"]);
    assert.deepEqual(readFileSync(join(folder, "events"), "utf8").trim().split("\n").map((line) => (JSON.parse(line) as { id: string }).id), [event("a").id, event("b").id]);
  });
});

test("a channel that is down holds up no other, and hears at a later pass; what it refuses for good is given up in the end", async (context) => {
  const { folder, memory } = scene(context);
  await withReceiver(async (receiver) => {
    const heard: string[] = [];
    const good: Channel = { name: "good", wants: () => true, send: ({ title }) => { heard.push(title); return Promise.resolve(); } };
    const [web] = channelsOf({ config: { webhook: { env: "HOOK" }, hooks: [] }, projectRoot: folder, env: { ...env, HOOK: receiver.url }, clock });
    assert.ok(web);
    receiver.answers.push(503, 503, 503);
    const first = memory();
    first.take([event("a"), event("b")]);
    const faults = await deliver(first, [web, good]);
    assert.match(faults.join(), /answered 503/);
    assert.doesNotMatch(faults.join(), /token-that-nobody-may-print/);
    assert.deepEqual([heard, receiver.events.length], [["a", "b"], 0]);
    assert.deepEqual(await deliver(memory(), [web, good]), []);
    assert.deepEqual([heard, receiver.events.map(({ title }) => title)], [["a", "b"], ["a", "b"]]);

    const refusing = memory();
    refusing.take([event("c")]);
    for (let pass = 0; pass < 25; pass += 1) {
      receiver.answers.splice(0, receiver.answers.length, 404);
      await deliver(memory(), [web, good]);
    }
    assert.deepEqual(memory().state.pending, []);
    assert.equal(heard.filter((title) => title === "c").length, 1);
  });
});

test("killed at any write, nobody hears of nothing: an event is told again under the same id or was told", async (context) => {
  for (let kill = 0; kill < 12; kill += 1) {
    const { memory } = scene(context);
    const heard: string[] = [];
    const channel: Channel = { name: "one", wants: () => true, send: ({ id }) => { heard.push(id); return Promise.resolve(); } };
    const pass = async (): Promise<void> => {
      const now = memory();
      now.take([event("a")]);
      await deliver(now, [channel]);
    };
    let step = 0;
    durableWrites.beforeStep = () => { if (step++ === kill) throw new Error("killed"); };
    await pass().catch(() => undefined);
    durableWrites.beforeStep = () => undefined;
    await pass();
    await pass();
    assert.ok(heard.length === 1 || heard.length === 2, `killed at write ${kill}`);
    assert.deepEqual([...new Set(heard)], [event("a").id]);
  }
});

test("a webhook's URL that others can read, that is none, or that is not there is refused without being shown", (context) => {
  const { folder } = scene(context);
  const path = join(folder, "url");
  const open = (text: string | null, mode = 0o600) => () => {
    if (text !== null) { writeFileSync(path, text); chmodSync(path, mode); }
    return channelsOf({ config: { webhook: { file: "url" }, hooks: [] }, projectRoot: folder, env, clock });
  };
  assert.throws(open(null), /holds no URL/);
  assert.throws(open("https://hooks.example.com/secret\n", 0o644), /can be read by others/);
  for (const url of ["http://hooks.example.com/secret", "secret", "file:///secret"]) assert.throws(open(url), (error: Error) => /no https URL/.test(error.message) && !error.message.includes("secret"));
  assert.equal(open("https://hooks.example.com/secret\n")().length, 1);
});

test("the desktop is told where there is one", async (context) => {
  const { folder, memory } = scene(context);
  const bin = join(folder, "notify-send");
  writeFileSync(bin, '#!/bin/sh\nprintf "%s\\n" "$@" >>"$0.log"\n', { mode: 0o755 });
  const path = `${folder}:${process.env["PATH"] ?? ""}`;
  assert.deepEqual([hasDesktop({ PATH: path }), hasDesktop({ PATH: path, DISPLAY: ":0" }), hasDesktop({ PATH: "/nowhere", DISPLAY: ":0" })], [false, true, false]);
  const channels = channelsOf({ config: { webhook: null, hooks: [] }, projectRoot: folder, env: { PATH: path, DISPLAY: ":0" }, clock });
  const now = memory();
  now.take([event("a"), eventOf(occasion, "cell.complete", "b", { severity: "info", title: "b", message: "" })]);
  await deliver(now, channels);
  assert.match(readFileSync(`${bin}.log`, "utf8"), /--urgency=normal\n--\na\nit failed\n$/);
  assert.deepEqual(memory().state.pending, [], "what it does not want is not waited for");
  assert.ok(existsSync(bin));
});
