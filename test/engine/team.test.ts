/** More than one person, more than one laptop: what is lost when two checkouts of one project do not know of each other. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { stringify } from "yaml";
import { openCustody, trustEntry } from "../../custody";
import { makeSshKeyPair } from "../../providers/lambda/sshKeyPair";
import type { ScratchStack } from "./stack";
import { withScratch } from "./stack";
import { atVendor, refused, rosterComplete, succeeds } from "./steps";

const nothing = { instances: [], filesystems: [], keys: [] };

const instanceName = (scratch: ScratchStack): string => scratch.custody().view().resources.get("instance")?.name ?? "";
const kinds = (scratch: ScratchStack): string[] => scratch.custody().entries().map((entry) => entry.kind);

/** Committed: whose signatures count. */
function commitTrust(persons: readonly ScratchStack[], checkouts: readonly ScratchStack[]): void {
  const keys = persons.map((scratch, index) => trustEntry({ name: `person-${index}`, publicKey: openCustody(scratch.directory).signer().publicKey }, ["pull", "approve", "break-glass"]));
  for (const { directory } of checkouts) writeFileSync(join(directory, "holdfast.trust.yaml"), stringify({ v: 1, keys }));
}

test("CI destroys what a person approved, with a receipt whose copy it reads again; without the copy, or without knowing what others recorded, it does not", async () => {
  const team = mkdtempSync(join(tmpdir(), "holdfast-team-"));
  const pair = makeSshKeyPair("ci");
  const key = join(team, "ci-key");
  writeFileSync(key, pair.privateKey, { mode: 0o600 });
  try {
    await withScratch({ config: { access: { authorizedKeys: [pair.publicKey.trim()] }, custody: { store: join(team, "store") } } }, async (person) => {
      await succeeds(person.up());
      await rosterComplete(person);
      const ci = person.anotherCheckout();
      commitTrust([person], [person, ci]);
      const made = await atVendor(person);

      // A fresh checkout is the same store, knows the run, and has nothing that would allow its end.
      await refused(ci.destroy(), /Nobody has approved[^]*refused your SSH keys[^]*holdfast recover RUN --key FILE/);
      assert.equal(openCustody(ci.directory).id, openCustody(person.directory).id);
      assert.ok(kinds(ci).includes("job.started"));
      await succeeds(ci.holdfast("recover", "scratch/test/quick", "--key", key));
      await refused(ci.destroy(), /No receipt shows[^]*Nobody has approved/);

      const copy = join(team, "pulled");
      await succeeds(person.holdfast("pull", "--to", copy));
      await succeeds(person.holdfast("approve", "--confirm", instanceName(person)));

      renameSync(copy, `${copy}-away`);
      await refused(ci.destroy(), /is not complete any more/);
      renameSync(`${copy}-away`, copy);
      ci.setVariable("HOLDFAST_CUSTODY_STORE", "s3://not-there/custody");
      for (const [name, value] of Object.entries({ AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9", AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "y", AWS_REGION: "us-east-1" })) ci.setVariable(name, value);
      await refused(ci.destroy(), /could not be asked .*so what other machines recorded of scratch\/test\/quick is not known/);
      ci.setVariable("HOLDFAST_CUSTODY_STORE", undefined);
      assert.deepEqual(await atVendor(person), made, "nothing was deleted until then");

      await succeeds(ci.destroy());
      assert.deepEqual(await atVendor(person), nothing);

      // The person's laptop learns of the end, and that its approval was used.
      const ledger = await succeeds(person.holdfast("ledger"));
      assert.match(ledger, /audit\.closed/);
      assert.equal(person.custody().view().usedApprovals.size, 1);
      assert.ok(readFileSync(join(team, "store", "runs", "scratch", "test", "quick", "ledger.jsonl"), "utf8").includes('"audit.closed"'));
      await ci.close();
    });
  } finally {
    rmSync(team, { recursive: true, force: true });
  }
});
