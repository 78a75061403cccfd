/** A key that OpenSSH cannot read would lock us out of an instance that bills. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fingerprint, keyMaterial, makeSshKeyPair } from "../../../providers/lambda/sshKeyPair";

test("ssh-keygen derives the same public key and fingerprint from the private file, whatever the comment's length", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-key-"));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  for (const comment of ["holdfast-a-b-c", "x", "seven77", "a-much-longer-comment-than-one-block-of-padding"]) {
    const pair = makeSshKeyPair(comment);
    const path = join(folder, comment);
    writeFileSync(path, pair.privateKey, { mode: 0o600 });
    assert.equal(keyMaterial(execFileSync("ssh-keygen", ["-y", "-f", path], { encoding: "utf8" })), keyMaterial(pair.publicKey));
    assert.ok(execFileSync("ssh-keygen", ["-lf", path], { encoding: "utf8" }).includes(fingerprint(pair.publicKey)));
  }
});

test("two keys are never the same", () => {
  assert.notEqual(makeSshKeyPair("a").publicKey, makeSshKeyPair("a").publicKey);
});
