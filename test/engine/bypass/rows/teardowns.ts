/** What happens once the gate has allowed, when nobody can look any more, and in another checkout: each on a stack of its own. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LedgerEntry } from "../../../../custody";
import { makeSshKeyPair } from "../../../../providers/lambda/sshKeyPair";
import { rewriteLedger } from "../forge";
import type { Row } from "../row";
import type { Scene } from "../scene";
import { addFile, blockPath, editFile, nothingStands, withScene } from "../scene";
import { assertGrant } from "./runs";

async function finish(scene: Scene): Promise<void> {
  await scene.succeeds("pulumi up");
  await scene.rosterEnds();
}

async function finishAndApprove(scene: Scene): Promise<void> {
  await finish(scene);
  await scene.succeeds("holdfast pull");
  await scene.succeeds("holdfast approve --confirm NAME");
}

const knobs = (scene: Scene, body: Readonly<Record<string, unknown>>): Promise<unknown> => scene.scratch.sandbox("/knobs", { method: "PATCH", body });

/** Lets the grant, and with it all that was written before it, grow older than a grant lives. */
const letGrantExpire = (scene: Scene): void => { age(scene, 25); };

/** Lets the grant, and with it all that was written before it, grow older by so many hours. */
function age(scene: Scene, hours: number): void {
  const older = (time: string): string => new Date(Date.parse(time) - hours * 3_600_000).toISOString();
  rewriteLedger(scene.run, (entry) => {
    if (entry.kind !== "grant.sealed") return { ...entry, at: older(entry.at) };
    const { grant } = (entry as LedgerEntry<"grant.sealed">).data;
    return { ...entry, at: older(entry.at), data: { grant: { ...grant, at: older(grant.at), expiresAt: older(grant.expiresAt) } } };
  });
}

