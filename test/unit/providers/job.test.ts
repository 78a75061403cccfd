import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync, mkdirSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { PlanCell } from "../../../profiles/plan";
import { hashCode } from "../../../providers/job/code";
import type { FoundCell } from "../../../providers/job/edits";
import { compareRosters, sayEdit } from "../../../providers/job/edits";
import type { Order } from "../../../providers/job/orders";
import { misfitOf } from "../../../providers/job/orders";
import { buildSpec } from "../../../providers/job/spec";
import { classifyTransportFault, parseRsyncProgress, shellWord } from "../../../providers/ssh/outcome";
import { planWith } from "../profiles/happy";

const cell = (name: string, configSha256 = "1"): PlanCell => ({ name, command: "true", keep: [], scratch: [], expected: [], configSha256, codeSha256: "c", inputs: [], inputsSha256: null });

const found = (state: string, change: Partial<FoundCell> = {}): FoundCell => ({ state, begun: state !== "pending", attempt: 1, cause: null, configSha256: "1", codeSha256: "c", inputsSha256: null, class: null, certainty: null, retries: 0, evidence: [], ...change });

test("a cell that has started is neither changed nor removed under its own artifacts", () => {
  const instance = new Map([["a", found("complete")], ["b", found("running")], ["c", found("pending")], ["d", found("pending")]]);
  const edits = compareRosters([cell("a"), cell("b"), cell("c"), cell("d")], [cell("a", "2"), cell("c", "2"), cell("e")], instance);
  assert.deepEqual(edits.map(({ cell, kind }) => [cell, kind]), [["a", "refused"], ["c", "replaced"], ["e", "added"], ["b", "refused"], ["d", "removed"]]);
});

test("a cell that an edit dropped while no machine could be asked is asked for, or let go, once one can", () => {
  const instance = new Map([["gone", found("complete")], ["never", found("pending")]]);
  const edits = compareRosters([cell("a")], [cell("a")], instance, ["a", "gone", "never"]);
  assert.deepEqual(edits.map(({ cell, kind }) => [cell, kind]), [["a", "unchanged"], ["gone", "refused"], ["never", "removed"]]);
});

test("what a cell started as counts, not what was declared since", () => {
  // An update that was killed half-way: the cell already runs as it is wanted now, and state still has the old plan.
  assert.deepEqual(compareRosters([cell("a", "1")], [cell("a", "2")], new Map([["a", found("running", { configSha256: "2" })]])).map(({ kind }) => kind), ["unchanged"]);
  assert.deepEqual(compareRosters([], [cell("a", "2")], new Map([["a", found("running", { configSha256: "2" })]])).map(({ kind }) => kind), ["unchanged"]);
  assert.deepEqual(compareRosters([cell("a", "2")], [cell("a", "2")], new Map([["a", found("complete")]])).map(({ kind }) => kind), ["refused"]);
  assert.deepEqual(compareRosters([cell("a")], [{ ...cell("a"), inputsSha256: "9" }], new Map([["a", found("failed")]])), [{ kind: "refused", cell: "a", what: ["inputs"], state: "failed" }]);
});

test("edited code reaches cells that have not started, and a cell that failed before it wrote anything has not", () => {
  const recoded = (name: string): PlanCell => ({ ...cell(name), codeSha256: "d" });
  const instance = new Map([["a", found("complete")], ["b", found("failed", { begun: false })], ["c", found("pending")]]);
  assert.deepEqual(compareRosters([cell("a"), cell("b"), cell("c")], [recoded("a"), recoded("b"), recoded("c")], instance), [
    { kind: "unchanged", cell: "a", keepsCode: true },
    { kind: "replaced", cell: "b", what: ["code"] },
    { kind: "replaced", cell: "c", what: ["code"] },
  ]);
});

