/** Status is what gate and keeper believe: it must always parse, and never say that nothing writes while something does. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inParallel, kill, until, underEachShell, type Rig } from "./rig";

interface Checkpoint {
  readonly path: string;
  readonly mtime: number;
  readonly bytes: number;
  readonly ageSeconds: number;
}

interface Status {
  readonly writer: string;
  readonly session: string | null;
  readonly cells: readonly { readonly cell: string; readonly state: string; readonly newestCheckpoint: Checkpoint | null }[];
  readonly heartbeat: { readonly cell: string | null } | null;
  readonly closed: { readonly complete: readonly string[] } | null;
  readonly newestCheckpoint: Checkpoint | null;
  readonly bytesFree: number;
  readonly bytesTotal: number;
  readonly inodesFree: number | null;
  readonly now: string;
}

async function status(rig: Rig): Promise<Status> {
  const { code, stdout, stderr } = await rig.run("status.sh", [rig.runDirectory]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout.split("\n").length, 2, "one line");
  return JSON.parse(stdout) as Status;
}

function put(rig: Rig, path: string, content: string, mtime?: number): void {
  mkdirSync(dirname(rig.inRun(path)), { recursive: true });
  writeFileSync(rig.inRun(path), content);
  if (mtime !== undefined) utimesSync(rig.inRun(path), mtime, mtime);
}

inParallel("status", () => {
  underEachShell("a run that is only a folder has a state", async (rig) => {
    assert.equal((await rig.run("status.sh", [rig.runDirectory])).code, 40);
    mkdirSync(rig.runDirectory, { recursive: true });
    const seen = await status(rig);
    assert.deepEqual([seen.writer, seen.session, seen.cells, seen.heartbeat, seen.closed, seen.newestCheckpoint], ["none", null, [], null, null, null]);
    assert.ok(seen.bytesFree > 0 && seen.bytesTotal >= seen.bytesFree);
    assert.ok(Math.abs(Date.parse(seen.now) - Date.now()) < 60_000);
  });

  underEachShell("torn, foreign and hostile state files do not break the answer", async (rig) => {
    const junk = ["", "{", '{"cell":"x"}', '{"cell":"x"', "null", '{"cell":"x"}{"cell":"y"}', '{"cell":"x"}\n{"cell":"y"}', '{"a":01}', '{"a":"\t"}', '{"a":"\\q"}', '{"a":"b"c"}', "{'a':1}", '{"a":undefined}', "\0", '{"a":1,}', '{"a":"\xff"'];
    junk.forEach((content, i) => { put(rig, `state/cells/junk${i}.json`, content); });
    put(rig, "state/cells/good.json", '{"cell":"good","state":"complete","note":"a \\"quote\\" \\u00e9 } , { [ ]","list":["x",1,{"y":null}]}\n');
    for (const name of ["not a cell", "broken\n\nname", "two\nlines"]) put(rig, `state/cells/${name}.json`, "{}");
    put(rig, "state/heartbeat", '{"at":"x","gpu":[{"index":0');
    put(rig, "state/closed.json", "closed!");
    const seen = await status(rig);
    assert.deepEqual(seen.cells.map(({ cell, state }) => [cell, state]), [["good", "complete"], ...junk.map((_, i) => [`junk${i}`, "unreadable"]).sort()]);
    assert.deepEqual([seen.heartbeat, seen.closed], [null, null]);
  });

  underEachShell("the newest checkpoint of the run and of each cell is found; unfinished ones are none", async (rig) => {
    for (const cell of ["a", "ab", "idle"]) put(rig, `state/cells/${cell}.json`, `{"cell":"${cell}","state":"running"}\n`);
    put(rig, "cells/a/checkpoints/step-1.npz", "12", 1_700_000_100);
    put(rig, "cells/a/checkpoints/step \"2\" é\\.npz", "123", 1_700_000_200);
    put(rig, "cells/a/checkpoints/step-3.npz.tmp", "1234", 1_700_000_900);
    put(rig, "cells/a/metrics.json", "12345", 1_700_000_900);
    put(rig, "cells/ab/checkpoints/deep/step-9.npz", "1", 1_700_000_300);
    const seen = await status(rig);
    const byCell = Object.fromEntries(seen.cells.map(({ cell, newestCheckpoint }) => [cell, newestCheckpoint]));
    assert.deepEqual([byCell["a"]?.path, byCell["a"]?.bytes, byCell["a"]?.mtime], ["cells/a/checkpoints/step \"2\" é\\.npz", 3, 1_700_000_200]);
    assert.equal(byCell["ab"]?.path, "cells/ab/checkpoints/deep/step-9.npz");
    assert.equal(byCell["idle"], null);
    assert.deepEqual(seen.newestCheckpoint, byCell["ab"]);
    assert.ok(Math.abs(seen.newestCheckpoint.ageSeconds - (Date.now() / 1000 - 1_700_000_300)) < 60);
  });

  underEachShell("a thousand cells have a status while their machine still bills", async (rig) => {
    const names = Array.from({ length: 1000 }, (_, index) => `cell-${index}`);
    for (const [index, cell] of names.entries()) {
      put(rig, `state/cells/${cell}.json`, `{"cell":"${cell}","state":"complete","attempt":1,"note":"${"x".repeat(400)}"}\n`);
      put(rig, `cells/${cell}/checkpoints/step-1.npz`, "12", 1_700_000_000 + index);
    }
    const seen = await status(rig);
    assert.deepEqual(seen.cells.map(({ cell }) => cell).sort(), names.toSorted());
    assert.ok(seen.cells.every(({ cell, newestCheckpoint }) => newestCheckpoint?.path === `cells/${cell}/checkpoints/step-1.npz`));
    assert.equal(seen.newestCheckpoint?.path, "cells/cell-999/checkpoints/step-1.npz");
  });

  underEachShell("a payload whose queue was killed still counts as a writer", async (rig) => {
    rig.writeSpec({ a: { command: `echo >"${rig.root}/ready"; sleep 1000\n` } });
    const queue = rig.queue();
    await until("the payload", () => existsSync(join(rig.root, "ready")));
    assert.equal((await status(rig)).writer, "alive");
    kill(-queue.pid);
    await queue.finished;
    assert.equal((await status(rig)).writer, "alive");
    for (const pid of rig.jobProcesses()) kill(pid);
    await until("the payload to end", () => rig.jobProcesses().length === 0);
    assert.equal((await status(rig)).writer, "none");
  });

  underEachShell("another run whose name begins alike is not taken for this one", async (rig) => {
    const other = join(dirname(rig.runDirectory), "run10");
    mkdirSync(rig.runDirectory, { recursive: true });
    rig.writeSpec({ a: { command: `echo >"${rig.root}/ready"; sleep 1000\n` } });
    rig.start("run_queue.sh", [other, rig.spec, rig.code]);
    await until("the payload", () => existsSync(join(rig.root, "ready")));
    assert.equal((await status(rig)).writer, "none");
    assert.equal((await rig.run("stop.sh", [rig.runDirectory, "", "0"])).code, 0);
    assert.equal(rig.jobProcesses().length > 0, true);
  });

  underEachShell("an unknown writer is not called none", async (rig) => {
    put(rig, "lock/writer", '{"epoch":3,"host":"other-box","pid":1,"startTicks":1}');
    assert.equal((await status(rig)).writer, "other-host");
    put(rig, "lock/writer", '{"epoch":3,"host":"other-box","pid":1,"startTicks":1,"releasedAt":"2026-01-01T00:00:00Z"}');
    assert.equal((await status(rig)).writer, "none");
    put(rig, "lock/writer", "torn");
    assert.equal((await status(rig)).writer, "other-host");
  });

  underEachShell("what a payload prints or leaves in its folder is not taken for state", async (rig) => {
    const lie = '{"cell":"a","state":"complete"}';
    rig.writeSpec({ a: { command: `echo '${lie}'; echo '${lie}' >"$HOLDFAST_OUTPUT_DIR/a.json"; echo '{"complete":["a"]}' >"$HOLDFAST_OUTPUT_DIR/closed.json"; exit 1\n` } });
    await rig.queue().finished;
    const seen = await status(rig);
    assert.deepEqual([seen.writer, seen.cells.map(({ state }) => state), seen.closed?.complete], ["none", ["failed"], []]);
  });

  underEachShell("GPU names and gaps in what nvidia-smi reports do not break the heartbeat", async (rig) => {
    rig.stub("nvidia-smi", 'printf \'%s\\n\' \'0, NVIDIA "H100", 97, 1024, 81559, 61\' \'1, Tesla K80, [N/A], 0, 11441, [N/A]\'');
    rig.writeSpec({ a: { command: `until [ -e "${rig.root}/go" ]; do sleep 0.05; done\n` } });
    const queue = rig.queue();
    await until("a beat", () => rig.readIfThere("state", "heartbeat")?.includes('"cell":"a"'));
    const seen = (await status(rig)).heartbeat as unknown as { gpu: unknown };
    assert.deepEqual(seen.gpu, [
      { index: 0, name: 'NVIDIA "H100"', utilizationPercent: 97, memoryUsedMiB: 1024, memoryTotalMiB: 81559, celsius: 61 },
      { index: 1, name: "Tesla K80", utilizationPercent: null, memoryUsedMiB: 0, memoryTotalMiB: 11441, celsius: null },
    ]);
    writeFileSync(join(rig.root, "go"), "");
    assert.equal((await queue.finished).code, 0);
  });
});
