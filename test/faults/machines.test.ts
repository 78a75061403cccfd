/** Machines and networks that misbehave for a while: clocks that are wrong, connections that are cut, a vendor that is busy. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ScratchStack } from "../engine/stack";
import { withScratch } from "../engine/stack";
import { atVendor, refused, rosterComplete, succeeds } from "../engine/steps";
import { until } from "../engine/until";
import { variables } from "./inject";
import { striking, watched } from "./preload";
import { bytesBelow } from "./smallDisk";

const nothing = { instances: [], filesystems: [], keys: [] };

interface Machine {
  readonly id: string;
  readonly initPid: number;
  readonly disk: string;
}

const machineOf = async (scratch: ScratchStack): Promise<Machine> => (await scratch.sandbox<Machine[]>("/instances"))[0] ?? assert.fail("no instance");

async function pullApproveDestroy(scratch: ScratchStack): Promise<void> {
  await succeeds(scratch.holdfast("pull"));
  await succeeds(scratch.holdfast("approve", "--confirm", scratch.custody().view().resources.get("instance")?.name ?? ""));
  await succeeds(scratch.destroy());
  assert.deepEqual(await atVendor(scratch), nothing);
}

for (const [what, days] of [["a day fast", 1], ["a day slow", -1]] as const) {
  test(`an instance whose clock is ${what} is neither taken for dead nor for finished`, async () => {
    await withScratch({}, async (scratch) => {
      scratch.writeJob((job) => job.replace('args: ["3"]}\n  - {name: b', 'args: ["60", "0.2"]}\n  - {name: b'));
      await succeeds(scratch.up());
      const { disk } = await machineOf(scratch);
      // Every script asks `date`; the guest's /usr/local is a folder of this machine.
      const programs = join(disk, "..", "guest", "local", "bin");
      mkdirSync(programs, { recursive: true });
      writeFileSync(join(programs, "date"), `#!/bin/sh\ncase " $* " in *" -d"*|*--date*) exec /usr/bin/date "$@" ;; *) exec /usr/bin/date -d '${days} day' "$@" ;; esac\n`);
      chmodSync(join(programs, "date"), 0o755);
      await until("the skewed clock is in the run's own records", async () => {
        const beat = await scratch.holdfast("ssh", "quick", "--", "date +%s").catch(() => null);
        return beat !== null && Math.abs(Number(/\d{9,}/.exec(beat.output)?.[0] ?? 0) - Date.now() / 1000) > 80_000;
      });
      const status = JSON.parse(await succeeds(scratch.holdfast("status", "--json"))) as { writer: string };
      assert.equal(status.writer, "alive");
      await refused(scratch.destroy(), /Refused/);
      await rosterComplete(scratch);
      await pullApproveDestroy(scratch);
    });
  });
}

test("a connection that is cut in the middle of a pull leaves no receipt, and the next pull goes on from there", async () => {
  await withScratch({}, async (scratch) => {
    const bytes = 192 * 1024 * 1024;
    scratch.writeJob((job) => job.replace("command: python3 train.py", `command: head -c ${bytes} /dev/zero > "$HOLDFAST_OUTPUT_DIR/pad.bin"; exec python3 train.py`).replace('"metrics.json"', '"metrics.json", "pad.bin"'));
    await succeeds(scratch.up());
    await rosterComplete(scratch);
    const machine = await machineOf(scratch);
    const run = scratch.custody();
    const pulling = scratch.holdfast("pull");
    const cut = await until("a transfer is on its way and its connection is cut", () => {
      if (bytesBelow(run.paths.pulled) === 0) return false;
      const sessions = sessionsOf(machine.initPid);
      for (const pid of sessions) process.kill(pid, "SIGKILL");
      return sessions.length > 0;
    });
    assert.ok(cut);
    const { exitCode } = await pulling;
    // A very quick disk may have been done already; then nothing was cut and the receipt is right.
    if (exitCode !== 0) assert.equal(run.receipts().length, 0, "a transfer that was cut has a receipt");
    await pullApproveDestroy(scratch);
  });
});

test("a vendor that answers 429 at random moments buys nothing twice and loses nothing", async () => {
  await withScratch({}, async (scratch) => {
    const busy = watched("up", { [variables.busy]: "0.25" });
    const patiently = async (step: () => ReturnType<ScratchStack["up"]>): Promise<void> => {
      let last = "";
      for (let tries = 0; tries < 8; tries += 1) {
        scratch.extraEnvironment = busy;
        const { exitCode, output } = await step();
        scratch.extraEnvironment = {};
        assert.ok((await atVendor(scratch)).instances.length <= 1);
        if (exitCode === 0) return;
        last = output;
      }
      assert.fail(last);
    };
    await patiently(() => scratch.up());
    await rosterComplete(scratch);
    await succeeds(scratch.holdfast("pull"));
    await succeeds(scratch.holdfast("approve", "--confirm", scratch.custody().view().resources.get("instance")?.name ?? ""));
    await patiently(() => scratch.destroy());
    assert.deepEqual(await atVendor(scratch), nothing);
    const spans = (await scratch.sandbox<{ resources: { kind: string }[] }>("/meter")).resources.filter(({ kind }) => kind === "instance");
    assert.equal(spans.length, 1, "one instance was billed in all");
  });
});

test("capacity that comes and goes is waited for at the vendor's pace: no 429, no launch beyond the limits, the first slot is taken", async () => {
  const type = "cpu_4x_general";
  // The engine takes a few seconds to ask, which are minutes here: ten minutes of coming and going begin after that.
  const comesAndGoes = [0, 1200, 1260, 1500, 1560, 1800].map((afterSeconds, i) => ({ afterSeconds, regions: i % 2 === 0 ? [] : ["us-west-1"] }));
  const config = { storage: { create: { region: "us-west-1" } }, capacity: { candidates: [type], maxWaitMinutes: 120, maxLockMinutes: 120, maxAttempts: 20, maxHourlyUsd: 1 } };
  await withScratch({ knobs: { listedButRefused: 2 }, config }, async (scratch) => {
    await scratch.sandbox("/knobs", { method: "PATCH", body: { capacity: { [type]: comesAndGoes } } });
    await succeeds(scratch.up());
    const requests = await scratch.sandbox<{ time: string; method: string; path: string; status: number }[]>("/requests");
    assert.deepEqual(requests.filter(({ status }) => status === 429), []);
    const launches = requests.filter(({ path, method }) => method === "POST" && path.endsWith("/launch"));
    assert.equal(launches.length, 3, "two refused although listed, and the one that got it");
    for (const [i, { time }] of launches.slice(1).entries()) {
      // Twelve of the vendor's seconds between launches, at 120 of them in a real one.
      assert.ok(Date.parse(time) - Date.parse(launches[i]?.time ?? "") >= 12_000 / 120 - 5, "two launches within the vendor's pace");
    }
    await rosterComplete(scratch);
    await pullApproveDestroy(scratch);
  });
});

test("a provider whose engine was killed finishes what it had begun, leaves by itself, and nothing stands that is not on record", async () => {
  await withScratch({}, async (scratch) => {
    const fault = { phase: "up", role: "provider", action: "http POST /api/v1/instance-operations/launch", nth: 1, edge: "after", kind: "engine" } as const;
    scratch.extraEnvironment = watched("up", striking(fault, join(scratch.directory, "struck")));
    assert.notEqual((await scratch.up()).exitCode, 0);
    scratch.extraEnvironment = {};
    await until("the provider has left", () => providersIn(scratch.directory).length === 0);
    const { instances } = await atVendor(scratch);
    assert.equal(instances.length, 1);
    await succeeds(scratch.pulumi("cancel", "--yes", "--stack", scratch.stack));
    await succeeds(scratch.up());
    assert.deepEqual((await atVendor(scratch)).instances.map(({ id }) => id), instances.map(({ id }) => id), "the next up goes on with the same instance");
    await rosterComplete(scratch);
    await pullApproveDestroy(scratch);
  });
});

/** Provider processes that work in this folder. */
const providersIn = (directory: string): number[] =>
  readdirSync("/proc").filter((name) => /^\d+$/.test(name) && commandLineOf(Number(name)).includes("dynamic-provider") && directoryOf(Number(name)) === directory).map(Number);

function directoryOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}

/** Host pids of the connections inside an instance: sshd's children that are not its listener. */
function sessionsOf(init: number): number[] {
  return processesBelow(init).filter((pid) => commandLineOf(pid).startsWith("sshd: ") && !commandLineOf(pid).includes("[listener]"));
}

function processesBelow(ancestor: number): number[] {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = new Map(all.map((pid) => [pid, parentOf(pid)]));
  const below = (pid: number): boolean => {
    for (let at = parents.get(pid); at !== undefined && at > 1; at = parents.get(at)) if (at === ancestor) return true;
    return false;
  };
  return all.filter(below);
}

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
const parentOf = (pid: number): number => Number(/^PPid:\s+(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
const commandLineOf = (pid: number): string => read(`/proc/${pid}/cmdline`);
