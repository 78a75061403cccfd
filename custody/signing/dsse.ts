/** DSSE envelopes around in-toto statements, signed with ed25519: forms that other supply-chain tools read. */
import { sign, verify, type KeyObject } from "node:crypto";
import { z } from "zod";
import { canonicalJson, SHA256_HEX } from "../canonical";

/** Media type of the payload (in-toto attestation framework, spec v1, envelope layer). */
export const PAYLOAD_TYPE = "application/vnd.in-toto+json";
/** in-toto Statement v1. */
const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";

/**
 * Predicate types. A predicateType must be a TypeURI; a URN of our own needs no domain that somebody else could hold.
 * The last part is the version: a reader refuses one it does not know.
 */
export const PREDICATE = {
  receipt: "urn:holdfast:receipt:v1",
  approval: "urn:holdfast:approval:v1",
  standing: "urn:holdfast:standing-approval:v1",
  breakGlass: "urn:holdfast:break-glass:v1",
  ledgerHead: "urn:holdfast:ledger-head:v1",
} as const;
export type PredicateType = (typeof PREDICATE)[keyof typeof PREDICATE];

/** What a statement is about: a name and its sha256. Annotations travel with it (an artifact's size in bytes). */
export interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
  readonly annotations?: { readonly bytes: number };
}

export interface Statement {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: unknown;
}

export interface EnvelopeSignature {
  readonly keyid: string;
  readonly sig: Buffer;
}

export interface Envelope {
  readonly payload: Buffer;
  readonly signatures: readonly EnvelopeSignature[];
}

const base64 = z.base64();
const envelopeSchema = z.object({
  payloadType: z.literal(PAYLOAD_TYPE),
  payload: base64,
  signatures: z.array(z.object({ keyid: z.string().regex(SHA256_HEX), sig: base64 })).min(1),
});

const statementSchema = z.object({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(z.object({
    name: z.string().min(1),
    digest: z.object({ sha256: z.string().regex(SHA256_HEX) }),
    annotations: z.exactOptional(z.object({ bytes: z.int().min(0) })),
  })),
  predicateType: z.string(),
  predicate: z.unknown(),
});

/** DSSE v1 pre-authentication encoding: what is signed names its own type, so it cannot be read as something else. */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, "utf8");
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.byteLength} `), payload]);
}

/** The envelope file: one line of JSON. `sign` gets the pre-authentication encoding. */
export function sealStatement(
  predicateType: PredicateType, subject: readonly Subject[], predicate: unknown, signer: { keyId: string; sign(data: Uint8Array): Buffer },
): string {
  const statement: Statement = { _type: STATEMENT_TYPE, subject, predicateType, predicate };
  const payload = Buffer.from(canonicalJson(statement), "utf8");
  const signature = signer.sign(preAuthenticationEncoding(PAYLOAD_TYPE, payload));
  const envelope = {
    payloadType: PAYLOAD_TYPE,
    payload: payload.toString("base64"),
    signatures: [{ keyid: signer.keyId, sig: signature.toString("base64") }],
  };
  return `${JSON.stringify(envelope)}\n`;
}

/** The envelope's parts, unverified. Throws Error with a sentence when it is not a DSSE envelope of an in-toto payload. */
export function readEnvelope(text: string): Envelope {
  const parsed = envelopeSchema.safeParse(parseJson(text, "envelope"));
  if (!parsed.success) throw new Error("it is not a DSSE envelope with an in-toto payload");
  return {
    payload: Buffer.from(parsed.data.payload, "base64"),
    signatures: parsed.data.signatures.map(({ keyid, sig }) => ({ keyid, sig: Buffer.from(sig, "base64") })),
  };
}

/** Throws Error when the payload is no in-toto Statement v1. Verify the signature before believing what it says. */
export function readStatement(payload: Buffer): Statement {
  const parsed = statementSchema.safeParse(parseJson(payload.toString("utf8"), "payload"));
  if (!parsed.success) throw new Error("its payload is not an in-toto Statement v1");
  return { ...parsed.data, predicate: parsed.data.predicate };
}

export const signBytes = (data: Uint8Array, privateKey: KeyObject): Buffer => sign(null, data, privateKey);

export function signatureHolds(envelope: Envelope, signature: EnvelopeSignature, publicKey: KeyObject): boolean {
  return verify(null, preAuthenticationEncoding(PAYLOAD_TYPE, envelope.payload), publicKey, signature.sig);
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`its ${what} is not JSON`);
  }
}
