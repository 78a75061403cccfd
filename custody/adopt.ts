/**
 * Takes over evidence of a run that lies in a temporary folder: fetched from copies beside the artifacts, or from a shared place.
 * Others may write to both, so everything is verified before any of it is kept, and nothing here is overwritten that knows more.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { manifestDigest } from "./canonical";
import type { Clock } from "./clock";
import { COPIED_FOLDERS, CUSTODY_COPY, LEDGER_COPY } from "./copies";
import { makeDirectory, renameDurably, writeFileDurably } from "./disk/files";
import { withFileLock } from "./disk/fileLock";
import { runId, type LedgerData, type LedgerEntry, type RunRef } from "./formats";
import { adoptEntries, readLedger } from "./ledger";
import { parseManifest } from "./manifest";
import { joinLedgers, type Joined } from "./merging/join";
import { APPROVAL, BREAK_GLASS, openEvidence, RECEIPT, STANDING } from "./signing/evidence";
import type { Trust } from "./signing/trust";
import { createStore, openCustody, parseCustodyId, type Custody } from "./store";
import { messageOf, UserError } from "./userError";
import { foldLedger } from "./view";

export interface RecoverReport {
  readonly run: RunRef;
  readonly custodyId: string;
  /** The vendor's API as the copied ledger names it: commands will send the account's key there. */
  readonly api: string;
  readonly entries: number;
  /** `recovered`: the copy was taken over. `merged`: both had gone on, and are one now. `kept`: what is here says as much or more. */
  readonly outcome: "recovered" | "merged" | "kept";
  /** Documents taken over, by file name. */
  readonly documents: readonly string[];
  /** Documents whose signature does not count here, and why. They are kept and never count. */
  readonly untrusted: readonly { readonly file: string; readonly problem: string }[];
  /** Public keys found beside the artifacts that this project does not trust: for a person to look at. */
  readonly unknownKeys: readonly { readonly keyId: string; readonly publicKey: string }[];
  /** Where a ledger of this run that could not be believed was put. */
  readonly setAside: string | null;
}

/** What was fetched, and of what it is. */
export interface Fetched {
  readonly projectRoot: string;
  readonly root: string;
  readonly temporary: string;
  readonly names: readonly string[];
  readonly run: RunRef;
  readonly clock: Clock;
  /** Where it is from, for messages and for the ledger. */
  readonly source: string;
  /** The verified lines of the ledger that came with it. */
  readonly entries: readonly LedgerEntry[];
  /** Somebody whom the project trusts vouches for these lines: then they count as they are. */
  readonly vouched: boolean;
  readonly judgeEndpoint?: JudgeEndpoint;
}

/** What commands would ask with the account's key, as a line names it: why that must not be, or null. */
export type JudgeEndpoint = (named: { readonly api: string; readonly keyFile?: string }) => string | null;

/**
 * Makes the store here when there is none, with the id of the one that this is of. Throws UserError `ledger-broken`,
 * `evidence-malformed`, `foreign-endpoint`, `custody-conflict` (another store with runs of its own is here).
 */
export function adoptEvidence(fetched: Fetched): RecoverReport {
  const { run, source, entries } = fetched;
  const custodyId = custodyIdOf(fetched, entries);
  if (!fetched.vouched) assertOwnEndpoints(fetched);
  const custody = openStoreOf(custodyId, fetched);
  const here = custody.run(run);
  const { documents, untrusted } = checkDocuments(fetched, custody.trust());
  makeDirectory(here.dir);
  const { outcome, setAside, taken } = withFileLock(`${here.paths.ledger}.lock`, () => {
    const { joined, setAside } = compareLedgers(here.paths.ledger, run, entries, fetched.clock);
    const outcome = outcomes[joined.relation];
    const wanted = outcome === "recovered" ? documents : documents.filter((name) => !existsSync(join(here.dir, name)));
    // Documents first, ledger last: it never speaks of what is not here.
    for (const name of wanted) writeFileDurably(join(here.dir, name), readFileSync(join(fetched.temporary, name)));
    if (outcome !== "kept") adoptEntries(here.paths.ledger, run, joined, fetched.vouched ? null : { from: source, now: fetched.clock.now() });
    return { outcome, setAside, taken: wanted };
  });
  if (setAside !== null) here.append("note", { text: `A ledger of this run that could not be believed was set aside as ${setAside}.` });
  return { run, custodyId, api: here.view().endpoint.api, entries: entries.length, outcome, documents: taken, untrusted, unknownKeys: unknownKeys(fetched, custody.trust()), setAside };
}

/** Whoever can write a ledger can write an address into it: the account's key, or any file, would go there. */
function assertOwnEndpoints({ entries, judgeEndpoint, run, source }: Fetched): void {
  for (const entry of entries) {
    for (const named of endpointsIn(entry)) {
      const fault = judgeEndpoint?.(named) ?? null;
      if (fault === null) continue;
      throw new UserError(`The ledger of ${runId(run)} in ${source} was not taken over: its line ${entry.seq} names ${fault}.`, {
        code: "foreign-endpoint", next: ["find out who wrote that line", `if it is right: put it into Pulumi.${run.stack}.yaml, then the same command again`],
      });
    }
  }
}

function endpointsIn(entry: LedgerEntry): { api: string; keyFile?: string }[] {
  const { endpoint, details, request } = entry.data as { endpoint?: { api?: unknown; keyFile?: unknown }; details?: { api?: unknown }; request?: { api?: unknown } };
  return [endpoint, details, request].flatMap((named: { api?: unknown; keyFile?: unknown } | undefined) =>
    typeof named?.api === "string" ? [{ api: named.api, ...(typeof named.keyFile === "string" ? { keyFile: named.keyFile } : {}) }] : []);
}

