/** holdfast verify --in-place over a real sshd: the durable tier is read through it, and nothing is kept here. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PrivateSshd } from "../integration/ssh/sshd";
import { withProject } from "./project";
import { standHere } from "./standHere";

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
