import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeletionFacts } from "../../../custody";
import type { Approval, Manifest } from "../../../custody/formats";
import type { Plan } from "../../../profiles/plan";
import { lambda } from "../../../profiles/lambda";
import { afterwards, renderApproval, renderReasons } from "../../../cli/render/approval";
import { plainPaint } from "../../../cli/render/paint";
import { titlesOf } from "../../../cli/render/teardown";
import type { Draft } from "../../../cli/runs/approval";

const run = { project: "lab", stack: "dev", name: "digits" };
const meters = (compute: "stops" | "n/a", filesystem: "stops" | "continues") => [
  { meter: "compute", state: compute, usdPerMonth: null },
  { meter: "filesystem", state: filesystem, usdPerMonth: filesystem === "continues" ? 20 : null },
];
const instance = { role: "instance", verb: "terminate", irreversible: true, tiersLost: ["local"], tiersKept: ["filesystem"], metersAfter: meters("stops", "continues") };
const filesystem = { role: "filesystem", verb: "delete", irreversible: true, tiersLost: ["filesystem"], tiersKept: [], metersAfter: meters("n/a", "stops") };
const manifest: Manifest = {
  v: 1, run, takenAt: "2026-01-02T03:04:05.000Z", place: { tier: "filesystem", directory: "/d", resource: "fs-1" },
  cells: [{ name: "a", state: "complete" }, { name: "b", state: "failed" }], files: [{ path: "cells/a/x.safetensors", bytes: 2048, sha256: "0".repeat(64), cell: "a" }], scratch: { files: 0, bytes: 0 }, closed: true,
};

function draftOf(approval: Partial<Approval>, remote: DeletionFacts["remote"]): Draft {
  const deletions = [
    { role: "instance", id: "i-1", verb: "terminate", tiersLost: ["local"] },
    { role: "filesystem", id: "fs-1", verb: "delete", tiersLost: ["filesystem"] },
  ];
  const content: Approval = {
    v: 1, id: "apr_0", run, scope: "end", deletions, manifestSha256: null, unclaimed: [], giveUp: null, acceptUnreachable: false,
    at: "2026-01-02T00:00:00.000Z", expiresAt: "2026-01-03T00:00:00.000Z", ...approval,
  };
  const facts = { remote, receipts: [] } as unknown as DeletionFacts;
  const plan = { teardown: { deletions: [instance, filesystem] } } as unknown as Plan;
  return { facts, candidate: { content, keyId: "", signer: null, trusted: true, envelopeSha256: "" }, plan, confirmName: "lab-digits", confirmOf: "instance" };
}

const standing = { ref: run, view: () => ({ live: [{ id: "i-1", name: "lab-digits" }, { id: "fs-1", name: "lab-fs" }] }) } as unknown as Parameters<typeof renderApproval>[1];
const shown = (draft: Draft): string => renderApproval(draft, standing, { paint: plainPaint, width: undefined, titles: titlesOf(lambda) });
const reachable = { state: "reachable" as const, manifest, writerAlive: false, cells: manifest.cells, unclaimed: [] };

test("the table says per verb what is kept, lost and still billed, by the names a person knows", () => {
  assert.equal(
    shown(draftOf({ giveUp: { cells: ["b"], reason: "diverged" } }, reachable)),
    `Ending lab/dev/digits does this:

  resource             verb       keeps                 loses                     goes on billing
  -------------------  ---------  --------------------  ------------------------  --------------------------------------
  instance lab-digits  terminate  regional file system  instance's own NVMe disk  file system, per GiB used $20.00/month
  file system lab-fs   delete     -                     regional file system      -

  Nothing of it bills afterwards.

  artifacts    1 file, 2.0 kB (1 complete, 1 failed)
  receipt      none
  given up     b: diverged
  valid until  2026-01-03 00:00:00 UTC`,
  );
});

test("storage that stays is named with its price, not only with a verb", () => {
  const draft = draftOf({ deletions: [{ role: "instance", id: "i-1", verb: "terminate", tiersLost: ["local"] }] }, reachable);
  assert.deepEqual(afterwards(draft), [{ meter: "filesystem", usdPerMonth: 20 }]);
  assert.match(shown(draft), /Still billing afterwards: file system, per GiB used \$20\.00 per month/);
});

test("data that no manifest names is listed before its tier goes, and cannot forge the screen", () => {
  const text = shown(draftOf({ unclaimed: [{ tier: "filesystem", folder: "notes\u001b[2Jby hand", bytes: 5e6, files: 12 }] }, reachable));
  assert.match(text, /Also lost: data on these tiers[\s\S]*notes\[2Jby hand +filesystem +5\.0 MB +12/);
  assert.doesNotMatch(text, /\u001b/);
});

test("a machine that cannot be asked is said to be so, and what accepting that means", () => {
  const text = shown(draftOf({ acceptUnreachable: true }, { state: "unreachable", reason: "timed out" }));
  assert.match(text, /artifacts +the machine cannot be asked: timed out/);
  assert.match(text, /unreachable +accepted: what the machine wrote since the newest manifest is lost/);
});

test("reasons are one line each", () => {
  assert.equal(renderReasons([{ message: "a" }, { message: "b" }], plainPaint), "  - a\n  - b");
});
