/** A colleague's update cannot tell whether a secret changed: it must neither send another value unasked nor say that it did. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeSshKeyPair } from "../../../providers/lambda/sshKeyPair";
import { withScratch } from "../stack";
import { atVendor, rosterComplete, succeeds } from "../steps";

test("a colleague's up leaves the secrets of a run as they are and says why; told to, it sends them; nothing is started again", async () => {
  const team = mkdtempSync(join(tmpdir(), "holdfast-team-"));
  const pair = makeSshKeyPair("colleague");
  const key = join(team, "key");
  writeFileSync(key, pair.privateKey, { mode: 0o600 });
  try {
    await withScratch({ config: { access: { authorizedKeys: [pair.publicKey.trim()] }, custody: { store: join(team, "store") } } }, async (person) => {
      person.writeJob((job) => job.replace("roster:", "secrets: [DATA_TOKEN]\nroster:"));
      person.setVariable("DATA_TOKEN", "the-first-value");
      await succeeds(person.up());
      await rosterComplete(person);
      const made = await atVendor(person);
      const [machine] = await person.sandbox<{ disk: string }[]>("/instances");
      const sent = (): string => readFileSync(join(machine?.disk ?? "", "home", "holdfast", "secrets", "quick"), "utf8");
      const starts = (): number => person.custody().entries().filter(({ kind }) => kind === "job.started").length;

      const colleague = person.anotherCheckout();
      try {
        await succeeds(colleague.holdfast("recover", "scratch/test/quick", "--key", key));
        colleague.setVariable("DATA_TOKEN", "a-colleagues-value");
        const left = await succeeds(colleague.up());
        assert.match(left, /note: DATA_TOKEN: the value was sent from another checkout/);
        assert.doesNotMatch(left, /new values of/);
        assert.match(sent(), /the-first-value/);

        colleague.setVariable("HOLDFAST_SEND_SECRETS", "1");
        assert.match(await succeeds(colleague.up()), /new values of DATA_TOKEN are on the instance/);
        assert.match(sent(), /a-colleagues-value/);
        colleague.setVariable("HOLDFAST_SEND_SECRETS", undefined);
        assert.doesNotMatch(await succeeds(colleague.up()), /DATA_TOKEN/, "its own marks can be compared again");
      } finally {
        await colleague.close();
      }
      await succeeds(person.holdfast("ls"));
      assert.match(await succeeds(person.up()), /note: DATA_TOKEN: the value was sent from another checkout/);
      assert.match(sent(), /a-colleagues-value/);
      assert.equal(starts(), 1, "nothing was started again");
      assert.deepEqual(await atVendor(person), made);
    });
  } finally {
    rmSync(team, { recursive: true, force: true });
  }
});
