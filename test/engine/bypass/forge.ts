/** Evidence as a person with the wrong key, a text editor or another clock would make it. */
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Approval, BreakGlass, Grant, LedgerEntry, Receipt, RunCustody } from "../../../custody";
import { copyPlacesOf } from "../../../custody/copyPlaces";
import { buildApproval } from "../../../custody/approval";
import { canonicalJson, sha256Hex } from "../../../custody/canonical";
import { systemClock } from "../../../custody/clock";
import { genesis } from "../../../custody/ledger";
import { sealStatement } from "../../../custody/signing/dsse";
import type { EvidenceKind } from "../../../custody/signing/evidence";
import { APPROVAL, approvalSubjects, BREAK_GLASS, evidencePath, newEvidenceId, RECEIPT, receiptSubjects } from "../../../custody/signing/evidence";
import { ensureSigner } from "../../../custody/signing/keys";
import { deletionsAtEnd } from "../../../providers/teardown/deletions";
import { gatherDeletionFacts } from "../../../providers/teardown/facts";
import type { Scene } from "./scene";

const hour = 3_600_000;

/** `hours` from now, as custody writes times. */
export const inHours = (hours: number): string => new Date(Date.now() + hours * hour).toISOString();

/** The newest receipt, edited; kept under a fresh id. */
export function receiptLike(run: RunCustody, edit: Partial<Receipt>): Receipt {
  const newest = run.receipts().at(-1);
  if (newest === undefined) throw new Error("no receipt to copy");
  return { ...newest.content, id: newEvidenceId(RECEIPT), ...edit };
}

/** An approval of exactly what a destroy does now, edited. */
export async function approvalLike(run: RunCustody, edit: (approval: Approval) => Partial<Approval> = () => ({})): Promise<Approval> {
  const facts = await gatherDeletionFacts(run, { scope: "end", deletions: deletionsAtEnd(run.view()), clock: systemClock, copies: copyPlacesOf({}, hostname()) });
  const approval = buildApproval(facts);
  return { ...approval, ...edit(approval) };
}

/** Signed by the run's own key. */
export function writeReceipt(run: RunCustody, receipt: Receipt): void {
  run.signReceipt(receipt);
}

/** Signed by a key that nobody trusts. */
export function writeByStranger(scene: Scene, kind: EvidenceKind<Receipt> | EvidenceKind<Approval>, content: Receipt | Approval): void {
  const signer = ensureSigner(join(scene.scratch.directory, "stranger"), "stranger");
  const { run } = scene;
  const subjects = "how" in content ? receiptSubjects(run.manifest(content.manifestSha256)) : approvalSubjects(content);
  writeFileSync(evidencePath(kind === RECEIPT ? run.paths.receipts : run.paths.approvals, content.id), sealStatement(kind.predicateType, subjects, content, signer));
}

/** Signed by the own key, of a version that this program does not know. */
export function writeOfVersion2(scene: Scene, receipt: Receipt): void {
  const { run } = scene;
  const signer = ensureSigner(join(scene.custodyRoot, "keys"), "local");
  writeFileSync(evidencePath(run.paths.receipts, receipt.id), sealStatement(RECEIPT.predicateType, receiptSubjects(run.manifest(receipt.manifestSha256)), { ...receipt, v: 2 }, signer));
}

/** Changes what an envelope says and leaves its signature. */
export function editEnvelope(bytes: Buffer, edit: (text: string) => string): Buffer {
  const envelope = JSON.parse(bytes.toString("utf8")) as { payload: string };
  const payload = Buffer.from(envelope.payload, "base64").toString("utf8");
  return Buffer.from(JSON.stringify({ ...envelope, payload: Buffer.from(edit(payload), "utf8").toString("base64") }));
}

export const approvalFile = (run: RunCustody, approval: Approval): string => evidencePath(run.paths.approvals, approval.id);
export { APPROVAL, RECEIPT };

export function breakGlassFor(run: RunCustody, edit: Partial<BreakGlass>): BreakGlass {
  return { v: 1, id: newEvidenceId(BREAK_GLASS), run: run.ref, reason: "the disk is corrupt", deletions: deletionsAtEnd(run.view()), lost: ["everything on the file system"], at: inHours(0), expiresAt: inHours(1), ...edit };
}

/** A grant that this run's gate might have sealed, edited. */
export function grantLike(run: RunCustody, edit: Partial<Grant>): Grant {
  return {
    v: 1, id: newEvidenceId({ prefix: "grt" }), run: run.ref, basis: "receipt-and-approval", deletions: deletionsAtEnd(run.view()), manifestSha256: run.view().newestManifest?.manifestSha256 ?? null,
    approvalId: null, breakGlassId: null, receiptId: null, at: inHours(0), expiresAt: inHours(24), ...edit,
  };
}

/** Writes the ledger anew with edited entries, the chain made to hold: only times and grants are moved this way. */
export function rewriteLedger(run: RunCustody, edit: (entry: LedgerEntry) => LedgerEntry): void {
  let prev = genesis(run.ref);
  const lines = run.entries().map((entry) => {
    const { hash: _hash, ...body } = edit(entry);
    const linked = { ...body, prev };
    prev = sha256Hex(canonicalJson(linked));
    return canonicalJson({ ...linked, hash: prev });
  });
  writeFileSync(run.paths.ledger, lines.map((line) => `${line}\n`).join(""));
}
