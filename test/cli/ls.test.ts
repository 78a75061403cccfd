/** The list of all runs, on custody stores that were prepared. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { RunCustody } from "../../custody";
import { withProject } from "./project";

interface Line {
  readonly run: string;
  readonly state: string;
  readonly activity: string;
  readonly cells: { readonly total: number; readonly complete: number | null; readonly failed: number | null };
  readonly checkpointAgeSeconds: number | null;
  readonly seenAt: string | null;
  readonly nextClock: { readonly id: string; readonly at: string | null } | null;
  readonly problem: string | null;
}

const linesOf = (stdout: string): Line[] => (JSON.parse(stdout) as { runs: Line[] }).runs;
const checkpoint = { path: "cells/a/checkpoints/step-000010.safetensors", mtime: 1, bytes: 96, ageSeconds: 20 };

/** As a status, watch or list leaves it. */
function seen(run: RunCustody, minutesAgo: number, more: object = {}): void {
  const cells = [{ cell: "a", state: "complete" }, { cell: "b", state: "failed" }];
  const status = { writer: "alive", session: null, cells, heartbeat: null, closed: null, newestCheckpoint: checkpoint, ...more };
  writeFileSync(join(run.dir, "last-look.json"), JSON.stringify({ v: 1, at: new Date(Date.now() - minutesAgo * 60_000).toISOString(), status }));
}

test("cells and checkpoints are told as they were last seen, with how long ago, and no machine is asked", async () => {
  // A machine that accepts and never says a word would hold up everybody who asks it.
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  const { port } = await new Promise<{ port: number }>((done) => silent.once("listening", () => { done(silent.address() as { port: number }); }));
  try {
    await withProject(async (project) => {
      const run = project.declareRun();
      run.append("address.changed", { instance: "i-1", host: "127.0.0.1", port, user: "ubuntu" });
      seen(run, 0);
      const fresh = await project.holdfast("ls", "--json");
      assert.equal(fresh.code, 0, fresh.stderr);
      const [line] = linesOf(fresh.stdout);
      assert.deepEqual([line?.activity, line?.cells], ["training", { total: 2, complete: 1, failed: 1 }]);
      assert.ok((line?.checkpointAgeSeconds ?? 0) >= 20);
      assert.equal(line?.nextClock?.id, "lease");
      const connections = await new Promise((done) => { silent.getConnections((_error, count) => { done(count); }); });
      assert.equal(connections, 0);
    });
  } finally {
    silent.close();
  }
});

test("an old look is told with its age, and one of a former life of the run is not told at all", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    seen(run, 120);
    assert.equal(linesOf((await project.holdfast("ls", "--json")).stdout)[0]?.seenAt, null, "from before the run was declared");
    // A checkpoint seen a minute and a half ago, by a look that the ledger's first line does not postdate.
    writeFileSync(join(run.dir, "last-look.json"), JSON.stringify({ v: 1, at: new Date(Date.now() + 1000).toISOString(), status: { writer: "none", session: null, cells: [], heartbeat: null, closed: { at: new Date().toISOString(), complete: ["a"], failed: ["b"] }, newestCheckpoint: null } }));
    const [line] = linesOf((await project.holdfast("ls", "--json")).stdout);
    assert.equal(line?.activity, "finished", "a closed queue is no training run: what stands bills for nothing");
  });
});

test("a memory that is damaged hides no run", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    for (const content of ["", "{", "[]", '{"v":2}', '{"v":1,"at":"2999-01-01T00:00:00Z","status":{"cells":7}}']) {
      writeFileSync(join(run.dir, "last-look.json"), content);
      const listed = await project.holdfast("ls", "--json");
      assert.equal(listed.code, 0, listed.stderr);
      assert.deepEqual(linesOf(listed.stdout).map(({ activity, cells }) => [activity, cells.complete]), [["started", null]], content);
    }
  });
});

test("machines that do not answer are named beside what is known, and do not hide each other", async () => {
  await withProject(async (project) => {
    for (const name of ["one", "two"]) seen(project.declareRun(name), -1 / 60);
    const ended = project.declareRun("over");
    project.endRun(ended);
    const listed = await project.holdfast("ls", "--live", "--json");
    assert.equal(listed.code, 0, listed.stderr);
    const lines = linesOf(listed.stdout);
    assert.deepEqual(lines.map(({ run, activity, cells }) => [run, activity, cells.complete]), [["lab/dev/one", "training", 1], ["lab/dev/two", "training", 1]]);
    for (const { problem } of lines) assert.match(problem ?? "", /127\.0\.0\.1:9 does not answer/);
    const text = await project.holdfastWith({ env: { COLUMNS: "80" } }, "ls", "--live");
    for (const line of text.stdout.split("\n").slice(0, -4)) assert.ok(line.length <= 80, line);
    assert.match(text.stdout, /^2 runs live, \$1\.00 per hour/m);
  });
});

test("a run that left storage of others is over: nobody is told of its clocks, and storage of its own that stays still counts", async () => {
  await withProject(async (project) => {
    const ended = (name: string, owned: boolean): void => {
      const run = project.declareRun(name);
      for (const role of ["job", "instance", "sshKey"]) {
        const resource = run.view().resources.get(role);
        assert.ok(resource);
        run.append("resource.deleted", { role, kind: resource.kind, id: resource.id, verb: "delete", grant: null, confirmed: "not in the list" });
      }
      run.append("leftover.recorded", { kind: "filesystem", id: "fs-1", name: "lab-fs", monthlyUsd: 20, owned, remove: "delete it" });
      run.append("audit.closed", { billing: 0, leftovers: 1, usd: 0.25 });
    };
    ended("guest", false);
    ended("owner", true);
    const lines = linesOf((await project.holdfast("ls", "--json")).stdout);
    assert.deepEqual(lines.map(({ run, state, nextClock }) => [run, state, nextClock]), [["lab/dev/guest", "ended", null], ["lab/dev/owner", "live", lines[1]?.nextClock ?? null]]);
  });
});
