import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  manifestDigest, openEvidence, openCustody, RECEIPT, sha256Hex, UserError, type Approval, type Custody, type Manifest, type Receipt, type RunCustody, type Signed,
} from "../../custody";
import { PAYLOAD_TYPE, preAuthenticationEncoding } from "../../custody/signing/dsse";
import { evidencePath } from "../../custody/signing/evidence";
import { trustFileFor } from "../../custody/signing/trust";
import { clockAt, declaredRun, NOW, run, temporaryProject } from "./support";

const manifest: Manifest = {
  v: 1, run, takenAt: NOW, place: { tier: "persistent", directory: "/mnt/holdfast/digits/dev/sweep", resource: "fs-1" },
  cells: [{ name: "a", state: "complete", exit: 0, cause: null }],
  files: [{ path: "cells/a/model.safetensors", bytes: 5, sha256: sha256Hex("12345"), cell: "a" }, { path: "logs/queue.log", bytes: 0, sha256: sha256Hex("") }],
  scratch: { files: 0, bytes: 0 }, closed: true,
};

const receipt: Receipt = {
  v: 1, id: "rcp_0123456789abcdef", run, manifestSha256: manifestDigest(manifest), how: "pulled", place: { host: "here", directory: "/tmp/copy" },
  files: 2, bytes: 5, loaded: [{ path: "cells/a/model.safetensors", format: "safetensors", tensors: 1 }], notLoaded: [], cells: manifest.cells, at: NOW,
};

const approval: Approval = {
  v: 1, id: "apr_0123456789abcdef", run, scope: "end", deletions: [{ role: "instance", id: "i-1", verb: "terminate", tiersLost: ["local"] }],
  manifestSha256: manifestDigest(manifest), unclaimed: [], giveUp: null, acceptUnreachable: false, at: NOW, expiresAt: "2026-03-02T12:00:00.000Z",
};

function signedReceipt(opened: RunCustody): { path: string; signed: Signed<Receipt> } {
  opened.saveManifest(manifest);
  const signed = opened.signReceipt(receipt);
  return { path: evidencePath(opened.paths.receipts, receipt.id), signed };
}

type Envelope = { payloadType: string; payload: string; signatures: { keyid: string; sig: string }[] };
const readEnvelope = (path: string): Envelope => JSON.parse(readFileSync(path, "utf8")) as Envelope;
const payloadOf = (envelope: Envelope): Record<string, unknown> => JSON.parse(Buffer.from(envelope.payload, "base64").toString()) as Record<string, unknown>;
function editPayload(path: string, edit: (statement: Record<string, unknown>) => void): void {
  const envelope = readEnvelope(path);
  const statement = payloadOf(envelope);
  edit(statement);
  writeFileSync(path, JSON.stringify({ ...envelope, payload: Buffer.from(JSON.stringify(statement)).toString("base64") }));
}