export const afterTheGate: readonly Row[] = [
  {
    kind: "followed", id: "instance-delete-fails", when: "the gate allowed and is gone from the state; then the vendor refuses to terminate the instance", typed: ["pulumi destroy", "pulumi destroy"],
    by: ["vendor"], stands: "instance and file system after the first, nothing after the second: the grant covers its own retries", ledger: "one grant, used by both; deletions, audit",
    follow: () => withScene({}, async (scene) => {
      await finishAndApprove(scene);
      const before = await scene.standing();
      await knobs(scene, { account: "inactive" });
      const first = await scene.type("pulumi destroy");
      assert.notEqual(first.exitCode, 0, first.output);
      assert.match(first.output, /Gate open/);
      await knobs(scene, { account: "active" });
      assert.deepEqual(await scene.standing(), before);
      await assert.rejects(scene.urn("gate"), /no gate in state/);
      await scene.succeeds("pulumi destroy");
      assert.deepEqual(await scene.standing(), nothingStands);
      assert.equal(scene.entries().filter((entry) => entry.kind === "grant.sealed").length, 1);
      assert.equal(scene.run.view().auditClosed?.billing, 0);
    }),
  },
  {
    kind: "followed", id: "grant-then-new-files", when: "the gate allowed, the vendor refused, and before the teardown is taken up again somebody puts files on the file system by hand", typed: ["pulumi destroy", "pulumi destroy", "holdfast approve --confirm NAME", "pulumi destroy"],
    by: ["vendor", "provider lock"], stands: "everything until the new files were named in an approval too: a grant goes no further than what the person was shown", ledger: "grant; refused: approval-used, unclaimed-data; a second approval and grant; deletions, audit",
    follow: () => withScene({}, async (scene) => {
      await finishAndApprove(scene);
      const before = await scene.standing();
      await knobs(scene, { account: "inactive" });
      assert.match((await scene.type("pulumi destroy")).output, /Gate open/);
      await knobs(scene, { account: "active" });
      addFile(join(await scene.tier(), "notes/findings.md"), "do not lose");
      age(scene, 0.5);
      await scene.refuses("pulumi destroy", ["approval-used", "unclaimed-data"]);
      assert.match(await scene.succeeds("holdfast approve --confirm NAME"), /notes/);
      assert.deepEqual(await scene.standing(), before);
      await scene.succeeds("pulumi destroy");
      assert.deepEqual(await scene.standing(), nothingStands);
    }),
  },
  {
    kind: "followed", id: "filesystem-after-last-instance", when: "the instance is gone, deleting the file system failed, and the grant expired meanwhile: no machine can read it any more", typed: ["pulumi destroy", "pulumi destroy", "holdfast approve --accept-unreachable --confirm NAME", "pulumi destroy"],
    by: ["vendor", "provider lock"], stands: "the file system, until somebody accepts that nobody can look", ledger: "grant; refused: grant-expired and what follows from it; a second approval and grant; deletions, audit",
    follow: () => withScene({}, async (scene) => {
      await finishAndApprove(scene);
      const before = await scene.standing();
      await knobs(scene, { fail5xx: [{ method: "DELETE", path: "/api/v1/filesystems", count: 1000, status: 500 }] });
      const first = await scene.type("pulumi destroy");
      assert.notEqual(first.exitCode, 0, first.output);
      await knobs(scene, { fail5xx: [] });
      assert.deepEqual(await scene.standing(), { ...before, instances: [], keys: [] });
      letGrantExpire(scene);
      const mark = scene.entries().length;
      const second = await scene.type("pulumi destroy");
      assert.notEqual(second.exitCode, 0, second.output);
      assert.match(second.output, /Grant grt_\w+ of scratch\/test\/quick expired/);
      assert.ok(scene.refusedSince(mark).includes("grant-expired"));
      assert.deepEqual((await scene.standing()).filesystems, before.filesystems);
      await scene.succeeds("holdfast approve --accept-unreachable --confirm quick");
      await scene.succeeds("pulumi destroy");
      assert.deepEqual(await scene.standing(), nothingStands);
    }),
  },
  {
    kind: "followed", id: "break-glass", when: "nobody pulled, and somebody with the role breaks the glass", typed: ["holdfast break-glass --reason 'the disk is corrupt' --expires 1h --confirm NAME", "pulumi destroy"],
    by: [], stands: "nothing: there is an override, and it is loud", ledger: "the document with its reason and what is lost; grant (break-glass), deletions, audit",
    follow: () => withScene({}, async (scene) => {
      await finish(scene);
      const signed = await scene.succeeds("holdfast break-glass --reason 'the disk is corrupt' --expires 1h --confirm NAME");
      assert.match(signed, /BREAK GLASS/);
      const output = await scene.succeeds("pulumi destroy");
      assert.match(output, /BREAK GLASS: bgl_\w+, signed by local, overrides every refusal/);
      assert.match(output, /Reason: the disk is corrupt/);
      assert.deepEqual(await scene.standing(), nothingStands);
      assertGrant(scene, "break-glass");
      assert.equal(scene.entries().filter((entry) => entry.kind === "breakglass.signed").length, 1);
    }),
  },
  {
    kind: "followed", id: "update-failed-half-way", when: "pulled and approved; then an update that added a cell started it and failed after that", typed: ["pulumi up", "pulumi destroy", "holdfast pull", "holdfast approve --confirm NAME", "pulumi destroy"],
    by: ["gate"], stands: "everything until what the new cell made was pulled and approved too", ledger: "refused: receipt-stale, approval-other; receipt, approval, grant, deletions, audit",
    follow: () => withScene({}, async (scene) => {
      await finishAndApprove(scene);
      const before = await scene.standing();
      scene.editJob((job) => `${job}  - {name: c, args: ["3"]}\n`);
      // The last thing that an update does is to copy the ledger beside the artifacts.
      const undo = blockPath(join(await scene.artifacts(), "custody"));
      const up = await scene.type("pulumi up");
      assert.notEqual(up.exitCode, 0, up.output);
      assert.deepEqual(await scene.standing(), before);
      await scene.rosterEnds(["a", "b", "c"]);
      await undo();
      await scene.refuses("pulumi destroy", ["approval-other", "receipt-stale"]);
      await scene.succeeds("holdfast pull");
      await scene.succeeds("holdfast approve --confirm NAME");
      await scene.succeeds("pulumi destroy");
      assert.deepEqual(await scene.standing(), nothingStands);
      assertGrant(scene, "receipt-and-approval");
    }),
  },
];

