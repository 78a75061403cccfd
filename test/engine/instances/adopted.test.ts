/** A machine that was adopted to be read is beyond the reach of the engine: no program, destroy or audit of a stack takes it over or ends it. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PrivateSshd } from "../../integration/ssh/sshd";
import { programWith } from "../bypass/rows/engine";
import { withScratch } from "../stack";
import { atVendor, refused, rosterComplete, succeeds } from "../steps";

test("a program under an adopted name makes nothing; a run beside the adopted machine goes its whole way and leaves it alone", async () => {
  await withScratch({}, async (scratch) => {
    const out = join(scratch.directory, "machine", "out");
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, "notes.txt"), "by hand\n");
    const sshd = await PrivateSshd.start({ home: join(scratch.directory, "machine") });
    const { host, port, user, keyPath } = sshd.target;
    try {
      await succeeds(scratch.holdfast("adopt", "--ssh", `${user}@${host}:${port}`, "--artifacts", out, "--name", "by-hand", "--key", keyPath));
      scratch.writeProgram(programWith('new TrainingRun("by-hand", values);'));
      await refused(scratch.pulumi("preview", "--stack", scratch.stack), /scratch\/test\/by-hand was adopted to be read: Holdfast did not make its machine/);
      await refused(scratch.up(), /Nothing was created/);
      assert.deepEqual(await atVendor(scratch), { instances: [], filesystems: [], keys: [] });

      // Nor is it a second run that the program forgot.
      scratch.writeProgram(programWith('new TrainingRun("quick", values);'));
      await succeeds(scratch.up());
      await rosterComplete(scratch, 2, ["quick"]);
      await succeeds(scratch.holdfast("pull", "quick"));
      await succeeds(scratch.holdfast("approve", "quick", "--confirm", scratch.custody().view().resources.get("instance")?.name ?? ""));
      await succeeds(scratch.destroy());
      assert.deepEqual(await atVendor(scratch), { instances: [], filesystems: [], keys: [] });
      assert.match(await succeeds(scratch.holdfast("pull", "by-hand")), /Receipt rcp_/);
    } finally {
      sshd.cut();
      await sshd.close();
    }
  });
});
