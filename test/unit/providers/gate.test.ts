import assert from "node:assert/strict";
import { test } from "node:test";
import { heldIsGone, teardownGate } from "../../../providers/gate/gate";
import type { GateInputs } from "../../../providers/gate/gate";

const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const inputs: GateInputs = {
  binding: { custodyId: "cst_1", project: "p", stack: "s", run: "r" },
  endpoint: { platform: "lambda", api: "sandbox" },
  holds: { filesystem: "fs1" },
  deletions: [{ role: "instance", id: "i1", verb: "terminate", tiersLost: ["local"] }],
  cells: ["a"],
  teardownSha256: "0",
};

test("a durable copy that changes, vanishes or is not known replaces the gate, so its lock is asked first", () => {
  for (const holds of [{ filesystem: "fs2" }, {}, { filesystem: unknown }, unknown, null, undefined]) {
    assert.equal(heldIsGone(inputs.holds, holds), true, JSON.stringify(holds));
    assert.deepEqual(teardownGate.diff(inputs, { ...inputs, holds } as never), { changes: true, replaces: ["holds"] });
  }
});

test("edits that lose no durable copy update the gate in place and ask for nothing", () => {
  const edits: Partial<GateInputs>[] = [
    { holds: { filesystem: "fs1", bucket: "b1" } },
    { cells: ["a", "b"] },
    { deletions: [{ role: "instance", id: "i2", verb: "terminate", tiersLost: ["local"] }] },
    { teardownSha256: "1" },
  ];
  for (const edit of edits) assert.deepEqual(teardownGate.diff(inputs, { ...inputs, ...edit }), { changes: true, replaces: [] });
  assert.deepEqual(teardownGate.diff(inputs, structuredClone(inputs)), { changes: false, replaces: [] });
});

test("a refresh cannot make the gate vanish: it has no read", () => {
  assert.equal("read" in teardownGate, false);
});
