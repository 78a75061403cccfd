import assert from "node:assert/strict";
import { test } from "node:test";
import { plainPaint, type Paint } from "../../../../cli/render/paint";
import { visibleWidth } from "../../../../cli/render/table";
import { parseRemoteStatus, type RemoteStatus } from "../../../../cli/runs/remoteStatus";
import { frameLines, wrappedLog } from "../../../../cli/watch/frame";
import { clip, gridLines } from "../../../../cli/watch/grid";
import type { WatchedRun } from "../../../../cli/watch/observer";
import { firstView } from "../../../../cli/watch/view";

process.env["TZ"] = "UTC";

const now = new Date("2026-11-23T18:42:07Z");
const ago = (seconds: number): string => new Date(now.getTime() - seconds * 1000).toISOString();
const escape = "\u001b[2J\u001b]0;title\u0007";
const coloured: Paint = (_tone, text) => `\u001b[31m${text}\u001b[39m`;

function status(cells: number, more: object = {}): RemoteStatus {
  return parseRemoteStatus(JSON.stringify({
    writer: "alive", session: null, closed: null, bytesFree: 5e9, bytesTotal: 1e11, inodesFree: 500,
    cells: Array.from({ length: cells }, (_, index) => ({ cell: `cell-${index}`, state: index === 0 ? "failed" : index === 1 ? "running" : "pending", attempt: 1, cause: index === 0 ? `oom${escape}` : null, startedAt: index < 2 ? ago(100) : null, newestCheckpoint: index === 1 ? { path: "cells/cell-1/checkpoints/step-000010.pt", mtime: 1, bytes: 5, ageSeconds: 4000 } : null })),
    newestCheckpoint: { path: "x", mtime: 1, bytes: 5, ageSeconds: 4000 },
    heartbeat: { at: ago(200), memoryBytes: 2e10, memoryLimitBytes: 2.5e10, gpu: [{ index: 0, name: "A100", utilizationPercent: 0, memoryUsedMiB: 10_240, memoryTotalMiB: 81_920, celsius: 61 }] },
    ...more,
  }));
}

function run(name: string, cells: number, more: Partial<WatchedRun> = {}, remote: RemoteStatus | null = status(cells)): WatchedRun {
  return {
    id: `project/stack/${name}`, looked: true, activity: "training", seenAt: ago(2), silence: null,
    rows: new Map([["cell-1", { step: 12, time: null, values: { train_loss: null } }]]),
    report: {
      run: `project/stack/${name}`, state: "live", platform: "lambda", api: "sandbox", waiting: null, adopted: false, folder: null, machine: { id: "i", name: "machine", address: "ubuntu@192.0.2.7:22", since: ago(500) },
      roster: Array.from({ length: cells }, (_, index) => `cell-${index}`), checkpointEverySeconds: 600, remote, unreachable: null,
      cost: { usdSoFar: 12.5, usdPerHour: 1.29, incomplete: false }, now: now.toISOString(),
      clocks: [{ id: "lease", at: ago(60), title: "lease ends", statement: "", tiersLost: [] }, { id: "autoShutdown", at: ago(-7200), title: "auto shutdown", statement: "", tiersLost: [] }],
      evidence: { newestManifest: null, receipts: 0, approvals: 0, lastRefusal: null },
    },
    ...more,
  };
}

const picture = (runs: readonly WatchedRun[], columns: number, rows: number, view = firstView, paint: Paint = plainPaint): string[] => frameLines(runs, view, null, { columns, rows, paint, now });

