/**
 * The ledger of a run: JSON Lines, each line carrying the hash of the one before. Lines are only ever added. A chain
 * that does not hold is refused; the one thing that is mended is a last line that a crash cut off. Where two stores went on
 * apart, both chains stand in the file, joined by a line that names both heads (merging/).
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
import { LedgerGraph, parentsOf } from "./merging/graph";
import type { Joined } from "./merging/join";

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
  const seqOf = new Map([[genesis(run), 0]]);
  lines.forEach((line, index) => {
    const entry = parseLine(line, { number: index + 1, entries, seqOf, run, source });
    entries.push(entry);
    seqOf.set(entry.hash, entry.seq);
  });
  assertOneHead(entries, run, source);
  return { entries, torn };
}

/** Every line is followed by another but the last: a second chain that nothing joins would be a story that nobody decided on. */
function assertOneHead(entries: readonly LedgerEntry[], run: RunRef, source: string): void {
  const followed = new Set(entries.flatMap(parentsOf));
  const loose = entries.findIndex((entry, index) => index < entries.length - 1 && !followed.has(entry.hash));
  if (loose === -1) return;
  throw broken(run, loose + 2, source, `does not follow line ${loose + 1}`);
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
 * Puts what was joined with another store's lines in place of what is here. `unvouched`: nobody who is trusted vouches for those
 * lines; then a line that says so comes with them, both or neither, since it takes back what they may claim. The caller holds the
 * ledger's lock.
 */
export function adoptEntries(path: string, run: RunRef, { entries, added }: Pick<Joined, "entries" | "added">, unvouched: { from: string; now: Date } | null): void {
  const lines = unvouched === null ? entries : [...entries, link(entries, run, "custody.recovered", { from: unvouched.from, entries: added }, unvouched.now)];
  writeFileDurably(path, lines.map((entry) => `${canonicalJson(entry)}\n`).join(""));
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

/** The line that follows the last of `entries`. Pure. */
export function link<K extends LedgerKind>(entries: readonly LedgerEntry[], run: RunRef, kind: K, data: LedgerData[K], now: Date): LedgerEntry<K> {
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

interface Place {
  /** Of the line in its file. */
  readonly number: number;
  /** The lines before it. */
  readonly entries: readonly LedgerEntry[];
  /** Of every line before it, and of the run's beginning. */
  readonly seqOf: ReadonlyMap<string, number>;
  readonly run: RunRef;
  readonly source: string;
}

function parseLine(line: string, place: Place): LedgerEntry {
  const { number, run, source } = place;
  const fail = (what: string): UserError => broken(run, number, source, what);
  let value: Partial<Record<keyof LedgerEntry, unknown>> | null;
  try {
    value = JSON.parse(line) as typeof value;
  } catch {
    throw fail("is not JSON");
  }
  const version = versionFault(value, "it");
  if (value === null || version !== null) throw fail(`is not readable: ${version ?? "it is null"}`);
  const { seq, fault } = succession(value, place);
  if (value.seq !== seq) throw fail(`says it is line ${String(value.seq)}`);
  if (fault !== null) throw fail(fault);
  const { hash, ...body } = value as unknown as LedgerEntry;
  if (hash !== hashOfLine(line, hash)) throw fail("was changed after it was written");
  if (place.seqOf.has(hash)) throw fail("stands there twice");
  if (typeof body.at !== "string" || Number.isNaN(Date.parse(body.at))) throw fail("has no time");
  if (!isLedgerKind(body.kind)) throw fail(`is of kind ${JSON.stringify(body.kind)}, which this Holdfast does not know`);
  const wrong = dataFault(body.kind, body.data);
  if (wrong !== null) throw fail(`does not hold what "${body.kind}" must (${wrong})`);
  return { ...body, hash };
}

/** The number that a line must have where it says it stands, and what is wrong with that place. */
function succession(value: Partial<Record<keyof LedgerEntry, unknown>>, { number, entries, seqOf, run }: Place): { seq: number; fault: string | null } {
  const heads = value.kind === "custody.merged" ? (value.data as { heads?: unknown } | null)?.heads : undefined;
  if (Array.isArray(heads)) {
    const known = heads.every((head) => typeof head === "string" && head !== genesis(run) && seqOf.has(head)) && heads[0] < heads[1] && value.prev === heads[0];
    return known
      ? { seq: new LedgerGraph(entries).ancestors(heads as string[]).size + 1, fault: null }
      : { seq: Number(value.seq), fault: "joins lines that are not there" };
  }
  // Another store's line may follow an earlier one; whether something joins the two is seen at the end.
  const seq = typeof value.prev === "string" ? seqOf.get(value.prev) : undefined;
  if (seq !== undefined) return { seq: seq + 1, fault: null };
  return { seq: (entries.at(-1)?.seq ?? 0) + 1, fault: number === 1 ? "does not begin a ledger of this run" : `does not follow line ${number - 1}` };
}

const broken = (run: RunRef, number: number, source: string, what: string): UserError =>
  new UserError(`The ledger of ${runId(run)} cannot be believed: line ${number} of ${source} ${what}.`, {
    code: "ledger-broken",
    next: [`holdfast recover ${runId(run)}`],
  });

/** Throws UserError unless every part can be a folder name. */
export function assertRunRef(run: RunRef): void {
  for (const [part, value] of Object.entries({ project: run.project, stack: run.stack, name: run.name })) {
    if (!RUN_NAME.test(value)) {
      throw new UserError(`The ${part} "${value}" cannot name a run: small letters, digits and dashes, at most 41, beginning with a letter or digit.`, { code: "run-name" });
    }
  }
}
