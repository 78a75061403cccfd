/** The unit that a person installs must start, stop without cutting a teardown short, and hold no secret. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemdUnit } from "../../../cli/keeper/systemd";

const unit = systemdUnit({ root: "/tmp", runs: ["lab/dev/digits"], everySeconds: 300, env: { PATH: "/usr/bin:/bin", LAMBDA_API_KEY: "secret-key", PULUMI_BACKEND_URL: "file:///a b%20c/$x" } });

/** `[Section]` and `Key=value`, nothing else. */
function parsed(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let section = "";
  for (const line of text.split("\n").filter((candidate) => candidate !== "" && !candidate.startsWith("#"))) {
    section = /^\[(Unit|Service|Install)\]$/.exec(line)?.[1] ?? section;
    const [, key, value] = /^([A-Za-z]+)=(.+)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) found.set(`${section}.${key}`, [...(found.get(`${section}.${key}`) ?? []), value]);
    else assert.match(line, /^\[\w+\]$/);
  }
  return found;
}

test("the unit runs the keeper of this project, and lets what has begun come to its end", () => {
  const values = parsed(unit);
  assert.deepEqual(values.get("Service.WorkingDirectory"), ["/tmp"]);
  assert.match(values.get("Service.ExecStart")?.[0] ?? "", /\/main\.js keeper lab\/dev\/digits --every 300s$/);
  assert.deepEqual([values.get("Service.KillMode"), values.get("Service.Restart"), values.get("Install.WantedBy")], [["mixed"], ["always"], ["default.target"]]);
  assert.ok(values.get("Service.Environment")?.includes('"PULUMI_BACKEND_URL=file:///a b%%20c/$x"'), "percent signs are specifiers there");
  assert.equal(unit.includes("secret-key"), false);
  assert.doesNotMatch(unit, /@[A-Z]+@/);
});

const analyze = spawnSync("systemd-analyze", ["--version"]);
test("systemd itself accepts it", { skip: analyze.status === 0 ? false : "systemd-analyze is not installed" }, () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-unit-"));
  try {
    const path = join(folder, "holdfast-keeper.service");
    writeFileSync(path, unit);
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--user", "--man=no", path], { encoding: "utf8", env: { ...process.env, XDG_RUNTIME_DIR: folder } });
    assert.equal(status, 0, stdout + stderr);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