/** The ledger's own word; the file beside it must agree. */
function custodyIdOf(fetched: Fetched, entries: readonly LedgerEntry[]): string {
  const view = foldLedger(entries);
  if (runId(view.run) !== runId(fetched.run)) throw new UserError(`The ledger in ${fetched.source} is of ${runId(view.run)}, not of ${runId(fetched.run)}.`, { code: "ledger-broken" });
  if (fetched.names.includes(CUSTODY_COPY)) {
    const id = parseCustodyId(readFileSync(join(fetched.temporary, CUSTODY_COPY), "utf8"), `${fetched.source}/${CUSTODY_COPY}`);
    if (id !== view.custodyId) throw new UserError(`In ${fetched.source} the ledger names the store ${view.custodyId} and custody.json names ${id}; one of them was put there by somebody else.`, { code: "ledger-broken" });
  }
  return parseCustodyId(JSON.stringify({ v: 1, id: view.custodyId }), `${fetched.source}/${LEDGER_COPY}`);
}

export interface StorePlace {
  readonly projectRoot: string;
  readonly root: string;
  readonly clock: Clock;
  readonly source: string;
}

/**
 * A store without runs has nothing to lose by taking the id of the one that is recovered, nor has one whose ledgers were begun from
 * the vendor's API for want of it. Throws UserError `custody-conflict`.
 */
export function openStoreOf(custodyId: string, { projectRoot, root, clock, source }: StorePlace): Custody {
  if (!existsSync(join(root, "custody.json"))) createStore(root, custodyId);
  const custody = openCustody(projectRoot, { clock });
  if (custody.id === custodyId) return custody;
  if (!custody.runs().every((ref) => wasBegunFromApi(custody, ref))) {
    throw new UserError(`${source} belongs to the custody store ${custodyId}, but ${root} is ${custody.id} and keeps runs of its own; one store cannot be two.`, {
      code: "custody-conflict", next: [`export HOLDFAST_CUSTODY_DIR=.holdfast-${custodyId.slice(4, 12)} (a store of its own beside it), then the same command again`],
    });
  }
  writeFileDurably(join(root, "custody.json"), `${JSON.stringify({ v: 1, id: custodyId })}\n`);
  return openCustody(projectRoot, { clock });
}

function wasBegunFromApi(custody: Custody, ref: RunRef): boolean {
  const first = custody.run(ref).entries()[0];
  return first?.kind === "run.declared" && (first.data as LedgerData["run.declared"]).fromApi === true;
}

/** Every document is opened; one that is none of a known version stops the recovery, one that is not trusted is told. */
function checkDocuments({ temporary, names, run, source }: Fetched, trust: Trust): Pick<RecoverReport, "documents" | "untrusted"> {
  const documents = names.filter((name) => COPIED_FOLDERS.some((folder) => name.startsWith(`${folder}/`)));
  const untrusted: { file: string; problem: string }[] = [];
  for (const name of documents) {
    const text = readFileSync(join(temporary, name), "utf8");
    const refuse = (problem: string): UserError => new UserError(`${source}/${name} is not what it should be: ${problem}.`, { code: "evidence-malformed" });
    try {
      if (name.startsWith("manifests/")) {
        const manifest = parseManifest(text, name);
        if (name !== `manifests/${manifestDigest(manifest)}.json` || runId(manifest.run) !== runId(run)) throw new Error("it was changed after it was written");
        continue;
      }
      const signed = name.startsWith("receipts/") ? openEvidence(RECEIPT, text, trust)
        : name.startsWith("approvals/") ? openEvidence(APPROVAL, text, trust)
        : name.startsWith("standing/") ? openEvidence(STANDING, text, trust)
        : openEvidence(BREAK_GLASS, text, trust);
      if (!name.endsWith(`/${signed.content.id}.dsse.json`)) throw new Error(`it calls itself ${signed.content.id}`);
      if (!signed.trusted) untrusted.push({ file: name, problem: signed.problem ?? "its signature does not count" });
    } catch (error) {
      throw refuse(messageOf(error));
    }
  }
  return { documents, untrusted };
}

/** Where one begins with the other the longer is taken; two that grew apart become one that has every line of both. */
function compareLedgers(path: string, run: RunRef, copy: readonly LedgerEntry[], clock: Clock): { joined: Joined; setAside: string | null } {
  try {
    return { joined: joinLedgers(readLedger(path, run).entries, copy), setAside: null };
  } catch (error) {
    if (!(error instanceof UserError && error.code === "ledger-broken")) throw error;
    const aside = `${path}.broken-${clock.now().toISOString().replaceAll(":", "-")}`;
    renameDurably(path, aside);
    return { joined: joinLedgers([], copy), setAside: aside };
  }
}

const outcomes: Readonly<Record<Joined["relation"], RecoverReport["outcome"]>> = { same: "kept", ahead: "kept", behind: "recovered", joined: "merged" };

function unknownKeys({ temporary, names }: Fetched, trust: Trust): RecoverReport["unknownKeys"] {
  return names.filter((name) => name.startsWith("keys/"))
    .map((name) => ({ keyId: name.slice("keys/".length, -".pub".length), publicKey: readFileSync(join(temporary, name), "utf8") }))
    .filter(({ keyId }) => !trust.keys.has(keyId));
}
