/** Consent given beforehand that is not what it should be, or that meets something a person would have to weigh. Nobody approved otherwise. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StandingApproval } from "../../../../custody";
import { buildStanding, newEvidenceId, STANDING } from "../../../../custody";
import { sealStatement } from "../../../../custody/signing/dsse";
import { evidencePath, standingSubjects } from "../../../../custody/signing/evidence";
import { ensureSigner } from "../../../../custody/signing/keys";
import { deletionsAtEnd } from "../../../../providers/teardown/deletions";
import { editEnvelope, grantLike, inHours } from "../forge";
import type { Refused, Row } from "../row";
import type { Scene, Undo } from "../scene";
import { addFile, editFile, flipBit, hideFiles } from "../scene";

const refused = { kind: "refused", phase: "approved", by: "gate", exit: 1, typed: ["pulumi destroy"] } as const;
const void_ = { ...refused, codes: ["no-approval", "standing-void"], next: ["holdfast approve scratch/test/quick"] } as const;
const checkpoint = "cells/a/checkpoints/step-000003.safetensors";

/** What `holdfast approve --standing --also filesystem` would sign now, edited. */
function standingLike({ run }: Scene, edit: Partial<StandingApproval> = {}): StandingApproval {
  const view = run.view();
  const built = buildStanding(run.ref, { life: view.declaredAt, deletions: deletionsAtEnd(view), durableTier: null, also: ["filesystem", "instance"] }, new Date());
  return { ...built, ...edit, id: newEvidenceId(STANDING) };
}

/** Only a standing approval is there: `write` brings it about. */
const only = (write: ((scene: Scene) => void) | ((scene: Scene) => Undo | Promise<Undo>)): Pick<Refused, "prepare"> => ({
  prepare: async (scene) => {
    const { run } = scene;
    const noApproval = scene.entries().some(({ kind }) => kind === "approval.signed") ? hideFiles(run.paths.approvals) : (): void => undefined;
    const undo = await write(scene);
    return async () => {
      if (typeof undo === "function") await undo();
      rmSync(run.paths.standing, { recursive: true, force: true });
      noApproval();
    };
  },
});

const signed = (edit: (standing: StandingApproval) => Partial<StandingApproval>): Pick<Refused, "prepare"> =>
  only((scene) => { scene.run.signStanding({ ...standingLike(scene), ...edit(standingLike(scene)) }); });

/** A standing approval in good order, and then something that is not. */
const given = (change: (scene: Scene) => Undo | Promise<Undo>): Pick<Refused, "prepare"> =>
  only((scene) => {
    scene.run.signStanding(standingLike(scene));
    return change(scene);
  });

export const beforehandWhileWriting: readonly Row[] = [
  {
    kind: "refused", phase: "writing", by: "gate", exit: 1, typed: ["pulumi destroy"], id: "standing-incomplete-cell", when: "a standing approval, and a cell still trains",
    codes: ["cells-unfinished", "no-receipt", "not-closed", "writer-alive"], says: [/Cell b of scratch\/test\/quick was still training/, /has not written its closing marker/], next: ["holdfast status scratch/test/quick"],
    ...given(() => () => undefined),
  },
];

