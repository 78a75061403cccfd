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
import { until } from "./until";

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

      // The machine of a job is thrown away: what lies on it is no copy. The team's share outlives it.
      ci.setVariable("CI", "true");
      await refused(ci.destroy(), /lies on a machine that is thrown away when its job is over[^]*HOLDFAST_COPIES=DIRECTORY/);
      assert.deepEqual(await atVendor(person), made, "still nothing was deleted");
      ci.setVariable("HOLDFAST_COPIES", team);
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

test("with everything lost but the cloud account and the config, the run is found by its names, its artifacts are listed, and can be pulled", async () => {
  const pair = makeSshKeyPair("person");
  const access = { authorizedKeys: [pair.publicKey.trim()] };
  await withScratch({ config: { access } }, async (lost) => {
    // This very loss is warned of where the state lies in the project and a vendor would bill; the sandbox bills nobody.
    lost.writeConfig({ access, lambda: { endpoint: "http://127.0.0.1:9/api/v1", image: { family: "lambda-stack-24-04" } } });
    assert.match(await succeeds(lost.pulumi("preview", "--stack", lost.stack)), /The state of this stack is kept in .*\/state, inside the project on this machine/);
    lost.writeConfig({ access });
    assert.doesNotMatch(await succeeds(lost.up()), /inside the project/);
    await rosterComplete(lost);
    await succeeds(lost.holdfast("pull"));
    const wanted = lost.custody().newestManifest();
    const made = await atVendor(lost);
    const [filesystem] = await lost.sandbox<{ path: string }[]>("/filesystems");
    const copies = join(filesystem?.path ?? "", "holdfast", "scratch", "test", "quick", "custody");

    /** A new machine: neither custody nor state, only what git has. */
    const fresh = (): { checkout: ScratchStack; key: string } => {
      const checkout = lost.anotherCheckout();
      checkout.setVariable("PULUMI_BACKEND_URL", `file://${checkout.directory}`);
      const key = join(checkout.directory, "person-key");
      writeFileSync(key, pair.privateKey, { mode: 0o600 });
      return { checkout, key };
    };

    // The copies beside the artifacts are there: history and receipt come back, distrusted as any copy.
    const first = fresh();
    const report = JSON.parse(await succeeds(first.checkout.holdfast("recover", "test/quick", "--from-api", "--key", first.key, "--json"))) as { evidence: string; artifacts: { files: number; closed: boolean }; standing: { role: string; news: boolean }[] };
    assert.equal(report.evidence, "copies");
    assert.deepEqual(report.artifacts, { files: wanted?.files.length, bytes: wanted?.files.reduce((sum, file) => sum + file.bytes, 0), closed: true });
    assert.deepEqual(report.standing.map(({ role, news }) => [role, news]), [["sshKey", false], ["filesystem", false], ["instance", false]]);
    assert.ok(kinds(first.checkout).includes("custody.recovered"));
    await first.checkout.close();

    // Not even those: a ledger is begun from the API, and what is there can be pulled all the same.
    rmSync(copies, { recursive: true });
    const second = fresh();
    const output = await succeeds(second.checkout.holdfast("recover", "test/quick", "--from-api", "--key", second.key));
    assert.match(output, /a new one was begun from what the API shows[^]*instance holdfast-quick-.*which no ledger knew[^]*Read through ubuntu@/);
    assert.equal(second.checkout.custody().view().jobEverStarted, true);
    await succeeds(second.checkout.holdfast("pull"));
    assert.deepEqual(second.checkout.custody().newestManifest()?.files, wanted?.files);
    await succeeds(second.checkout.holdfast("approve", "--confirm", instanceName(second.checkout)));

    // No machine: it is said what has to be read, and with what; nothing is taken for gone.
    const third = fresh();
    await lost.post("/instance-operations/terminate", { instance_ids: made.instances.map(({ id }) => id) });
    await until("the instance is gone", async () => (await atVendor(lost)).instances.length === 0);
    const blind = await third.checkout.holdfast("recover", "test/quick", "--from-api", "--key", third.key);
    assert.equal(blind.exitCode, 5, blind.output);
    assert.match(blind.output, /filesystem holdfast-quick-.*which no ledger knew[^]*No instance of it stands[^]*next: holdfast rescue scratch\/test\/quick/);
    assert.deepEqual(third.checkout.custody().view().live.map(({ role }) => role).sort(), ["filesystem", "sshKey"]);
    await third.checkout.close();
    await second.checkout.close();
  });
});
