/** A keeper that is killed at any point, and two of them at once: the run is ended once, proven before, and nobody fights. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { mapBounded } from "../../cli/runs/parallel";
import { until } from "../engine/until";
import { mulberry32 } from "../faults/point";
import { atNight, type Night } from "./night";

// Other places: KEEPER_SEED; all of them: KEEPER_KILLS=100.
const seed = Number(process.env["KEEPER_SEED"] ?? "20");
const sampleSize = Number(process.env["KEEPER_KILLS"] ?? "4");
const never = -1;

/** One place in each of as many equal parts of a pass, so that every stage of it is met. */
function pointsOf(writes: number): number[] {
  const random = mulberry32(seed);
  return Array.from({ length: sampleSize }, (_, part) => Math.floor(((part + random()) * writes) / sampleSize));
}

/** A pass that is killed at a write, and others until the run has ended and is told; returns the writes of one that was not. */
async function killedAt(kill: number): Promise<number> {
  let writes = 0;
  await atNight(async (night) => {
    const { project, machine, environment } = night;
    const signal = await passThatDies(night, kill);
    assert.equal(signal, kill === never ? null : "SIGKILL", `write ${kill}`);
    const told = (): boolean => machine.run.view().auditClosed !== null && night.told().some(({ kind }) => kind === "run.ended");
    for (let again = 0; again < 2 && !told(); again += 1) await project.holdfastWith({ env: environment }, "keeper", "--once", "--json");
    assert.ok(machine.run.view().auditClosed, `killed at write ${kill}`);
    assert.equal(night.destroys(), 1, `killed at write ${kill}`);
    const ids = night.told();
    assert.ok(ids.some(({ kind }) => kind === "run.ended"), `killed at write ${kill}`);
    assert.ok(ids.length - new Set(ids.map(({ id }) => id)).size <= 1, "at most what was being told when it died is told again");
    if (kill === never) writes = Number(readFileSync(join(project.root, "writes"), "utf8"));
  });
  return writes;
}

/** Resolves with the signal that ended it. */
function passThatDies({ project, environment }: Night, kill: number): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, [join(__dirname, "children", "keeperPass.js"), String(kill)], { cwd: project.root, env: environment, stdio: "ignore" });
  return new Promise((done) => { child.once("exit", (_code, signal) => { done(signal); }); });
}

test("killed at any durable write of a pass, the next pass finishes: proven, ended once, and told under one id", async (context) => {
  const writes = await killedAt(never);
  const points = pointsOf(writes);
  context.diagnostic(`killed at writes ${points.join(", ")} of the ${writes} of a pass (seed ${seed})`);
  assert.ok(writes > 50, `only ${writes} writes`);
  await mapBounded(points, 2, killedAt);
});

test("two keepers of one run do not fight: one ends it, the other leaves it alone", async () => {
  await atNight(async ({ project, environment, destroys }) => {
    project.write("hold", "");
    const first = project.start({ env: environment }, "keeper", "--once", "--json");
    await until("the engine was started", () => destroys() === 1);
    const second = await project.holdfastWith({ env: environment }, "keeper", "--once", "--json");
    assert.match(second.stdout, /another keeper on this computer looks after it/);
    rmSync(join(project.root, "hold"));
    const { stdout } = await first.ended;
    assert.match(stdout, /"did": "destroyed"/);
    assert.equal(destroys(), 1);
  });
});

test("a keeper on another computer is left to it until its word runs out, and a run of another's is not ended", async () => {
  await atNight(async ({ project, machine, environment, destroys }) => {
    machine.run.append("keeper.watching", { keeper: "elsewhere-123456", until: new Date(Date.now() + 3_600_000).toISOString() });
    const left = await project.holdfastWith({ env: environment }, "keeper", "--once");
    assert.match(left.stdout, /the keeper elsewhere-123456 looks after it until/);
    assert.equal(destroys(), 0);
    machine.run.append("keeper.watching", { keeper: "elsewhere-123456", until: new Date(Date.now() - 1000).toISOString() });
    await project.holdfastWith({ env: environment }, "keeper", "--once");
    assert.equal(destroys(), 1);
  });
});
