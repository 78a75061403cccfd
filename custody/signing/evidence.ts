/** Receipts, approvals and break-glass as signed files: written once, and judged anew each time they are read. */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { createExclusively, makeDirectory } from "../disk/files";
import type { Approval, BreakGlass, Manifest, Receipt, RunRef, Signed, StandingApproval, TrustRole } from "../formats";
import { UserError } from "../userError";
import { canonicalJson, manifestDigest, sha256Hex } from "../canonical";
import { approvalSchema, breakGlassSchema, faultsOf, receiptSchema, standingSchema, versionFault } from "./documents";
import { PREDICATE, readEnvelope, readStatement, sealStatement, signatureHolds, type Envelope, type PredicateType, type Statement, type Subject } from "./dsse";
import type { Signer } from "./keys";
import { roleProblem, type Trust } from "./trust";

/** One kind of signed document. */
export interface EvidenceKind<T> {
  readonly what: string;
  readonly predicateType: PredicateType;
  readonly role: TrustRole;
  readonly prefix: string;
  readonly schema: z.ZodType<T>;
  /** What is wrong between the statement's subjects and its content; null when they agree. */
  subjectFault(content: T, subject: readonly Subject[]): string | null;
}

/** A file among the evidence that is none: unreadable, malformed, of an unknown version. */
export interface EvidenceProblem {
  readonly file: string;
  readonly problem: string;
}

export const RECEIPT: EvidenceKind<Receipt> = {
  what: "receipt", predicateType: PREDICATE.receipt, role: "pull", prefix: "rcp", schema: receiptSchema,
  subjectFault: (receipt, subject) => {
    const files = subject.map(({ name, digest, annotations }) => ({ path: name, sha256: digest.sha256, bytes: annotations?.bytes ?? -1 }));
    const agrees = files.length === receipt.files && manifestDigest({ run: receipt.run, files }) === receipt.manifestSha256;
    return agrees ? null : "the files it lists are not the manifest it names";
  },
};

export const APPROVAL: EvidenceKind<Approval> = {
  what: "approval", predicateType: PREDICATE.approval, role: "approve", prefix: "apr", schema: approvalSchema,
  subjectFault: (approval, subject) => sameSubjects(subject, approvalSubjects(approval)),
};

export const STANDING: EvidenceKind<StandingApproval> = {
  what: "standing approval", predicateType: PREDICATE.standing, role: "approve", prefix: "sta", schema: standingSchema,
  subjectFault: (standing, subject) => sameSubjects(subject, standingSubjects(standing)),
};

export const BREAK_GLASS: EvidenceKind<BreakGlass> = {
  what: "break-glass", predicateType: PREDICATE.breakGlass, role: "break-glass", prefix: "bgl", schema: breakGlassSchema,
  subjectFault: (breakGlass, subject) => sameSubjects(subject, breakGlassSubjects(breakGlass)),
};

export const newEvidenceId = (kind: { readonly prefix: string }): string => `${kind.prefix}_${randomBytes(8).toString("hex")}`;

/** Subjects of a receipt: every artifact with its size and sha256. */
export const receiptSubjects = (manifest: Manifest): Subject[] =>
  manifest.files.map(({ path, bytes, sha256 }) => ({ name: path, digest: { sha256 }, annotations: { bytes } }));

/** Subject of an approval: the manifest the person saw, or the run itself when nothing had been written. */
export const approvalSubjects = (approval: Approval): Subject[] =>
  [approval.manifestSha256 === null ? runSubject(approval.run) : { name: "manifest", digest: { sha256: approval.manifestSha256 } }];

export const standingSubjects = (standing: StandingApproval): Subject[] => [runSubject(standing.run)];

export const breakGlassSubjects = (breakGlass: BreakGlass): Subject[] => [runSubject(breakGlass.run)];

/**
 * Signs `content` and writes `<folder>/<id>.dsse.json`. Throws UserError when the signer's key may not act in this
 * role, since the document would count for nothing.
 */
