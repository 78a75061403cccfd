/**
 * The ledger of a run: JSON Lines, each line carrying the hash of the one before. Lines are only ever added. A chain
 * that does not hold is refused; the one thing that is mended is a last line that a crash cut off.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { appendDurably, makeDirectory, writeFileDurably } from "./disk/files";
import { withFileLock } from "./disk/fileLock";
import { runId, type LedgerData, type LedgerEntry, type LedgerKind, type RunRef } from "./formats";
import { canonicalJson, sha256Hex } from "./canonical";
import { RUN_NAME, versionFault } from "./signing/documents";
import { UserError } from "./userError";
import { dataFault, isLedgerKind } from "./ledgerSchema";

export interface LedgerText {
  readonly entries: readonly LedgerEntry[];
  /** What follows the last complete line: being written right now, or cut off by a crash. Empty otherwise. */
  readonly torn: string;
}

/** `prev` of the first line: binds a ledger to its run, so that one run's file cannot stand in for another's. */
export const genesis = (run: RunRef): string => sha256Hex(`holdfast ledger v1 ${runId(run)}`);

/** Reads and verifies the whole chain. An absent file is an empty ledger. Throws UserError `ledger-broken`. */
export function readLedger(path: string, run: RunRef): LedgerText {
  return existsSync(path) ? parseLedger(readFileSync(path, "utf8"), run, path) : { entries: [], torn: "" };
}

/** Verifies text that came from `source` (named in messages). */
export function parseLedger(text: string, run: RunRef, source: string): LedgerText {
  const lines = text.split("\n");
  const torn = lines.pop() ?? "";
  const entries: LedgerEntry[] = [];
  let prev = genesis(run);
  lines.forEach((line, index) => {
    const entry = parseLine(line, index + 1, prev, run, source);
    entries.push(entry);
    prev = entry.hash;
  });
  return { entries, torn };
}

/**
 * Adds one line under the ledger's lock and returns when it is on disk. Safe between processes. `at` is stamped here;
 * throws UserError when the chain is broken, the disk is full or the lock is held too long.
 */
export function appendToLedger<K extends LedgerKind>(path: string, run: RunRef, kind: K, data: LedgerData[K], now: Date): LedgerEntry<K> {
  // What JSON drops (undefined) must not be part of what is hashed.
  const plain = JSON.parse(JSON.stringify(data)) as LedgerData[K];
  const fault = dataFault(kind, plain);
  if (fault !== null) throw new TypeError(`a ledger line that no reader would accept: ${kind}: ${fault}`);
  makeDirectory(dirname(path));
  return withFileLock(`${path}.lock`, () => {
    const { entries, torn } = readLedger(path, run);
    const mended = torn === "" ? entries : setAside(path, run, entries, torn, now);
    const entry = link(mended, run, kind, plain, now);
    appendDurably(path, `${canonicalJson(entry)}\n`);
    return entry;
  });
}

/**
 * Puts `entries`, which another store wrote, in place of what is here, with the line that says so: both or neither, since
 * the line takes back what the entries may claim. The caller holds the ledger's lock.
 */
export function adoptEntries(path: string, run: RunRef, entries: readonly LedgerEntry[], from: string, now: Date): void {
  const recovered = link(entries, run, "custody.recovered", { from, entries: entries.length }, now);
  writeFileDurably(path, [...entries, recovered].map((entry) => `${canonicalJson(entry)}\n`).join(""));
}

/** Where the torn line after entry `seq` is kept. */
export const tornPath = (path: string, seq: number): string => join(dirname(path), `${basename(path)}.torn-after-${seq}`);

/**
 * The cut-off line is kept beside the ledger, and a note in its place says so. First the copy, then one atomic
 * replacement: a crash in between leaves the line torn, to be found again.
 */
function setAside(path: string, run: RunRef, entries: readonly LedgerEntry[], torn: string, now: Date): LedgerEntry[] {
  const aside = tornPath(path, entries.length);
  writeFileDurably(aside, torn);
  const text = `A crash cut off the line after entry ${entries.length} (${Buffer.byteLength(torn)} bytes). What it was to record is not recorded; the bytes are kept in ${basename(aside)}.`;
  const mended = [...entries, link(entries, run, "note", { text }, now)];
  writeFileDurably(path, mended.map((entry) => `${canonicalJson(entry)}\n`).join(""));
  return mended;
}

function link<K extends LedgerKind>(entries: readonly LedgerEntry[], run: RunRef, kind: K, data: LedgerData[K], now: Date): LedgerEntry<K> {
  const body = { v: 1 as const, seq: entries.length + 1, at: now.toISOString(), kind, data, prev: entries.at(-1)?.hash ?? genesis(run) };
  return { ...body, hash: hashOf(body) };
}

/** `hash` covers the canonical form of everything else. */
const hashOf = (body: Omit<LedgerEntry, "hash">): string => sha256Hex(canonicalJson(body));

/**
 * The same from the line itself: it is the canonical form of the whole entry, so taking the hash out leaves the canonical
 * form of the rest. A plan of a thousand cells is not serialised again at every read; a line in any other form does not hold.
 */
function hashOfLine(line: string, hash: unknown): string {
  const member = `"hash":"${String(hash)}",`;
  const position = line.lastIndexOf(member);
  return sha256Hex(line.slice(0, position) + line.slice(position + member.length));
}

function parseLine(line: string, seq: number, prev: string, run: RunRef, source: string): LedgerEntry {
  const broken = (what: string): UserError =>
    new UserError(`The ledger of ${runId(run)} cannot be believed: line ${seq} of ${source} ${what}.`, {
      code: "ledger-broken",
      next: [`holdfast recover ${runId(run)}`],
    });
  let value: Partial<Record<keyof LedgerEntry, unknown>> | null;
  try {
    value = JSON.parse(line) as typeof value;
  } catch {
    throw broken("is not JSON");
  }
  const version = versionFault(value, "it");
  if (value === null || version !== null) throw broken(`is not readable: ${version ?? "it is null"}`);
  if (value.seq !== seq) throw broken(`says it is line ${String(value.seq)}`);
  if (value.prev !== prev) throw broken(seq === 1 ? "does not begin a ledger of this run" : `does not follow line ${seq - 1}`);
  const { hash, ...body } = value as unknown as LedgerEntry;
  if (hash !== hashOfLine(line, hash)) throw broken("was changed after it was written");
  if (typeof body.at !== "string" || Number.isNaN(Date.parse(body.at))) throw broken("has no time");
  if (!isLedgerKind(body.kind)) throw broken(`is of kind ${JSON.stringify(body.kind)}, which this Holdfast does not know`);
  const fault = dataFault(body.kind, body.data);
  if (fault !== null) throw broken(`does not hold what "${body.kind}" must (${fault})`);
  return { ...body, hash };
}

/** Throws UserError unless every part can be a folder name. */
export function assertRunRef(run: RunRef): void {
  for (const [part, value] of Object.entries({ project: run.project, stack: run.stack, name: run.name })) {
    if (!RUN_NAME.test(value)) {
      throw new UserError(`The ${part} "${value}" cannot name a run: small letters, digits and dashes, at most 41, beginning with a letter or digit.`, { code: "run-name" });
    }
  }
}