test("what is signed is the pre-authentication encoding of the DSSE specification", () => {
  // The example of the protocol document: type "http://example.com/HelloWorld", body "hello world".
  assert.equal(preAuthenticationEncoding("http://example.com/HelloWorld", Buffer.from("hello world")).toString(), "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
});

test("a receipt is an in-toto statement that any DSSE reader can verify", (context) => {
  const { custody, run: opened } = declaredRun(context);
  const { path, signed } = signedReceipt(opened);
  const envelope = readEnvelope(path);
  assert.equal(envelope.payloadType, "application/vnd.in-toto+json");
  const body = Buffer.from(envelope.payload, "base64");
  const pae = Buffer.from(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${body.length} ${body.toString("utf8")}`);
  assert.ok(verify(null, pae, createPublicKey(custody.signer().publicKey), Buffer.from(envelope.signatures[0]?.sig ?? "", "base64")));
  const statement = payloadOf(envelope);
  assert.equal(statement["_type"], "https://in-toto.io/Statement/v1");
  assert.equal(statement["predicateType"], "urn:holdfast:receipt:v1");
  assert.deepEqual(statement["subject"], manifest.files.map(({ path: name, sha256, bytes }) => ({ name, digest: { sha256 }, annotations: { bytes } })));
  assert.deepEqual(signed, {
    content: receipt, keyId: custody.signer().keyId, signer: "local", trusted: true, envelopeSha256: sha256Hex(readFileSync(path)),
  });
  assert.deepEqual(opened.view().receipts.map((entry) => entry.receipt), [receipt.id]);
});

test("a key's id is the sha256 of its public half", (context) => {
  const { custody } = declaredRun(context);
  const { keyId, publicKey } = custody.signer();
  assert.equal(keyId, sha256Hex(createPublicKey(publicKey).export({ type: "spki", format: "der" })));
});

test("an edited receipt is read, shown, and does not count", (context) => {
  const { run: opened } = declaredRun(context);
  const { path } = signedReceipt(opened);
  editPayload(path, (statement) => { (statement["predicate"] as { place: { host: string } }).place.host = "elsewhere"; });
  const [found] = opened.receipts();
  assert.equal(found?.trusted, false);
  assert.equal(found.problem, "it was changed after it was signed");
  assert.equal(found.content.place.host, "elsewhere");
});

test("a receipt whose file list is not its manifest does not count", (context) => {
  const { custody, run: opened } = declaredRun(context);
  opened.saveManifest(manifest);
  // Signed by a trusted key, but for other subjects than the manifest it names.
  const other = { ...manifest, files: manifest.files.slice(0, 1) };
  const digest = opened.saveManifest(other);
  const path = evidencePath(opened.paths.receipts, receipt.id);
  opened.signReceipt({ ...receipt, manifestSha256: digest, files: 1 });
  const text = readFileSync(path, "utf8");
  assert.equal(openEvidence(RECEIPT, text, custody.trust()).trusted, true);
  opened.signReceipt({ ...receipt, id: "rcp_00000000000000aa", manifestSha256: digest, files: 2 });
  const found = opened.receipts().find(({ content }) => content.id === "rcp_00000000000000aa");
  assert.equal(found?.problem, "the files it lists are not the manifest it names");
});

test("a receipt of a key that is not in the trust file does not count", (context) => {
  const mine = declaredRun(context);
  const theirs = declaredRun(context);
  const { path } = signedReceipt(theirs.run);
  const found = openEvidence(RECEIPT, readFileSync(path, "utf8"), mine.custody.trust());
  assert.equal(found.trusted, false);
  assert.match(found.problem ?? "", /^the key [0-9a-f]{12} is not in .*trust\.yaml$/);
});

test("a key that may pull cannot approve", (context) => {
  const { project, custody, run: opened } = declaredRun(context);
  writeFileSync(join(project, "holdfast.trust.yaml"), trustFileFor(custody.signer()).replace(/\n {6}- approve\n {6}- break-glass/, ""));
  assert.equal(signedReceipt(opened).signed.trusted, true);
  assert.throws(() => opened.signApproval(approval), (error: unknown) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.code, "key-untrusted");
    assert.match(error.message, /^No approval was signed, because it would not count: the key of "local" may pull but not approve \(.*holdfast\.trust\.yaml\)\.$/);
    return true;
  });
  assert.equal(opened.approvals().length, 0);
});

test("an approval signed when the key was trusted stops counting when the trust file drops the role", (context) => {
  const { project, custody, run: opened } = declaredRun(context);
  assert.equal(opened.signApproval(approval).trusted, true);
  writeFileSync(join(project, "holdfast.trust.yaml"), trustFileFor(custody.signer()).replace(/\n {6}- approve/, ""));
  assert.equal(opened.approvals()[0]?.trusted, false);
});

for (const [what, spoil] of [
  ["of an unknown version", (path: string) => { editPayload(path, (statement) => { (statement["predicate"] as { v: number }).v = 2; }); }],
  ["of an unknown predicate type", (path: string) => { editPayload(path, (statement) => { statement["predicateType"] = "urn:holdfast:receipt:v2"; }); }],
  ["with a field that this Holdfast does not know", (path: string) => { editPayload(path, (statement) => { (statement["predicate"] as Record<string, unknown>)["onlyIf"] = "monday"; }); }],
  ["with another payload type", (path: string) => { writeFileSync(path, JSON.stringify({ ...readEnvelope(path), payloadType: "text/plain" })); }],
  ["without a signature", (path: string) => { writeFileSync(path, JSON.stringify({ ...readEnvelope(path), signatures: [] })); }],
  ["that is cut off", (path: string) => { writeFileSync(path, readFileSync(path, "utf8").slice(0, 100)); }],
  ["that is empty", (path: string) => { writeFileSync(path, ""); }],
  ["under the name of another", (path: string) => { renameSync(path, path.replace("0123456789abcdef", "fedcba9876543210")); }],
] as const) {
  test(`a receipt ${what} never counts and is told`, (context) => {
    const { run: opened } = declaredRun(context);
    spoil(signedReceipt(opened).path);
    assert.deepEqual(opened.receipts(), []);
    const problems = opened.evidenceProblems();
    assert.equal(problems.length, 1);
    assert.ok((problems[0]?.problem ?? "").length > 5);
  });
}

test("an approval cannot be passed off as a receipt", (context) => {
  const { run: opened } = declaredRun(context);
  opened.signApproval(approval);
  renameSync(opened.paths.approvals, opened.paths.receipts);
  assert.deepEqual(opened.receipts(), []);
  assert.match(opened.evidenceProblems()[0]?.problem ?? "", /it is a "urn:holdfast:approval:v1"/);
});

test("the same id is never signed twice", (context) => {
  const { run: opened } = declaredRun(context);
  opened.signApproval(approval);
  assert.throws(() => opened.signApproval(approval), /exists already/);
});

test("a key that others can read signs nothing", (context) => {
  const project = temporaryProject(context);
  const custody: Custody = openCustody(project, { clock: clockAt(NOW), create: true });
  const path = join(custody.root, "keys", "local.key");
  writeFileSync(path, readFileSync(path), { mode: 0o644 });
  renameSync(path, `${path}.x`);
  writeFileSync(path, readFileSync(`${path}.x`), { mode: 0o644 });
  assert.throws(() => custody.signer(), (error: unknown) => error instanceof UserError && error.code === "key-exposed" && error.next[0] === `chmod 600 ${path}`);
});