export function writeEvidence<T extends { readonly id: string }>(
  kind: EvidenceKind<T>, folder: string, content: T, subject: readonly Subject[], signer: Signer, trust: Trust,
): Signed<T> {
  const problem = roleProblem(trust, signer.keyId, kind.role);
  if (problem !== null) {
    throw new UserError(`No ${kind.what} was signed, because it would not count: ${problem}.`, {
      code: "key-untrusted", next: ["holdfast trust export > me.yaml (on this machine)", `holdfast trust add me.yaml --role ${kind.role} (and commit holdfast.trust.yaml)`],
    });
  }
  const checked = kind.schema.safeParse(content);
  if (!checked.success) throw new TypeError(`a ${kind.what} that no reader would accept: ${faultsOf(checked.error)}`);
  const text = sealStatement(kind.predicateType, subject, content, signer);
  makeDirectory(folder);
  if (!createExclusively(evidencePath(folder, content.id), text)) throw new Error(`${content.id} exists already`);
  return openEvidence(kind, text, trust);
}

/** Every document of a kind in a folder, oldest first, and every file there that is none. */
export function readEvidence<T extends { readonly id: string; readonly at: string }>(
  kind: EvidenceKind<T>, folder: string, trust: Trust,
): { documents: Signed<T>[]; problems: EvidenceProblem[] } {
  const documents: Signed<T>[] = [];
  const problems: EvidenceProblem[] = [];
  for (const name of existsSync(folder) ? readdirSync(folder).sort() : []) {
    if (name.startsWith(".tmp-")) continue;
    const file = join(folder, name);
    try {
      const signed = openEvidence(kind, readFileSync(file, "utf8"), trust);
      if (name !== `${signed.content.id}.dsse.json`) throw new Error(`it calls itself ${signed.content.id}`);
      documents.push(signed);
    } catch (error) {
      problems.push({ file, problem: (error as Error).message });
    }
  }
  documents.sort((a, b) => Date.parse(a.content.at) - Date.parse(b.content.at));
  return { documents, problems };
}

/**
 * Reads one envelope. What it says is returned whether or not it can be trusted; `trusted` and `problem` say which.
 * Throws Error with a sentence when it is no document of this kind and version at all.
 */
export function openEvidence<T>(kind: EvidenceKind<T>, text: string, trust: Trust): Signed<T> {
  const envelope = readEnvelope(text);
  const statement = readStatement(envelope.payload);
  const content = readPredicate(kind, statement);
  const { keyId, problem } = judgeSignatures(kind, envelope, trust);
  const fault = problem ?? kind.subjectFault(content, statement.subject);
  return {
    content,
    keyId,
    signer: trust.keys.get(keyId)?.name ?? null,
    trusted: fault === null,
    ...(fault === null ? {} : { problem: fault }),
    envelopeSha256: sha256Hex(text),
  };
}

export const evidencePath = (folder: string, id: string): string => join(folder, `${id}.dsse.json`);

function readPredicate<T>(kind: EvidenceKind<T>, statement: Statement): T {
  if (statement.predicateType !== kind.predicateType) {
    throw new Error(`it is a "${statement.predicateType}"; this Holdfast reads "${kind.predicateType}" here`);
  }
  const version = versionFault(statement.predicate, `the ${kind.what}`);
  if (version !== null) throw new Error(version);
  const parsed = kind.schema.safeParse(statement.predicate);
  if (!parsed.success) throw new Error(`its content is not a ${kind.what}: ${faultsOf(parsed.error)}`);
  return parsed.data;
}

/** One valid signature of a key in the role is enough; otherwise the first signature's fault is told. */
function judgeSignatures<T>(kind: EvidenceKind<T>, envelope: Envelope, trust: Trust): { keyId: string; problem: string | null } {
  let first: { keyId: string; problem: string } | undefined;
  for (const signature of envelope.signatures) {
    const key = trust.keys.get(signature.keyid);
    const problem = roleProblem(trust, signature.keyid, kind.role)
      ?? (key !== undefined && signatureHolds(envelope, signature, key.publicKey) ? null : "it was changed after it was signed");
    if (problem === null) return { keyId: signature.keyid, problem: null };
    first ??= { keyId: signature.keyid, problem };
  }
  return first ?? { keyId: "", problem: "nobody signed it" };
}

const runSubject = (run: RunRef): Subject =>
  ({ name: "run", digest: { sha256: sha256Hex(canonicalJson({ project: run.project, stack: run.stack, name: run.name })) } });

function sameSubjects(found: readonly Subject[], expected: readonly Subject[]): string | null {
  return canonicalJson(found) === canonicalJson(expected) ? null : "what it is about is not what it says";
}
