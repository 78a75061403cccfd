import assert from "node:assert/strict";
import { test } from "node:test";
import { describeEdits } from "../../../components/rosterEdits";
import type { CellEdit } from "../../../providers/job/edits";

const edits: readonly CellEdit[] = [
  { kind: "unchanged", cell: "a", keepsCode: true },
  { kind: "unchanged", cell: "b", keepsCode: false },
  { kind: "added", cell: "c" },
  { kind: "removed", cell: "d" },
];

test("every cell of an edited roster is told, also the ones that stay", () => {
  assert.equal(
    describeEdits(edits, null),
    "cell c: added, appended to the queue\ncell d: removed while pending, it never runs and is not asked for at the end\nunchanged: a, b\nwith the code that they started with: a",
  );
  assert.match(describeEdits([{ kind: "refused", cell: "a", what: ["inputs"], state: "running" }], null), /refuses this edit as a whole.*holdfast retry a --fresh$/);
});

test("an instance that does not answer costs one line, and nothing is promised in its name", () => {
  const lines = describeEdits(edits, "it does not answer").split("\n");
  assert.equal(lines[0], "The instance could not be asked which cells have started (it does not answer).");
  assert.match(lines[2] ?? "", /refused if it has started by then$/);
});