test("a picture never exceeds the screen, whatever is in it, and no name can move the cursor", () => {
  const crowds = [[], [run("one", 1)], [run("one", 300)], Array.from({ length: 30 }, (_, index) => run(`a-very-long-name-of-a-run-${index}${escape}`, 40)), [run("none", 0, {}, null)]];
  for (const runs of crowds) {
    for (const [columns, rows] of [[20, 4], [40, 8], [80, 24], [120, 40], [300, 100]] as const) {
      for (const mode of ["board", "help"] as const) {
        const lines = picture(runs, columns, rows, { ...firstView, mode, cell: 20 }, coloured);
        assert.equal(lines.length, rows);
        for (const line of lines) {
          assert.ok(visibleWidth(line) <= columns, `${columns}x${rows}: ${line}`);
          assert.doesNotMatch(line, /\u001b(?!\[[0-9;]*m)|\u0007|\n/);
        }
      }
    }
  }
});

test("the chosen cell and the chosen run are in sight wherever they stand", () => {
  const runs = Array.from({ length: 12 }, (_, index) => run(`r${index}`, 100));
  for (const cell of [0, 1, 50, 98, 99, 400]) {
    for (const at of [0, 6, 11]) {
      const lines = picture(runs, 80, 24, { ...firstView, run: `project/stack/r${at}`, cell });
      assert.ok(lines.some((line) => line.startsWith(`> project/stack/r${at} `)), lines.join("\n"));
      assert.ok(lines.some((line) => line.startsWith(`> cell-${Math.min(cell, 99)} `)), lines.join("\n"));
    }
  }
});

test("what needs attention is said in words: failures with their class, late saves, silent heartbeats, clocks that have struck", () => {
  const text = picture([run("one", 3)], 100, 30).join("\n");
  assert.match(text, /^> cell-0 +failed: oom/m);
  assert.match(text, /^ {2}cell-1 +running +12 +not finite +67 min, late/m);
  assert.match(text, /^clocks +18:41 lease ends \(60 s ago\), 20:42 auto shutdown \(in 2 h\)$/m);
  assert.match(text, /^disk +5\.0 GB of 100\.0 GB \(5 %\) free, 500 inodes free$/m);
  assert.match(text, /^memory +20\.0 GB of 25\.0 GB \(80 %\) used$/m);
  assert.match(text, /^GPU 0 +A100: 0 % busy, 10\.0 of 80\.0 GiB, 61 C$/m);
  assert.match(text, /heartbeat 3 min 18 s old/);
  const warned = picture([run("one", 3)], 120, 30, firstView, (tone, part) => (tone === "bad" || tone === "warn" ? `<${tone}>${part}</>` : part)).join("\n");
  for (const part of ["<bad>failed: oom", "<bad>67 min, late</>", "<bad>not finite</>", "<warn>5.0 GB of 100.0 GB (5 %) free</>", "<warn>500 inodes free</>", "<warn>0 % busy</>", "<bad>3 min 18 s old</>"]) assert.ok(warned.includes(part), part);
});

test("many GPUs are told by their span", () => {
  const gpu = Array.from({ length: 8 }, (_, index) => ({ index, name: "H100", utilizationPercent: 90 + index, memoryUsedMiB: 1024 * index, memoryTotalMiB: 81_920, celsius: 50 + index }));
  const text = picture([run("one", 3, {}, status(3, { heartbeat: { at: ago(1), gpu } }))], 100, 30).join("\n");
  assert.match(text, /^8 GPUs +H100: 90 to 97 % busy, 0 to 7 GiB used, 50 to 57 C$/m);
});

test("of a silent machine there is since when, why, and from when the picture is", () => {
  const silent = picture([run("one", 3, { silence: { since: ago(75), why: "192.0.2.7 does not answer" }, seenAt: ago(80) })], 100, 30).join("\n");
  assert.match(silent, /^ {2}project\/stack\/one +silent/m);
  assert.match(silent, /^silent +no answer since 18:40:52 \(1 min 15 s\); what is shown is from 18:40:47, 1 min 20 s ago\.$/m);
  const never = picture([run("one", 3, { silence: { since: ago(5), why: "refused" }, seenAt: null }, null)], 100, 30).join("\n");
  assert.match(never, /it was never seen\. refused/);
  assert.match(never, /^> cell-0 +pending/m);
});

test("what does not fit goes column by column and is never wrapped", () => {
  const columns = [{ title: "name", leaves: 0, shrinksTo: 4 }, { title: "state", leaves: 0 }, { title: "extra", leaves: 2 }, { title: "more", leaves: 1 }];
  const rows = [["a-long-name", "running", "xxxxxxxx", "yyyy"]];
  assert.deepEqual(gridLines(columns, rows, 40).rows, ["a-long-name  running  xxxxxxxx  yyyy"]);
  assert.deepEqual(gridLines(columns, rows, 26).rows, ["a-long-name  running  yyyy"]);
  assert.deepEqual(gridLines(columns, rows, 15).rows, ["a-lon~  running"]);
  assert.equal(clip(`\u001b[31mabcdef\u001b[39m`, 4), "\u001b[31mabc~\u001b[39m\u001b[0m");
});

test("a log is wrapped, progress bars show their last state, and nothing in it moves the cursor", () => {
  assert.deepEqual(wrappedLog(["abcdef", "", "10%\r50%\r100%\r", `x${escape}y`, "\u001b[32mgreen\u001b[0m"], 4), ["abcd", "ef", "", "100%", "xy", "gree", "n"]);
});
