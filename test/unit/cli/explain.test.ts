import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../../custody/clock";
import { systemClock } from "../../../custody/clock";
import { run } from "../../../cli/main";
import { stage } from "./stage";

const at = (day: string): Clock => ({ ...systemClock, now: () => new Date(`${day}T00:00:00Z`) });

async function explained(argv: readonly string[], day: string): Promise<string> {
  const { terminal, stdout } = stage();
  assert.equal(await run(["explain", ...argv], { ...terminal, clock: at(day) }), 0);
  return stdout();
}

test("a platform that can only be planned is never taken for one that can be torn down", async () => {
  assert.match(await explained(["slurm"], "2026-09-01"), /cannot create or tear down anything there yet/);
  assert.doesNotMatch(await explained(["lambda"], "2026-09-01"), /cannot create or tear down/);
  const list = JSON.parse(await explained(["--json"], "2026-09-01")) as { platforms: { platform: string; provisioned: boolean }[] };
  assert.deepEqual(list.platforms.filter((entry) => entry.provisioned).map((entry) => entry.platform), ["lambda"]);
  assert.ok(list.platforms.length >= 9);
});

test("a promise that nobody has verified for a year is shown as unknown, at the terminal's own clock", async () => {
  const fresh = await explained(["lambda", "--verb", "terminate"], "2026-09-01");
  assert.doesNotMatch(fresh, /unknown, counts as lost|Not verified for long/);
  const old = await explained(["lambda", "--verb", "terminate"], "2028-01-01");
  assert.match(old, /unknown, counts as lost/);
  assert.match(old, /Not verified for long\n.*more than twelve months ago/);
});
