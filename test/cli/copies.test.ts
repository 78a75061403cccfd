/** The evidence beside the artifacts is complete and current after every command that wrote any: it is what a colleague recovers from. */
import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { RunCustody } from "../../custody";
import { PrivateSshd } from "../integration/ssh/sshd";
import { withProject } from "./project";
import { standHere } from "./standHere";

const documents = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith(".")).sort() : []);

function assertCopied(run: RunCustody, directory: string, after: string): void {
  const copies = join(directory, "custody");
  assert.equal(readFileSync(join(copies, "ledger.jsonl"), "utf8"), readFileSync(run.paths.ledger, "utf8"), `the ledger after ${after}`);
  for (const folder of ["manifests", "receipts", "approvals", "standing", "breakglass"]) {
    assert.deepEqual(documents(join(copies, folder)), documents(join(run.dir, folder)), `${folder} after ${after}`);
  }
}

test("after every command that signs or records, whoever recovers from the durable tier knows as much as this machine", async () => {
  const sshd = await PrivateSshd.start();
  try {
    await withProject(async (project) => {
      const { run, directory } = standHere(project, sshd);
      const checkpoint = join(directory, "cells/b/checkpoints/step-10.safetensors");
      const good = readFileSync(checkpoint);
      const name = "lab-digits";
      const steps: readonly (readonly [number, ...string[]])[] = [
        [0, "pull"],
        [0, "verify", "--in-place"],
        [0, "lease", "renew", "digits", "--for", "6h"],
        [0, "approve", "--confirm", name],
        [0, "break-glass", "--reason", "the region closes tonight", "--expires", "1h", "--confirm", name],
        [0, "lease", "end", "digits"],
      ];
      for (const [code, ...words] of steps) {
        const before = run.entries().length;
        const outcome = await project.holdfast(...words);
        assert.equal(outcome.code, code, `${words.join(" ")}: ${outcome.stderr}`);
        assert.ok(run.entries().length > before, words.join(" "));
        assertCopied(run, directory, words.join(" "));
      }
      cpSync(run.paths.pulled, join(project.root, "nas"), { recursive: true });
      assert.equal((await project.holdfast("relocate", "digits", "nas")).code, 0);
      assertCopied(run, directory, "relocate");
      // A command that failed has recorded why.
      writeFileSync(checkpoint, "cut");
      assert.equal((await project.holdfast("pull")).code, 6);
      assert.equal(run.entries().at(-1)?.kind, "verify.failed");
      assertCopied(run, directory, "a pull that failed");
      writeFileSync(checkpoint, good);
      // What was lost there meanwhile is brought there again.
      rmSync(join(directory, "custody"), { recursive: true });
      assert.equal((await project.holdfast("pull")).code, 0);
      assertCopied(run, directory, "the copies were deleted");
    });
  } finally {
    await sshd.close();
  }
});
