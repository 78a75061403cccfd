/** Receipts, copies and approvals that are not what they should be: everything else about the run is in order. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Approval, Receipt } from "../../../../custody";
import { APPROVAL, approvalLike, breakGlassFor, editEnvelope, grantLike, inHours, receiptLike, RECEIPT, writeByStranger, writeOfVersion2 } from "../forge";
import type { Refused, Row } from "../row";
import type { Undo } from "../scene";
import type { Scene } from "../scene";
import { addFile, editFile, flipBit, hideFiles } from "../scene";

const refused = { kind: "refused", phase: "approved", by: "gate", exit: 1, typed: ["pulumi destroy"] } as const;
const pullAgain = ["holdfast pull scratch/test/quick"] as const;
const approveAgain = ["holdfast approve scratch/test/quick"] as const;

/** All undone, last first. */
const together = (...undos: readonly Undo[]): Undo => async () => { for (const undo of [...undos].reverse()) await undo(); };

/** Only this receipt is there. */
const onlyReceipt = (write: (scene: Scene, like: (edit: Partial<Receipt>) => Receipt) => void): Pick<Refused, "prepare"> => ({
  prepare: (scene) => {
    const { run } = scene;
    const receipt = receiptLike(run, {});
    const undo = hideFiles(run.paths.receipts);
    write(scene, (edit) => ({ ...receipt, ...edit }));
    return undo;
  },
});

/** Only this approval is there. */
const onlyApproval = (edit: (approval: Approval) => Partial<Approval>, write: (scene: Scene, approval: Approval) => void = ({ run }, approval) => { run.signApproval(approval); }): Pick<Refused, "prepare"> => ({
  prepare: async (scene) => {
    const approval = await approvalLike(scene.run, edit);
    const undo = hideFiles(scene.run.paths.approvals);
    write(scene, approval);
    return undo;
  },
});

const copyOf = (path: string, edit: (bytes: Buffer) => Buffer | null): Pick<Refused, "prepare"> => ({ prepare: (scene) => editFile(join(scene.pulled, path), edit) });
const artifact = (edit: (artifacts: string) => Undo): Pick<Refused, "prepare"> => ({ prepare: async (scene) => edit(await scene.artifacts()) });
const checkpoint = "cells/a/checkpoints/step-000003.safetensors";

