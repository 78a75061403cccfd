/**
 * Keeps the store here and a shared place in step. The store here is what is worked with; the shared place holds what every
 * machine of the team has to know: ledgers, manifests, receipts, approvals, overrides and public keys, never a private one.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { adoptEvidence, openStoreOf, type JudgeEndpoint, type RecoverReport } from "../adopt";
import type { Clock } from "../clock";
import { COPIED_FOLDERS, CUSTODY_COPY, isCopyName, LEDGER_COPY } from "../copies";
import { writeFileDurably } from "../disk/files";
import { runId, type LedgerEntry, type RunRef } from "../formats";
import { assertRunRef } from "../ledger";
import { LedgerGraph } from "../merging/graph";
import type { RunCustody } from "../runCustody";
import { custodyRootOf, openCustody, parseCustodyId, type Custody } from "../store";
import { UserError } from "../userError";
import { foldLedger } from "../view";
import { openLedger, sealLedger } from "./head";
import type { SharedPlace } from "./place";

export interface SharedCustodyOptions {
  readonly projectRoot: string;
  readonly clock: Clock;
  /** Of lines for which nobody vouches. */
  readonly judgeEndpoint?: (run: RunRef) => JudgeEndpoint;
}

export interface FetchReport {
  /** Lines of others that were taken over; both sides had some when `merged`. */
  readonly added: number;
  readonly merged: boolean;
  /** Whose trusted key vouches for what was taken over; null: nobody's, so it counts only as far as a copy does. */
  readonly vouchedBy: string | null;
  /** Public keys found there that this project does not trust. */
  readonly unknownKeys: RecoverReport["unknownKeys"];
  /** All of it; null when there was nothing to take over. */
  readonly adopted: RecoverReport | null;
}

const NOTHING_NEW: FetchReport = { added: 0, merged: false, vouchedBy: null, unknownKeys: [], adopted: null };

/** A writer is told that he was late; more often than this in a row, and something is wrong with the place. */
const TRIES = 10;

export class SharedCustody {
  constructor(
    readonly place: SharedPlace,
    private readonly options: SharedCustodyOptions,
  ) {}

  /**
   * The store here, under the id that the place is of: whichever of the two came first names both. Makes the store when there
   * is none. Throws UserError `custody-conflict` when the store here is another one and keeps runs.
   */
  async open(): Promise<Custody> {
    const { projectRoot, clock } = this.options;
    const root = custodyRootOf(projectRoot);
    const there = await this.place.read(CUSTODY_COPY);
    if (there === null || there === "unchanged") {
      const custody = openCustody(projectRoot, { clock, create: true });
      const claimed = await this.place.replace(CUSTODY_COPY, `${JSON.stringify({ v: 1, id: custody.id })}\n`, null);
      return claimed === null ? this.open() : custody;
    }
    const id = parseCustodyId(there.content, `${this.place.description}/${CUSTODY_COPY}`);
    return openStoreOf(id, { projectRoot, root, clock, source: this.place.description });
  }

  /** Every run of the project with a ledger there. One request. */
  async runs(project: string): Promise<readonly { readonly run: RunRef; readonly version: string }[]> {
    const found = await this.place.list(`runs/${project}`, LEDGER_COPY);
    return found.flatMap(({ name, version }) => {
      const [stack, run, file, ...more] = name.split("/");
      if (stack === undefined || run === undefined || file !== LEDGER_COPY || more.length > 0) return [];
      const ref = { project, stack, name: run };
      assertRunRef(ref);
      return [{ run: ref, version }];
    });
  }

  /** Whether the ledger there, of the version that `runs` told, is the one that was seen last. */
  isKnown(run: RunCustody, version: string): boolean {
    return this.lastSeen(run)?.version === version;
  }

  /** Whether the store here has lines that were not seen there. Asks nobody. Throws UserError `ledger-broken`. */
  hasNews(run: RunCustody): boolean {
    return saysMore(run.entries(), this.lastSeen(run));
  }

  /**
   * Takes over what the place knows of the run and the store here does not. Throws RemoteUnreachable; UserError `ledger-broken`,
   * `evidence-malformed`: then nothing was taken over.
   */
  async fetch(run: RunCustody): Promise<FetchReport> {
    const seen = this.lastSeen(run);
    const here = new Set(run.entries().map((entry) => entry.hash));
    const found = await this.place.read(this.nameOf(run, LEDGER_COPY), seen !== null && here.has(seen.head) ? seen.version : undefined);
    if (found === null || found === "unchanged") return NOTHING_NEW;
    const source = `${this.place.description}/${this.nameOf(run, LEDGER_COPY)}`;
    const { projectRoot, clock } = this.options;
    const { entries, vouchedBy } = openLedger(found.content, run.ref, source, openCustody(projectRoot, { clock }).trust());
    const head = entries.at(-1)?.hash ?? "";
    const added = entries.filter((entry) => !here.has(entry.hash)).length;
    if (added > 0) {
      const report = await this.takeOver(run, { entries, vouchedBy, source });
      this.remember(run, { version: found.version, head });
      return { added, merged: report.outcome === "merged", vouchedBy, unknownKeys: report.unknownKeys, adopted: report };
    }
    this.remember(run, { version: found.version, head });
    return NOTHING_NEW;
  }

