import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunRef } from "../../../custody/formats";
import { UserError } from "../../../custody/userError";
import { selectRun, type KnownRun, type RunState } from "../../../cli/runs/select";

const known = (text: string, state: RunState): KnownRun => {
  const [project = "", stack = "", name = ""] = text.split("/");
  return { ref: { project, stack, name }, state };
};
const runs = [known("p/dev/digits", "live"), known("p/prod/digits", "ended"), known("p/dev/mnist", "ended")];
const text = (ref: RunRef): string => `${ref.project}/${ref.stack}/${ref.name}`;

function faultOf(choose: () => unknown): UserError {
  try {
    choose();
  } catch (error) {
    assert.ok(error instanceof UserError);
    return error;
  }
  throw new Error("it was chosen");
}

test("without a name only a single live run is taken", () => {
  assert.equal(text(selectRun(undefined, runs, "status")), "p/dev/digits");
});

test("with two live runs nothing is guessed, and each choice is a command to type", () => {
  const fault = faultOf(() => selectRun(undefined, [...runs, known("p/dev/other", "live")], "approve"));
  assert.equal(fault.code, "run-ambiguous");
  assert.deepEqual(fault.next, ["holdfast approve p/dev/digits", "holdfast approve p/dev/other"]);
});

test("a run whose ledger cannot be read may live, so it is not passed over in silence", () => {
  assert.equal(faultOf(() => selectRun(undefined, [...runs, known("p/dev/broken", "unreadable")], "pull")).code, "run-ambiguous");
});

test("with no live run the ended ones are listed, none is taken", () => {
  const fault = faultOf(() => selectRun(undefined, runs.slice(1), "ledger"));
  assert.equal(fault.code, "run-not-found");
  assert.match(fault.message, /p\/prod\/digits \(ended\), p\/dev\/mnist \(ended\)/);
});

test("the only run there ever was is meant even when it has ended", () => {
  assert.equal(text(selectRun(undefined, runs.slice(1, 2), "ledger")), "p/prod/digits");
});

test("a bare name means the live run of that name; the full name reaches the ended one", () => {
  assert.equal(text(selectRun("digits", runs, "status")), "p/dev/digits");
  assert.equal(text(selectRun("p/prod/digits", runs, "status")), "p/prod/digits");
  assert.equal(text(selectRun("prod/digits", runs, "status")), "p/prod/digits");
  assert.equal(text(selectRun("mnist", runs, "status")), "p/dev/mnist");
});

test("a name that two ended runs share is not guessed", () => {
  const fault = faultOf(() => selectRun("x", [known("p/a/x", "ended"), known("p/b/x", "ended")], "ledger"));
  assert.equal(fault.code, "run-ambiguous");
  assert.deepEqual(fault.next, ["holdfast ledger p/a/x", "holdfast ledger p/b/x"]);
});

test("an unknown name lists what there is", () => {
  const fault = faultOf(() => selectRun("digit", runs, "status"));
  assert.equal(fault.code, "run-not-found");
  assert.match(fault.message, /p\/dev\/digits \(live\)/);
  assert.match(faultOf(() => selectRun("digit", [], "status")).message, /knows no run yet/);
});
