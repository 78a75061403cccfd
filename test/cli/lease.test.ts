/** A lease is somebody's, is renewed and ended by an explicit act, and its end destroys nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { withProject } from "./project";

interface Shown {
  readonly lease: { readonly owner: string | null; readonly until: string; readonly renewals: number; readonly ended: boolean } | null;
  readonly leftSeconds: number | null;
  readonly maxUsd: number | null;
}

test("a lease is what the budget says, until it is renewed or ended by a person", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    const shown = async (...argv: string[]): Promise<Shown> => {
      const { code, stdout, stderr } = await project.holdfast("lease", ...argv, "--json");
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout) as Shown;
    };
    const implied = await shown();
    assert.deepEqual([implied.lease?.owner, implied.lease?.renewals, implied.maxUsd], [null, 0, 2]);
    assert.ok((implied.leftSeconds ?? 0) > 7000 && (implied.leftSeconds ?? 0) <= 7200, "budget.maxHours from the first launch");

    const renewed = await shown("renew", "--for", "6h", "--reason", "the sweep grew");
    assert.equal(renewed.lease?.renewals, 1);
    assert.ok((renewed.leftSeconds ?? 0) > 5.9 * 3600);
    const shorter = await project.holdfast("lease", "renew", "--for", "10m");
    assert.equal(shorter.code, 4);
    assert.match(shorter.stderr, /runs until .* anyway/);

    const ended = await shown("end", "digits");
    assert.equal(ended.lease?.ended, true);
    assert.match((await project.holdfast("lease")).stdout, /ended .* ago; owner .*@[^]*next: holdfast lease renew lab\/dev\/digits --for 6h/);
    assert.equal((await project.holdfast("lease", "end")).code, 4);
    assert.equal(run.view().resources.size, 4, "nothing was destroyed");
    assert.match((await project.holdfast("ledger")).stdout, /lease\.renewed +until .*: the sweep grew/);
    const again = await shown("renew", "--for", "30m");
    assert.deepEqual([again.lease?.ended, again.lease?.renewals], [false, 2]);

    project.endRun(run);
    assert.equal((await project.holdfast("lease", "renew", "digits", "--for", "1h")).code, 4);
  });
});

test("a standing approval is typed, shown and taken back, and says what else must be named", async () => {
  await withProject(async (project) => {
    const run = project.declareRun();
    const unnamed = await project.holdfast("approve", "--standing", "--confirm", "lab-digits");
    assert.equal(unnamed.code, 3, unnamed.stderr);
    assert.match(unnamed.stderr, /takes the storage with the artifacts along \(filesystem\)[^]*next: holdfast approve lab\/dev\/digits --standing --also filesystem/);
    const asked = await project.holdfast("approve", "--standing", "--also", "filesystem");
    assert.equal(asked.code, 3);
    assert.match(asked.stderr, /next: holdfast approve lab\/dev\/digits --standing --also filesystem --confirm lab-digits/);
    assert.equal(run.standing().length, 0);

    const signed = await project.holdfast("approve", "--standing", "--also", "filesystem", "--max-usd", "40", "--expires", "3d", "--confirm", "lab-digits");
    assert.equal(signed.code, 0, signed.stderr);
    assert.match(signed.stdout, /Once lab\/dev\/digits is complete, pulled and proven[^]*Signed by local: standing approval sta_/);
    const [standing] = run.standing();
    assert.deepEqual(standing?.content.allows.map(({ role, verb }) => `${verb} ${role}`).sort(), ["delete filesystem", "delete job", "delete sshKey", "terminate instance"]);
    assert.equal(standing.content.maxUsd, 40);
    assert.match((await project.holdfast("ledger")).stdout, /standing\.signed +sta_[0-9a-f]+: once verified/);

    const refused = await project.holdfast("approve", "--confirm", "lab-digits", "--json");
    assert.equal(refused.code, 3, "the machine does not answer, and a standing approval never counts then");
    assert.equal((await project.holdfast("approve", "--revoke-standing", "--reason", "the sweep goes on")).code, 0);
    assert.ok(run.view().revokedStanding.has(standing.content.id));
    assert.equal((await project.holdfast("approve", "--revoke-standing")).code, 4);
  });
});

test("options of a standing approval that say nothing are told", async () => {
  await withProject(async (project) => {
    project.declareRun();
    for (const argv of [["--also", "filesystem"], ["--max-usd", "3"], ["--standing", "--accept-unreachable"], ["--standing", "--replace", "instance"], ["--standing", "--revoke-standing"], ["--standing", "--partial", "a", "--reason", "x"]]) {
      const { code, stderr } = await project.holdfast("approve", ...argv);
      assert.equal(code, 2, `${argv.join(" ")}\n${stderr}`);
      assert.match(stderr, /next: /);
    }
    assert.equal((await project.holdfast("approve", "--standing", "--expires", "91d", "--also", "filesystem")).code, 2);
  });
});