  /**
   * Fetches, then brings there what only the store here knows; true when there was something. Two machines that do so at once
   * both come through, one after the other. Throws what fetch throws, and UserError `shared-busy`.
   */
  async share(run: RunCustody): Promise<boolean> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      await this.fetch(run);
      const entries = run.entries();
      const head = entries.at(-1)?.hash;
      const seen = this.lastSeen(run);
      if (head === undefined || !saysMore(entries, seen)) return false;
      await this.bringDocuments(run);
      const { signer } = this.signing();
      const text = sealLedger(entries, run.ref, signer, this.options.clock.now());
      const version = await this.place.replace(this.nameOf(run, LEDGER_COPY), text, seen?.version ?? null);
      if (version !== null) {
        this.remember(run, { version, head });
        return true;
      }
      await this.options.clock.sleep(50 * attempt * (1 + Math.random()));
    }
    throw new UserError(`${this.place.description}: other machines wrote the ledger of ${runId(run.ref)} ${TRIES} times while this one tried, so its lines are not there yet.`, { code: "shared-busy", next: ["the same command again: nothing is lost"] });
  }

  async close(): Promise<void> {
    await this.place.close();
  }

  /** Ledger and documents go through a temporary folder, where they are verified as every recovery is. */
  private async takeOver(run: RunCustody, { entries, vouchedBy, source }: { entries: readonly LedgerEntry[]; vouchedBy: string | null; source: string }): Promise<RecoverReport> {
    const { projectRoot, clock, judgeEndpoint } = this.options;
    const root = custodyRootOf(projectRoot);
    const temporary = join(root, "tmp", `fetch-${process.pid}-${entries.at(-1)?.hash.slice(0, 12) ?? ""}`);
    mkdirSync(temporary, { recursive: true, mode: 0o700 });
    try {
      const names = await this.fetchDocuments(run, temporary, foldLedger(entries).newestManifest?.manifestSha256);
      return adoptEvidence({ projectRoot, root, temporary, names, run: run.ref, clock, source, entries, vouched: vouchedBy !== null, ...(judgeEndpoint === undefined ? {} : { judgeEndpoint: judgeEndpoint(run.ref) }) });
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }

  /** What is not here, and the newest manifest: under the same name, its cells' states may be newer. */
  private async fetchDocuments(run: RunCustody, temporary: string, newest: string | undefined): Promise<string[]> {
    const there = (await this.place.list(this.nameOf(run, ""))).map(({ name }) => name).filter((name) => isCopyName(name) && name !== LEDGER_COPY && name !== CUSTODY_COPY);
    const wanted = there.filter((name) => name === `manifests/${newest}.json` || !existsSync(join(run.dir, name)));
    const fetched: string[] = [];
    for (const name of wanted) {
      const found = await this.place.read(this.nameOf(run, name));
      if (found === null || found === "unchanged") continue;
      mkdirSync(dirname(join(temporary, name)), { recursive: true });
      writeFileSync(join(temporary, name), found.content);
      fetched.push(name);
    }
    return fetched;
  }

  /** Documents first: a ledger never speaks of what is not there. */
  private async bringDocuments(run: RunCustody): Promise<void> {
    const there = new Set((await this.place.list(this.nameOf(run, ""))).map(({ name }) => name));
    const newest = run.view().newestManifest?.manifestSha256;
    there.delete(`manifests/${newest}.json`);
    for (const folder of COPIED_FOLDERS) {
      const path = join(run.dir, folder);
      for (const file of existsSync(path) ? readdirSync(path).sort() : []) {
        const name = `${folder}/${file}`;
        if (isCopyName(name) && !there.has(name)) await this.place.write(this.nameOf(run, name), readFileSync(join(path, file), "utf8"));
      }
    }
    const { keys, signer } = this.signing();
    for (const [keyId, publicKey] of new Map([...keys, [signer.keyId, signer.publicKey]])) {
      const name = `keys/${keyId}.pub`;
      if (!there.has(name)) await this.place.write(this.nameOf(run, name), publicKey);
    }
  }

  private signing(): { signer: ReturnType<Custody["signer"]>; keys: readonly (readonly [string, string])[] } {
    const custody = openCustody(this.options.projectRoot, { clock: this.options.clock });
    const keys = [...custody.trust().keys.values()].map((key) => [key.keyId, key.publicKey.export({ type: "spki", format: "pem" }).toString()] as const);
    return { signer: custody.signer(), keys };
  }

  private nameOf(run: RunCustody, name: string): string {
    const { project, stack, name: own } = run.ref;
    return `runs/${project}/${stack}/${own}${name === "" ? "" : `/${name}`}`;
  }

  private lastSeen(run: RunCustody): LastSeen | null {
    const path = join(run.dir, SEEN_FILE);
    if (!existsSync(path)) return null;
    const parsed = seenSchema.safeParse(jsonOf(readFileSync(path, "utf8")));
    // Of another place it says nothing about this one.
    return parsed.success && parsed.data.place === this.place.description ? parsed.data : null;
  }

  private remember(run: RunCustody, seen: LastSeen): void {
    writeFileDurably(join(run.dir, SEEN_FILE), `${JSON.stringify({ v: 1, place: this.place.description, ...seen })}\n`);
  }
}

/** The last version of the shared ledger that was seen, and its last line: what saves a transfer, never what is believed. */
interface LastSeen {
  readonly version: string;
  readonly head: string;
}

/**
 * Whether a line here, that was not seen there, says more than how this store came by the lines of others. By itself nobody needs to hear of
 * that: whoever took it over unvouched would say the same in return, at every look, and each such line takes back what was agreed beforehand.
 */
function saysMore(entries: readonly LedgerEntry[], seen: LastSeen | null): boolean {
  const head = entries.at(-1)?.hash;
  if (head === undefined || head === seen?.head) return false;
  if (seen === null || !entries.some(({ hash }) => hash === seen.head)) return true;
  const known = new LedgerGraph(entries).ancestors([seen.head]);
  return entries.some(({ hash, kind }) => !known.has(hash) && kind !== "custody.recovered" && kind !== "custody.merged");
}

const SEEN_FILE = "shared.json";
const seenSchema = z.object({ v: z.literal(1), place: z.string(), version: z.string(), head: z.string() });

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