test("an order that does not fit the cell is told what fits", () => {
  const states = ["pending", "running", "complete", "failed", "cancelled", "kept", "removed"];
  const fits = (order: Order, cause: string | null = null, writer = "alive"): string[] => states.filter((state) => misfitOf(order, "a", { state, cause }, writer) === null);
  assert.deepEqual(fits("retry"), ["failed", "cancelled"]);
  assert.deepEqual(fits("fresh"), ["complete", "failed", "cancelled"]);
  assert.deepEqual(fits("cancel"), ["pending", "running"]);
  assert.ok(fits("retry", "edit").includes("pending"), "what waits for an edit can be let go");
  assert.deepEqual(fits("retry", null, "none"), ["pending", "running", "failed", "cancelled"], "what a dead queue left can be taken up");
  assert.match(misfitOf("retry", "a", { state: "complete", cause: null }, "alive")?.next[0] ?? "", /--fresh/);
});

test("where nobody could look, an edit is announced with what may become of it", () => {
  const edits = compareRosters([cell("a"), cell("b")], [cell("a", "2")], null);
  assert.deepEqual(edits.map((edit) => sayEdit(edit, false)), [
    "cell a: changed while pending (configuration), the new form takes its place; refused if it has started by then",
    "cell b: removed while pending, it never runs and is not asked for at the end; refused if it has started by then",
  ]);
});

test("a trainer that counts steps is told the cadence in steps, and another cadence makes no other cell", () => {
  const spec = (checkpoint: Record<string, unknown>) => {
    const plan = planWith({ checkpoint: { costSeconds: 30, everySeconds: 600, ...checkpoint } });
    return { env: buildSpec(plan, "/mnt").get("env") ?? "", cells: plan.cells.map(({ configSha256 }) => configSha256) };
  };
  assert.match(spec({ stepSeconds: 7 }).env, /HOLDFAST_CHECKPOINT_EVERY_STEPS='?85'?/);
  assert.ok(!spec({}).env.includes("EVERY_STEPS"));
  assert.deepEqual(spec({ stepSeconds: 7 }).cells, spec({}).cells);
});

test("values survive the shell whatever they contain", () => {
  for (const value of ["plain", "it's", "$(id) `id` $HOME", 'a "b"', "line\nbreak", "", "back\\slash", "-n"]) {
    assert.equal(execFileSync("sh", ["-c", `export K=${shellWord(value)}; printf %s "$K"`], { encoding: "utf8" }), value);
    assert.equal(execFileSync("sh", ["-c", `printf %s ${shellWord(value)}`], { encoding: "utf8" }), value);
  }
});

test("code is named by its content: an edit, a rename or an executable bit changes the name, a cache does not", () => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-code-"));
  try {
    writeFileSync(join(directory, "train.py"), "1");
    const first = hashCode(directory);
    mkdirSync(join(directory, "__pycache__"));
    writeFileSync(join(directory, "__pycache__", "x.pyc"), "x");
    assert.equal(hashCode(directory), first);
    writeFileSync(join(directory, "train.py"), "2");
    const second = hashCode(directory);
    assert.notEqual(second, first);
    chmodSync(join(directory, "train.py"), 0o755);
    assert.notEqual(hashCode(directory), second);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("an exit of the transport is told apart: never connected, refused, another host, or lost in the middle", () => {
  assert.equal(classifyTransportFault("ssh: connect to host 192.0.2.1 port 22: Connection timed out\n").kind, "no-connection");
  assert.equal(classifyTransportFault("ubuntu@192.0.2.1: Permission denied (publickey).\n").kind, "denied");
  assert.equal(classifyTransportFault("@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@\nHost key verification failed.\n").kind, "host-key-changed");
  assert.equal(classifyTransportFault("Connection to 192.0.2.1 closed by remote host.\n").kind, "lost");
  assert.equal(classifyTransportFault("").kind, "lost");
});

test("rsync's progress line gives bytes and rate", () => {
  assert.deepEqual(parseRsyncProgress("  1,234,567  45%   12.50MB/s    0:00:10"), { bytes: 1234567, bytesPerSecond: 12_500_000 });
  assert.equal(parseRsyncProgress("receiving file list ..."), null);
});
