/** The scripted week, as `npm run demo:week` plays it: storage shared by three runs, ended by you, by the keeper and by a colleague. */
import assert from "node:assert/strict";
import { execa } from "execa";
import { join } from "node:path";
import { test } from "node:test";
import type { Summary } from "../../cli/demo/week/figures";
import { packageRoot } from "./stack";

test("a week of edits, failures, a drought, a takeover and a forgotten run loses no artifact, pays for no finished night, and leaves no storage that cannot go", async () => {
  const played = await execa(process.execPath, ["--enable-source-maps", join(packageRoot, "dist", "cli", "demo", "week", "main.js"), "--json"], { cwd: packageRoot, reject: false, stdin: "ignore" });
  assert.equal(played.exitCode, 0, played.stderr);
  const { ok, missed, breakGlass, idle, artifacts, billingNow, machines, forgotten } = JSON.parse(played.stdout) as Summary;
  assert.deepEqual({ ok, missed, breakGlass, billingNow, lost: artifacts.lost }, { ok: true, missed: [], breakGlass: 0, billingNow: 0, lost: [] });
  assert.deepEqual(idle.map(({ run }) => run), ["sweep", "night", "probe"], "each run was ended after it was done");
  assert.deepEqual(machines.map(({ run, how }) => `${run} ${how}`), ["sweep lost", "sweep deleted", "night deleted", "probe deleted", "storage deleted"]);
  assert.ok(artifacts.files > 0 && forgotten.usdOfWait > 0);
});