export const elsewhere: readonly Row[] = [
  {
    kind: "followed", id: "stack-renamed", when: "the stack is renamed under its run", typed: ["pulumi stack rename other", "pulumi up"],
    by: ["provider lock"], stands: "everything; nothing is replaced, and no other run begun; with its old name the stack goes on", ledger: "nothing",
    follow: () => withScene({}, async (scene) => {
      await finish(scene);
      const [before, mark] = [await scene.standing(), scene.entries().length];
      const { scratch } = scene;
      const rename = async (from: string, to: string): Promise<void> => {
        const { exitCode, output } = await scratch.pulumi("stack", "rename", to, "--stack", from);
        assert.equal(exitCode, 0, output);
      };
      await rename("test", "other");
      const up = await scratch.pulumi("up", "--yes", "--skip-preview", "--stack", "other");
      assert.notEqual(up.exitCode, 0, up.output);
      assert.match(up.output, /belongs to run scratch\/test\/quick, and the program now calls it scratch\/other\/quick: the stack or the project was renamed\. Nothing was changed\./);
      await rename("other", "test");
      await scene.succeeds("pulumi up");
      assert.deepEqual(await scene.standing(), before);
      assert.deepEqual(scene.kindsSince(mark).filter((kind) => kind !== "note"), []);
    }),
  },
  {
    kind: "followed", id: "console-deletes", when: "instance and file system are deleted in the vendor's console: nothing here can refuse that, and the audit finds it", typed: ["holdfast audit", "pulumi destroy"],
    by: ["gate"], stands: "nothing but the key; a destroy goes on asking for what nobody proved", ledger: "a note of what is gone, once; refused: no-approval, no-manifest, not-reachable",
    follow: () => withScene({}, async (scene) => {
      await finish(scene);
      const { instances: [instance = ""], filesystems: [filesystem = ""], keys } = await scene.standing();
      await scene.vendorTerminates(instance);
      await scene.vendorDeletes(`/filesystems/${filesystem}`);
      assert.deepEqual(await scene.standing(), { instances: [], filesystems: [], keys });
      for (let looks = 0; looks < 2; looks += 1) assert.match(await scene.succeeds("holdfast audit"), /filesystem holdfast-quick\S+, instance holdfast-quick\S+ are not at the vendor any more, and nobody here ended them/);
      const notes = scene.entries().filter(({ kind, data }) => kind === "note" && /nobody here ended it: .*filesystem holdfast-quick/.test(JSON.stringify(data)));
      assert.equal(notes.length, 1);
      await scene.refuses("pulumi destroy", ["no-approval", "no-manifest", "not-reachable"]);
    }),
  },
  {
    kind: "followed", id: "unreachable", when: "the machine does not answer", typed: ["pulumi destroy", "holdfast approve --confirm NAME", "holdfast approve --accept-unreachable --confirm NAME", "pulumi destroy"],
    by: ["gate", "command"], stands: "everything until somebody accepts that newer data may be lost", ledger: "refused: not-reachable, no-approval; the approval that accepts it, grant, deletions, audit",
    follow: () => withScene({}, async (scene) => {
      await finish(scene);
      await scene.succeeds("holdfast pull");
      const [instance] = (await scene.standing()).instances;
      await scene.scratch.sandbox(`/instances/${instance}/poweroff`, { method: "POST", body: {} });
      await scene.refuses("pulumi destroy", ["no-approval", "not-reachable"]);
      const approve = await scene.type("holdfast approve --confirm NAME");
      assert.equal(approve.exitCode, 3, approve.output);
      assert.match(approve.output, /next: holdfast approve scratch\/test\/quick --accept-unreachable/);
      await scene.succeeds("holdfast approve --accept-unreachable --confirm NAME");
      const output = await scene.succeeds("pulumi destroy");
      assert.match(output, /accepts that nobody can look/);
      assert.deepEqual(await scene.standing(), nothingStands);
    }),
  },
  {
    kind: "followed", id: "ledger-rolled-back", when: "the ledger is an older copy, from before anything was launched: its chain holds", typed: ["pulumi destroy", "holdfast recover scratch/test/quick", "pulumi destroy"],
    by: ["gate"], stands: "everything: a ledger that knows less than the state proves nothing", ledger: "recovered from the copy beside the artifacts; refused: no-receipt, no-approval",
    follow: () => withScene({}, async (scene) => {
      await finish(scene);
      const before = await scene.standing();
      editFile(scene.run.paths.ledger, (bytes) => Buffer.from(`${bytes.toString("utf8").split("\n")[0] ?? ""}\n`));
      const destroy = await scene.type("pulumi destroy");
      assert.notEqual(destroy.exitCode, 0, destroy.output);
      assert.match(destroy.output, /next: holdfast recover scratch\/test\/quick/);
      assert.deepEqual(await scene.standing(), before);
      await scene.succeeds("holdfast recover scratch/test/quick");
      await scene.refuses("pulumi destroy", ["no-approval", "no-receipt"]);
    }),
  },
  {
    kind: "followed", id: "second-checkout-up", when: "an update in another checkout, without this run's custody, that replaces the instance", typed: ["pulumi up", "pulumi up --replace {instance}"],
    by: ["provider lock"], stands: "everything, and no second instance: an empty custody takes nothing over", ledger: "the run's own is not here, so nothing; the command says how to recover it",
    follow: () => withScene({}, async (scene) => {
      await finish(scene);
      const before = await scene.standing();
      scene.withoutCustody();
      for (const line of ["pulumi up", "pulumi up --replace {instance}"]) {
        const up = await scene.type(line);
        assert.notEqual(up.exitCode, 0, up.output);
        assert.deepEqual(await scene.standing(), before, up.output);
      }
    }),
  },
  {
    kind: "followed", id: "second-checkout-recovers", when: "another checkout whose person may log in: destroy is refused there; recovered, pulled and approved there, it leads through", typed: ["pulumi destroy", "holdfast recover scratch/test/quick --key KEY", "holdfast pull", "holdfast approve --confirm NAME", "pulumi destroy"],
    by: ["gate"], stands: "everything until custody is recovered and the loss approved there", ledger: "recovered, then receipt, approval, grant, deletions, audit",
    follow: () => {
      const pair = makeSshKeyPair("colleague");
      return withScene({ config: { access: { authorizedKeys: [pair.publicKey.trim()] } } }, async (scene) => {
        const key = join(scene.scratch.directory, "colleague", "id_ed25519");
        mkdirSync(join(key, ".."));
        writeFileSync(key, pair.privateKey, { mode: 0o600 });
        await finish(scene);
        const before = await scene.standing();
        scene.withoutCustody();
        const destroy = await scene.type("pulumi destroy");
        assert.notEqual(destroy.exitCode, 0, destroy.output);
        assert.match(destroy.output, /is not here/);
        assert.deepEqual(await scene.standing(), before);
        await scene.succeeds(`holdfast recover scratch/test/quick --key ${key}`);
        assert.ok(existsSync(scene.run.paths.ledger));
        await scene.refuses("pulumi destroy", ["no-approval", "no-receipt"]);
        await scene.succeeds("holdfast pull");
        await scene.succeeds("holdfast approve --confirm NAME");
        await scene.succeeds("pulumi destroy");
        assert.deepEqual(await scene.standing(), nothingStands);
      });
    },
  },
];