export const receipts: readonly Row[] = [
  { ...refused, id: "receipt-none", when: "the receipt is deleted", codes: ["no-receipt"], says: [/No receipt shows/], next: pullAgain, ...onlyReceipt(() => undefined) },
  { ...refused, id: "receipt-stale", when: "an artifact on the file system changed after the pull", codes: ["approval-other", "receipt-stale"], says: [/what changed since was not pulled/], next: pullAgain, ...artifact((run) => editFile(join(run, checkpoint), flipBit)) },
  { ...refused, id: "artifact-added", when: "an artifact was added after the pull", codes: ["approval-other", "receipt-stale"], says: [/what changed since was not pulled/], next: pullAgain, ...artifact((run) => addFile(join(run, "cells/a/checkpoints/step-000009.safetensors"), "new")) },
  { ...refused, id: "artifact-removed", when: "an artifact on the file system disappeared after the pull", codes: ["approval-other", "receipt-stale"], says: [/what changed since was not pulled/], next: pullAgain, ...artifact((run) => editFile(join(run, checkpoint), () => null)) },
  { ...refused, id: "receipt-of-stranger", when: "the receipt is signed with a key that nobody trusts", codes: ["receipt-copy-missing", "receipt-untrusted"], says: [/is not in .*trust\.yaml/], next: pullAgain, ...onlyReceipt((scene, like) => { writeByStranger(scene, RECEIPT, like({})); }) },
  { ...refused, id: "receipt-edited", when: "the receipt was edited after it was signed", codes: ["receipt-copy-missing", "receipt-untrusted"], says: [/changed after it was signed/], next: pullAgain, prepare: (scene) => editFile(join(scene.run.paths.receipts, `${scene.run.receipts().at(-1)?.content.id ?? ""}.dsse.json`), (bytes) => editEnvelope(bytes, (text) => text.replace(/"at":"2/, '"at":"1'))) },
  { ...refused, id: "receipt-from-future", when: "the receipt is dated in the future", codes: ["receipt-untrusted"], says: [/dated in the future/], next: pullAgain, ...onlyReceipt((scene, like) => { scene.run.signReceipt(like({ at: inHours(2) })); }) },
  { ...refused, id: "receipt-of-other-run", when: "the receipt is for another run", codes: ["receipt-untrusted"], says: [/it is for scratch\/test\/other/], next: pullAgain, ...onlyReceipt((scene, like) => { scene.run.signReceipt(like({ run: { project: "scratch", stack: "test", name: "other" } })); }) },
  { ...refused, id: "receipt-of-other-machine", when: "the receipt speaks of a copy on another machine", codes: ["receipt-elsewhere"], says: [/is on another machine/], next: pullAgain, ...onlyReceipt((scene, like) => { scene.run.signReceipt(like({ place: { host: "laptop.example.com", directory: "/home/ann/pulled" } })); }) },
  { ...refused, id: "copy-of-thrown-away-machine", when: "the copy lies on a machine that is thrown away with its job (CI is set)", codes: ["receipt-temporary"], says: [/thrown away when its job is over/], next: [...pullAgain, "HOLDFAST_COPIES=DIRECTORY holdfast pull scratch/test/quick --to DIRECTORY/quick (a folder that outlives this machine; set it for pulumi destroy too)"], prepare: ({ scratch }) => { scratch.setVariable("CI", "true"); return () => { scratch.setVariable("CI", undefined); }; } },
  {
    ...refused, id: "copy-is-the-storage", when: "the receipt's copy is the file system itself, mounted on this machine", codes: ["receipt-copy-goes"], says: [/lies on the run's own storage or machine, under another name/], next: pullAgain,
    prepare: async (scene) => {
      const { run } = scene;
      const receipt = receiptLike(run, {});
      const directory = await scene.artifacts();
      const undo = hideFiles(run.paths.receipts);
      run.signReceipt({ ...receipt, place: { ...receipt.place, directory } });
      return undo;
    },
  },
  { ...refused, id: "receipt-of-unknown-version", when: "the receipt is of a version that this program does not know", codes: ["no-receipt"], says: [/No receipt shows/], next: pullAgain, ...onlyReceipt((scene, like) => { writeOfVersion2(scene, like({})); }) },
  { ...refused, id: "receipt-in-place", when: "the artifacts were only verified on the file system that goes", codes: ["no-receipt"], says: [/only verified in place, and the place itself goes/], next: pullAgain, ...onlyReceipt((scene, like) => { scene.run.signReceipt(like({ how: "verifiedInPlace" })); }) },
  { ...refused, id: "copy-bit-flipped", when: "one bit of the local copy changed", codes: ["receipt-copy-differs"], says: [/was changed or damaged since/], next: pullAgain, ...copyOf(checkpoint, flipBit) },
  { ...refused, id: "copy-truncated", when: "a file of the local copy was cut off", codes: ["receipt-copy-differs"], says: [/was changed or damaged since/], next: pullAgain, ...copyOf("cells/b/metrics.json", (bytes) => bytes.subarray(0, bytes.length - 1)) },
  { ...refused, id: "copy-removed", when: "a file of the local copy was removed", codes: ["receipt-copy-missing"], says: [/is not complete any more/], next: pullAgain, ...copyOf(checkpoint, () => null) },
];

export const approvals: readonly Row[] = [
  { ...refused, id: "approval-none", when: "pulled and proven, and nobody approved", codes: ["no-approval"], says: [/Nobody has approved to delete filesystem /], next: approveAgain, prepare: (scene) => hideFiles(scene.run.paths.approvals) },
  { ...refused, id: "approval-expired", when: "the approval expired", codes: ["approval-expired"], says: [/expired at/], next: approveAgain, ...onlyApproval(() => ({ at: inHours(-25), expiresAt: inHours(-1) })) },
  { ...refused, id: "approval-from-future", when: "the approval is dated in the future", codes: ["approval-untrusted"], says: [/dated in the future/], next: approveAgain, ...onlyApproval(() => ({ at: inHours(2), expiresAt: inHours(26) })) },
  { ...refused, id: "approval-other-resource", when: "the approval names another file system", codes: ["approval-other"], says: [/it does not name "delete filesystem /], next: approveAgain, ...onlyApproval(({ deletions }) => ({ deletions: deletions.map((deletion) => (deletion.role === "filesystem" ? { ...deletion, id: "another" } : deletion)) })) },
  { ...refused, id: "approval-other-verb", when: "the approval names another verb", codes: ["approval-other"], says: [/it does not name "terminate instance /], next: approveAgain, ...onlyApproval(({ deletions }) => ({ deletions: deletions.map((deletion) => (deletion.role === "instance" ? { ...deletion, verb: "stop" } : deletion)) })) },
  { ...refused, id: "approval-replacement", when: "the approval is for a replacement, and the run ends", codes: ["approval-other"], says: [/for replacing a resource, and the run ends/], next: approveAgain, ...onlyApproval(() => ({ scope: "replace" })) },
  { ...refused, id: "approval-other-run", when: "the approval is for another run", codes: ["approval-other"], says: [/it is for scratch\/test\/other/], next: approveAgain, ...onlyApproval(() => ({ run: { project: "scratch", stack: "test", name: "other" } })) },
  { ...refused, id: "approval-tiers", when: "the approval does not name a tier that is lost", codes: ["approval-tiers"], says: [/that loss was never agreed to/], next: approveAgain, ...onlyApproval(({ deletions }) => ({ deletions: deletions.map((deletion) => (deletion.role === "filesystem" ? { ...deletion, tiersLost: [] } : deletion)) })) },
  { ...refused, id: "approval-other-artifacts", when: "the approval was given for other artifacts than those that are there", codes: ["approval-other"], says: [/it was given for manifest 0{12}/], next: approveAgain, ...onlyApproval(() => ({ manifestSha256: "0".repeat(64) })) },
  {
    ...refused, id: "approval-used", when: "the approval was already used", codes: ["approval-used"], says: [/each loss is approved once/], next: approveAgain,
    ...onlyApproval(() => ({}), ({ run }, approval) => {
      run.signApproval(approval);
      const grant = grantLike(run, { approvalId: approval.id });
      run.append("grant.sealed", { grant });
      run.append("grant.closed", { grant: grant.id, why: "a former teardown" });
    }),
  },
  { ...refused, id: "approval-of-stranger", when: "the approval is signed with a key that nobody trusts", codes: ["approval-untrusted"], says: [/is not in .*trust\.yaml/], next: approveAgain, ...onlyApproval(() => ({}), (scene, approval) => { writeByStranger(scene, APPROVAL, approval); }) },
  {
    ...refused, id: "approval-edited", when: "the approval's end was moved after it was signed", codes: ["approval-untrusted"], says: [/changed after it was signed/], next: approveAgain,
    prepare: (scene) => editFile(join(scene.run.paths.approvals, `${scene.run.approvals().at(-1)?.content.id ?? ""}.dsse.json`), (bytes) => editEnvelope(bytes, (text) => text.replace(/"expiresAt":"2/, '"expiresAt":"3'))),
  },
  {
    ...refused, id: "approval-without-role", when: "the project's trust file lets this key pull, and not approve", codes: ["approval-untrusted"], says: [/may pull but not approve/], next: approveAgain,
    prepare: (scene) => {
      const signer = scene.signer();
      const path = join(scene.scratch.directory, "holdfast.trust.yaml");
      writeFileSync(path, stringify({ v: 1, keys: [{ name: signer.name, publicKey: signer.publicKey, roles: ["pull"] }] }));
      return () => { rmSync(path); };
    },
  },
  {
    ...refused, id: "break-glass-expired", when: "nobody approved, and a break-glass document expired", codes: ["no-approval"], says: [/Nobody has approved/], next: approveAgain,
    prepare: (scene) => withBreakGlass(scene, { at: inHours(-3), expiresAt: inHours(-1) }),
  },
  {
    ...refused, id: "break-glass-other-run", when: "nobody approved, and a break-glass document is for another run", codes: ["no-approval"], says: [/Nobody has approved/], next: approveAgain,
    prepare: (scene) => withBreakGlass(scene, { run: { project: "scratch", stack: "test", name: "other" } }),
  },
  {
    ...refused, id: "grant-of-other-resources", when: "nobody approved, and an open grant names other resources", codes: ["no-approval"], says: [/Nobody has approved/], next: approveAgain,
    prepare: (scene) => {
      const { run } = scene;
      const grant = grantLike(run, {});
      run.append("grant.sealed", { grant: { ...grant, deletions: grant.deletions.map((deletion) => ({ ...deletion, id: `${deletion.id}-other` })) } });
      return together(() => run.append("grant.closed", { grant: grant.id, why: "it was for other resources" }), hideFiles(run.paths.approvals));
    },
  },
];

function withBreakGlass(scene: Scene, edit: Parameters<typeof breakGlassFor>[1]): Undo {
  const { run } = scene;
  run.signBreakGlass(breakGlassFor(run, edit));
  return together(() => { rmSync(run.paths.breakGlass, { recursive: true }); }, hideFiles(run.paths.approvals));
}

export const tiers: readonly Row[] = [
  {
    ...refused, id: "other-runs-data", when: "another run keeps data on the file system", codes: ["other-run-data"], says: [/one run never deletes the data of another/], next: ["holdfast status scratch/test/other (end that run first, or keep the storage)"],
    prepare: async (scene) => addFile(join(await scene.artifacts("other"), "cells/x/checkpoint.pt"), "weights"),
  },
  {
    ...refused, id: "unclaimed-files", when: "somebody put files on the file system by hand", codes: ["unclaimed-data"], says: [/1 file \(11 bytes\) in notes on filesystem belongs to no manifest/, /nobody gave it up/], next: approveAgain,
    prepare: async (scene) => addFile(join(await scene.tier(), "notes/findings.md"), "do not lose"),
  },
  {
    ...refused, id: "unknown-cell", when: "the file system holds a cell that the roster does not name", codes: ["approval-other", "receipt-stale", "roster-mismatch"], says: [/Cell stray of scratch\/test\/quick has 1 file but no state/], next: pullAgain,
    ...artifact((run) => addFile(join(run, "cells/stray/model.safetensors"), "weights")),
  },
  {
    ...refused, id: "unlistable", when: "an artifact has a name that cannot be copied faithfully", codes: ["no-manifest"], says: [/cannot be listed faithfully/], next: pullAgain,
    ...artifact((run) => addFile(join(run, "cells/a/back\\slash.safetensors"), "weights")),
  },
  {
    ...refused, id: "key-missing", when: "the run's SSH key is not in custody, so nobody can look at the machine", codes: ["approval-other", "not-reachable", "receipt-stale"], says: [/refused your SSH keys/, /newer than the newest known manifest may be lost/], next: ["holdfast status scratch/test/quick"],
    prepare: (scene) => editFile(join(scene.run.paths.ssh, scene.run.view().resources.get("sshKey")?.name ?? ""), () => null),
  },
  {
    ...refused, id: "host-key-changed", when: "another machine answers at the instance's address", codes: [], says: [/host key/i], next: [],
    prepare: (scene) => editFile(join(scene.run.paths.ssh, "known_hosts"), (bytes) => Buffer.from(bytes.toString("utf8").replace(/(AAAAC3NzaC1lZDI1NTE5AAAAI)\S+/g, "$1PQ6H0p1ZQ1l3V0r0m0m1q1Yt1R3p0m1c1b1d1e1f1g1"))),
  },
  {
    ...refused, id: "ledger-edited", when: "a line of the ledger was edited", codes: [], says: [/cannot be believed: line \d+/, /changed after it was written|does not follow/], next: ["holdfast recover scratch/test/quick"],
    prepare: (scene) => editFile(scene.run.paths.ledger, (bytes) => Buffer.from(bytes.toString("utf8").replace('"kind":"job.started"', '"kind":"note"'))),
  },
  {
    ...refused, id: "ledger-removed", when: "the ledger is gone", codes: [], says: [/knows nothing of scratch\/test\/quick/], next: ["holdfast recover scratch/test/quick"],
    prepare: (scene) => editFile(scene.run.paths.ledger, () => null),
  },
];