export const beforehand: readonly Row[] = [
  { ...void_, id: "standing-expired", when: "it expired", says: [/it expired at/], ...signed(() => ({ at: inHours(-25), expiresAt: inHours(-1) })) },
  { ...void_, id: "standing-from-future", when: "it is dated in the future", says: [/dated in the future/], ...signed(() => ({ at: inHours(2), expiresAt: inHours(26) })) },
  { ...void_, id: "standing-other-run", when: "it is for another run", says: [/it is for scratch\/test\/other/], ...signed(() => ({ run: { project: "scratch", stack: "test", name: "other" } })) },
  { ...void_, id: "standing-former-life", when: "it was given for a former life of the run", says: [/the life of the run that began at 2026-01-01/], ...signed(() => ({ life: "2026-01-01T00:00:00.000Z" })) },
  { ...void_, id: "standing-other-verb", when: "it names another verb", says: [/it does not name "terminate instance /], ...signed(({ allows }) => ({ allows: allows.map((allowance) => (allowance.role === "instance" ? { ...allowance, verb: "stop" } : allowance)) })) },
  { ...void_, id: "standing-other-role", when: "it does not name the file system", says: [/it does not name "delete filesystem /], ...signed(({ allows }) => ({ allows: allows.filter(({ role }) => role !== "filesystem") })) },
  { ...void_, id: "standing-tiers", when: "it does not name a tier that is lost", says: [/it does not name "delete filesystem .* with /], ...signed(({ allows }) => ({ allows: allows.map((allowance) => ({ ...allowance, tiersLost: [] })) })) },
  { ...void_, id: "standing-over-its-cost", when: "the run cost more than it is for", says: [/it holds for a run of at most \$1e-7/], ...signed(() => ({ maxUsd: 1e-7 })) },
  {
    ...void_, id: "standing-revoked", when: "it was revoked", says: [/it was revoked/],
    ...only(async (scene) => {
      scene.run.signStanding(standingLike(scene));
      await scene.succeeds("holdfast approve --revoke-standing --reason 'the sweep goes on'");
      return () => undefined;
    }),
  },
  {
    ...void_, id: "standing-used", when: "it was already used", says: [/each ends a run once/],
    ...only((scene) => {
      const { run } = scene;
      const grant = grantLike(run, { basis: "standing-approval", approvalId: run.signStanding(standingLike(scene)).content.id });
      run.append("grant.sealed", { grant });
      run.append("grant.closed", { grant: grant.id, why: "a former teardown" });
    }),
  },
  {
    ...void_, id: "standing-unrecorded", when: "its file was put there, and the ledger has no line of it", says: [/the ledger has no record of it/],
    ...only((scene) => {
      const content = standingLike(scene);
      addFile(evidencePath(scene.run.paths.standing, content.id), sealStatement(STANDING.predicateType, standingSubjects(content), content, scene.signer()));
    }),
  },
  {
    ...void_, id: "standing-of-stranger", when: "it is signed with a key that nobody trusts", says: [/is not in .*trust\.yaml/],
    ...only((scene) => {
      const content = scene.run.signStanding(standingLike(scene)).content;
      const stranger = ensureSigner(join(scene.scratch.directory, "stranger"), "stranger");
      writeFileSync(evidencePath(scene.run.paths.standing, content.id), sealStatement(STANDING.predicateType, standingSubjects(content), content, stranger));
    }),
  },
  {
    ...void_, id: "standing-edited", when: "its end was moved after it was signed", says: [/changed after it was signed/],
    ...only((scene) => {
      const { id } = scene.run.signStanding(standingLike(scene)).content;
      editFile(evidencePath(scene.run.paths.standing, id), (bytes) => editEnvelope(bytes, (text) => text.replace(/"expiresAt":"2/, '"expiresAt":"3')));
    }),
  },
  {
    ...refused, id: "standing-newer-data", when: "an artifact was added after the pull", codes: ["receipt-stale"], says: [/what changed since was not pulled/], next: ["holdfast pull scratch/test/quick"],
    ...given(async (scene) => addFile(join(await scene.artifacts(), "cells/a/checkpoints/step-000009.safetensors"), "new")),
  },
  {
    ...refused, id: "standing-damaged-copy", when: "one bit of the local copy changed", codes: ["receipt-copy-differs"], says: [/was changed or damaged since/], next: ["holdfast pull scratch/test/quick"],
    ...given((scene) => editFile(join(scene.pulled, checkpoint), flipBit)),
  },
  {
    ...refused, id: "standing-files-of-nobody", when: "somebody put files on the file system by hand", codes: ["unclaimed-data"], says: [/nobody gave it up/], next: ["holdfast approve scratch/test/quick"],
    ...given(async (scene) => addFile(join(await scene.tier(), "notes/findings.md"), "do not lose")),
  },
  {
    ...refused, id: "standing-no-machine-answers", when: "nobody can look at the machine", codes: ["not-reachable"], says: [/newer than the newest known manifest may be lost/], next: ["holdfast status scratch/test/quick"],
    ...given((scene) => editFile(join(scene.run.paths.ssh, scene.run.view().resources.get("sshKey")?.name ?? ""), () => null)),
  },
];
