/** holdfast verify --in-place over a real sshd: the durable tier is read through it, and nothing is kept here. */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import type { RunCustody } from "../../custody";
import type { Plan } from "../../profiles/plan";
import { durableTier } from "../custody/durableTier";
import { PrivateSshd } from "../integration/ssh/sshd";
import type { TestProject } from "./project";
import { withProject } from "./project";

/** The run of `declareRun`; its machine is this one, its run directory a folder of the project. */
function standHere(project: TestProject, sshd: PrivateSshd): { run: RunCustody; directory: string } {
  const config = readFileSync(join(project.root, "Pulumi.dev.yaml"), "utf8");
  project.write("Pulumi.dev.yaml", config.replace("storage: delete, require: pulled", "storage: keep, require: verifiedInPlace"));
  const run = project.declareRun();
  const { directory } = durableTier(join(project.root, "tier"));
  // Scripts go to the own disk, which is this machine's: into a folder of the project, not the image's home.
  const { plan, endpoint, roster } = { ...run.view(), roster: [...run.view().roster] };
  run.append("run.declared", { run: run.ref, custodyId: project.custody.id, endpoint, roster, plan: { ...(plan as Plan), ownDisk: { ...(plan as Plan).ownDisk, home: join(project.root, "home") } } });
  const { host, port, user, keyPath } = sshd.target;
  run.append("address.changed", { instance: "i-1", host, port, user });
  // Asked only whether it is a mount point, which this is everywhere.
  run.append("resource.created", { role: "job", kind: "RemoteJob", id: "job-digits", name: "job-digits", details: { directory, scripts: resolve("remote"), spec: "s", code: "c", session: "t", mountPoint: "/proc", filesystemId: "fs-1" } });
  mkdirSync(run.paths.ssh, { recursive: true, mode: 0o700 });
  copyFileSync(keyPath, join(run.paths.ssh, "lab-key"));
  return { run, directory };
}

test("artifacts that stay are proven where they lie, with a receipt and no copy; what does not load gets none", async () => {
  const sshd = await PrivateSshd.start();
  try {
    await withProject(async (project) => {
      const { run, directory } = standHere(project, sshd);
      const good = await project.holdfast("verify", "--in-place");
      assert.equal(good.code, 0, good.stderr);
      assert.match(good.stdout, /read where they lie \(.*\)\. No copy was kept\.\n {2}next: holdfast approve lab\/dev\/digits/);
      const [receipt] = run.receipts();
      assert.deepEqual([receipt?.trusted, receipt?.content.how, receipt?.content.place.directory], [true, "verifiedInPlace", directory]);
      assert.equal(existsSync(run.paths.pulled), false);
      assert.deepEqual(readdirSync(join(run.dir, "tmp")), []);
      assert.ok(existsSync(join(directory, "custody", "receipts", `${receipt?.content.id ?? ""}.dsse.json`)), "the evidence lies beside the artifacts");

      writeFileSync(join(directory, "cells/b/checkpoints/step-10.safetensors"), "cut");
      const bad = await project.holdfast("verify", "--in-place");
      assert.equal(bad.code, 6, bad.stderr);
      assert.match(bad.stderr, /cells\/b\/checkpoints\/step-10\.safetensors[\s\S]*holdfast verify lab\/dev\/digits --in-place --partial b/);
      assert.equal(run.receipts().length, 1);
      const given = await project.holdfast("verify", "--in-place", "--partial", "b", "--json");
      assert.equal(given.code, 0, given.stderr);
      const said = JSON.parse(given.stdout) as Record<string, unknown> & { notLoaded: { cell: string }[] };
      assert.deepEqual([said.notLoaded.map(({ cell }) => cell), said["how"], said["closed"], said["enoughForTheEnd"], said["because"]], [["b"], "verifiedInPlace", true, true, null]);
    });
  } finally {
    await sshd.close();
  }
});
