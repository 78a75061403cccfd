/** A pulled copy that moves: its receipt must not point to a place where nothing is, nor a new one be signed unread. */
import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { copyPlacesOf, recheckReceipt } from "../../custody";
import { float32, safetensors } from "../custody/verify/forge";
import { withProject, type TestProject } from "./project";

const weights = (values: readonly number[]): Buffer => safetensors({ w: { dtype: "F32", shape: [values.length], data_offsets: [0, 4 * values.length] } }, float32(values));
const files = { "cells/a/model.safetensors": weights([1, 2, 3]), "cells/b/model.safetensors": weights([4, 5, 6]), "logs/queue.log": "done\n" };

function moved(project: TestProject): { run: ReturnType<TestProject["declareRun"]>; from: string; to: string } {
  const run = project.declareRun();
  const { directory } = project.pulledCopy(run, files);
  const to = join(project.root, "nas", "digits");
  mkdirSync(dirname(to), { recursive: true });
  return { run, from: directory, to };
}

test("a copy that was moved is proven where it is and signed for; the earlier receipt stays, superseded", async () => {
  await withProject(async (project) => {
    const { run, from, to } = moved(project);
    renameSync(from, to);
    const [old] = run.receipts();
    assert.ok(old !== undefined);
    assert.equal(await recheckReceipt(old.content, run.manifest(old.content.manifestSha256), copyPlacesOf({}, hostname())), "missing");
    const outcome = await project.holdfast("relocate", "digits", "nas/digits", "--json");
    assert.equal(outcome.code, 0, outcome.stderr);
    const report = JSON.parse(outcome.stdout) as { receipt: string; supersedes: string; target: string };
    assert.deepEqual([report.supersedes, report.target], [old.content.id, to]);
    const signed = run.receipts().find((receipt) => receipt.content.id === report.receipt);
    assert.ok(signed?.trusted === true && signed.content.loaded.length === 2);
    assert.equal(await recheckReceipt(signed.content, run.manifest(signed.content.manifestSha256), copyPlacesOf({}, hostname())), "matches");
    assert.equal(run.receipts().length, 2);
    assert.match((await project.holdfast("ledger")).stdout, new RegExp(`in place of ${old.content.id}, whose copy was moved`));
    assert.match((await project.holdfast("verify", "digits")).stdout, /all as manifest and receipt/);
  });
});

test("a copy that lost or changed a byte on the way gets no receipt, and the ledger says why", async () => {
  await withProject(async (project) => {
    const { run, from, to } = moved(project);
    cpSync(from, to, { recursive: true });
    rmSync(join(to, "cells/a/model.safetensors"));
    appendFileSync(join(to, "logs/queue.log"), "more\n");
    const outcome = await project.holdfast("relocate", "digits", to);
    assert.equal(outcome.code, 6, outcome.stderr);
    assert.match(outcome.stderr, /cells\/a\/model\.safetensors: It did not arrive[^]*logs\/queue\.log: It has 10 bytes; the manifest says 5/);
    assert.equal(run.receipts().length, 1);
    assert.equal(run.view().lastVerifyFailure?.problems.length, 2);
  });
});

test("a folder that is not there, or of a run that was never pulled, is told", async () => {
  await withProject(async (project) => {
    project.declareRun();
    const absent = await project.holdfast("relocate", "digits", "nowhere");
    assert.equal(absent.code, 4);
    assert.match(absent.stderr, /There is no folder .*nowhere/);
    mkdirSync(join(project.root, "somewhere"));
    const never = await project.holdfast("relocate", "digits", "somewhere");
    assert.equal(never.code, 4);
    assert.match(never.stderr, /was never pulled[^]*next: holdfast pull lab\/dev\/digits --to .*somewhere/);
  });
});
