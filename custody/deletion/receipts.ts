/** Does a receipt prove that exactly these artifacts exist elsewhere, or load where they are? Pure. */
import { runId, type Receipt } from "../formats";
import { dateFault, type DeletionFacts, type Reason, type ReceiptFacts } from "./facts";
import { noReceipt, receiptCopy, receiptStale, receiptUntrusted } from "./reasons";

/** One way to show it, with what is wrong with that way; `receipt` is null when there is none at all. */
export interface ReceiptOption {
  readonly receipt: Receipt | null;
  readonly reasons: readonly Reason[];
}

/**
 * Every receipt for this digest, or the one reason why there is none. `inPlaceCounts`: the tier that holds the artifacts
 * stays, so having loaded them there is enough.
 */
export function receiptOptions(facts: DeletionFacts, digest: string, inPlaceCounts: boolean): ReceiptOption[] {
  const own = facts.receipts.filter(({ signed }) => runId(signed.content.run) === runId(facts.run));
  const matching = own.filter(({ signed }) => signed.content.manifestSha256 === digest);
  if (matching.length > 0) return matching.map((found) => ({ receipt: found.signed.content, reasons: receiptFaults(facts, found, digest, inPlaceCounts) }));
  const foreign = facts.receipts.find(({ signed }) => signed.content.manifestSha256 === digest);
  if (foreign !== undefined) {
    const { id, run } = foreign.signed.content;
    return [{ receipt: null, reasons: [receiptUntrusted(facts.run, id, `it is for ${runId(run)}`)] }];
  }
  const newest = own.filter(({ signed }) => signed.trusted).at(-1)?.signed.content;
  return [{ receipt: null, reasons: [newest === undefined ? noReceipt(facts.run, digest, false, inPlaceCounts) : receiptStale(facts.run, newest, digest)] }];
}

function receiptFaults(facts: DeletionFacts, { signed, copy }: ReceiptFacts, digest: string, inPlaceCounts: boolean): Reason[] {
  const { run } = facts;
  const receipt = signed.content;
  const reasons: Reason[] = [];
  if (!signed.trusted) reasons.push(receiptUntrusted(run, receipt.id, signed.problem ?? "nobody who may pull signed it"));
  if (dateFault(receipt.at, null, facts.now) !== null) reasons.push(receiptUntrusted(run, receipt.id, `it is dated in the future (${receipt.at})`));
  if (receipt.how === "verifiedInPlace") {
    if (!inPlaceCounts) reasons.push(noReceipt(run, digest, true, false));
    return reasons;
  }
  switch (copy) {
    case "matches":
      return reasons;
    case "goes":
      return [...reasons, receiptCopy(run, "receipt-copy-goes", receipt.id, receipt.place, false)];
    case "missing":
      return [...reasons, receiptCopy(run, "receipt-copy-missing", receipt.id, receipt.place, false)];
    case "unchecked":
      return [...reasons, receiptCopy(run, "receipt-copy-missing", receipt.id, receipt.place, true)];
    case "differs":
      return [...reasons, receiptCopy(run, "receipt-copy-differs", receipt.id, receipt.place, false)];
    case "elsewhere":
      return [...reasons, receiptCopy(run, "receipt-elsewhere", receipt.id, receipt.place, false)];
    case "temporary":
      return [...reasons, receiptCopy(run, "receipt-temporary", receipt.id, receipt.place, false)];
    default: {
      const never: never = copy;
      return never;
    }
  }
}
