/**
 * The ledger as a shared place keeps it: its lines, and behind them one line by which a machine vouches for the last of them, and
 * so for all before it. A ledger that nobody vouches for whose key the project trusts is believed as little as any other copy.
 */
import { parseLedger, type LedgerText } from "../ledger";
import { runId, type LedgerEntry, type RunRef } from "../formats";
import { canonicalJson } from "../canonical";
import { PREDICATE, readEnvelope, readStatement, sealStatement, signatureHolds } from "../signing/dsse";
import type { Signer } from "../signing/keys";
import type { Trust } from "../signing/trust";

/** The text of the shared file. */
export function sealLedger(entries: readonly LedgerEntry[], run: RunRef, signer: Signer, now: Date): string {
  const head = entries.at(-1);
  if (head === undefined) throw new RangeError("an empty ledger has no head");
  const statement = sealStatement(PREDICATE.ledgerHead, [{ name: "ledger", digest: { sha256: head.hash } }], { v: 1, run: runId(run), at: now.toISOString() }, signer);
  return `${entries.map((entry) => `${canonicalJson(entry)}\n`).join("")}${statement}`;
}

/** `vouchedBy`: the name of the trusted key that vouches for the last line; null when none does. Throws UserError `ledger-broken`. */
export function openLedger(text: string, run: RunRef, source: string, trust: Trust): { entries: LedgerText["entries"]; vouchedBy: string | null } {
  const lines = text.split("\n");
  const envelope = lines.findIndex((line) => line.startsWith('{"payloadType"'));
  const ledger = envelope === -1 ? text : lines.slice(0, envelope).map((line) => `${line}\n`).join("");
  const { entries } = parseLedger(ledger, run, source);
  const head = entries.at(-1);
  return { entries, vouchedBy: envelope === -1 || head === undefined ? null : voucher(lines[envelope] ?? "", head, run, trust) };
}

function voucher(text: string, head: LedgerEntry, run: RunRef, trust: Trust): string | null {
  try {
    const envelope = readEnvelope(text);
    const { predicateType, subject, predicate } = readStatement(envelope.payload);
    const speaks = predicateType === PREDICATE.ledgerHead && subject[0]?.digest.sha256 === head.hash && (predicate as { run?: unknown } | null)?.run === runId(run);
    if (!speaks) return null;
    for (const signature of envelope.signatures) {
      const key = trust.keys.get(signature.keyid);
      if (key !== undefined && signatureHolds(envelope, signature, key.publicKey)) return key.name;
    }
  } catch {
    // Whatever it is, it is nobody's word.
  }
  return null;
}
