import assert from "node:assert/strict";
import { test } from "node:test";
import { RemoteUnreachable } from "../../../custody/remote";
import { UserError } from "../../../custody/userError";
import { exitCodeFor, exitCodeHelp, exitCodes, Interrupted } from "../../../cli/exitCodes";
import { renderError, reportOf } from "../../../cli/render/error";
import { plainPaint } from "../../../cli/render/paint";

const plain = { paint: plainPaint, debug: false };

test("a fault meant for people is one paragraph with the next commands and no stack", () => {
  const fault = new UserError("The receipt is not for what is there now.", { code: "receipt-stale", next: ["holdfast pull digits", "holdfast approve digits"] });
  assert.equal(renderError(fault, plain), "holdfast: The receipt is not for what is there now.\n  next: holdfast pull digits\n  next: holdfast approve digits");
});

test("a bug says that it is one, and shows its stack only when asked", () => {
  const bug = new TypeError("x is undefined");
  assert.equal(renderError(bug, plain), "holdfast failed: x is undefined\n  next: HOLDFAST_DEBUG=1 shows where this came from");
  assert.match(renderError(new Error("outer", { cause: bug }), { ...plain, debug: true }), /errors\.test[\s\S]*caused by: TypeError: x is undefined/);
});

test("a program gets code, message and next steps of every fault", () => {
  assert.deepEqual(reportOf(new UserError("m", { code: "no-approval", next: ["n"] })), { error: { code: "no-approval", message: "m", next: ["n"] } });
  assert.equal(reportOf(new RemoteUnreachable("ubuntu@192.0.2.7:22", "timed out")).error.code, "unreachable");
  assert.equal(reportOf(new Error("x")).error.code, "unexpected");
  assert.equal(reportOf("thrown text").error.message, "thrown text");
});

test("exit codes keep their meaning: a refusal is no usage error, an unreachable machine no bug", () => {
  const of = (code: string): number => exitCodeFor(new UserError("m", { code }));
  assert.equal(of("config"), exitCodes.usage);
  assert.equal(of("no-project"), exitCodes.usage);
  assert.equal(of("no-receipt"), exitCodes.refused);
  assert.equal(of("writer-alive"), exitCodes.refused);
  assert.equal(of("run-not-found"), exitCodes.notFound);
  assert.equal(of("verify-failed"), exitCodes.verification);
  // A full disk or a refused key is no fault of the command line: a script that retries must be able to tell.
  assert.deepEqual(["disk-full", "ssh-denied", "pull-running", "manifest-changed"].map(of), [exitCodes.unexpected, exitCodes.unreachable, exitCodes.refused, exitCodes.verification]);
  assert.equal(exitCodeFor(new RemoteUnreachable("h", "r")), exitCodes.unreachable);
  assert.equal(exitCodeFor(new Interrupted()), exitCodes.interrupted);
  assert.equal(exitCodeFor(new Error("bug")), exitCodes.unexpected);
});

test("every exit code is documented once", () => {
  assert.deepEqual(exitCodeHelp.map(([code]) => code).sort((a, b) => a - b), Object.values(exitCodes).sort((a, b) => a - b));
});
