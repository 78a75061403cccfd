/**
 * Pull: transfer what the manifest names, compare every byte, load every checkpoint, and sign for it. Whatever stops it
 * half-way, running it again goes on from there; nothing that lay in the target is lost.
 */
import { existsSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import {
  assertRoomFor, dropSuperseded, flushCopy, lockTarget, moveAside, moveAsideStale, writeManifestBeside, type MovedAside,
} from "./artifacts/localCopy";
import { keepFormerLife } from "./artifacts/formerLife";
import { manifestDigest, totalBytes } from "./canonical";
import type { Clock } from "./clock";
import { systemClock } from "./clock";
import { runId, type Manifest, type ManifestFile, type NotLoaded, type Receipt, type Signed } from "./formats";
import { buildReceipt } from "./receipt";
import type { Remote } from "./remote";
import { newEvidenceId, RECEIPT } from "./signing/evidence";
import type { RunCustody } from "./store";
import { UserError } from "./userError";
import { verifyTree, warmThreads, type FileVerdict } from "./verify";

/** Bytes and files of the phase. `manifest` is told once, before anything moves. */
export interface PullProgress {
  readonly phase: "manifest" | "transfer" | "verify";
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly filesDone: number;
  readonly filesTotal: number;
}

export interface PullOptions {
  readonly onProgress?: (progress: PullProgress) => void;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** Worker threads of the verification. */
  readonly workers?: number;
  /** Cells that were given up: their files must arrive whole, but need not load. */
  readonly giveUp?: readonly string[];
}

/** `bytes`: what arrived is not what the manifest names. `load`: it is, and no trainer could load it. */
export interface PullProblem {
  readonly path: string;
  readonly cell: string | null;
  readonly kind: "bytes" | "load";
  readonly code: string;
  readonly message: string;
}

export interface PullResult {
  readonly target: string;
  readonly manifestSha256: string;
  readonly files: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly verdicts: readonly FileVerdict[];
  /** What stands in the way of a receipt; empty when the copy is good. */
  readonly problems: readonly PullProblem[];
  /** Problems that were given up beforehand, and that the receipt will name. */
  readonly notLoaded: readonly NotLoaded[];
  readonly movedAside: readonly MovedAside[];
}

/**
 * Transfers and verifies; signs nothing and judges nothing: look at `problems`. Throws RemoteUnreachable when the transfer
 * is cut (run it again), UserError `disk-full`, `inodes-full`, `pull-running`.
 */
export async function pullArtifacts(remote: Remote, manifest: Manifest, target: string, options: PullOptions = {}): Promise<PullResult> {
  const clock = options.clock ?? systemClock;
  const started = clock.now().getTime();
  const lock = lockTarget(target);
  try {
    const moved: MovedAside[] = [];
    const stale = moveAsideStale(target, manifest, clock.now());
    if (stale !== null) moved.push(stale);
    assertRoomFor(target, manifest.files);
    const progress = progressOf(manifest.files, options);
    progress("manifest", 0, 0);
    if (options.workers === undefined) warmThreads(totalBytes(manifest.files));
    await transfer(remote, manifest, manifest.files, target, options, progress);
    let verdicts = await verify(target, manifest.files, options, progress);
    const rotten = manifest.files.filter((file) => !arrivedWhole(file, verdicts.get(file.path)));
    if (rotten.length > 0) {
      // A local file of the right size and time but other bytes is skipped by the transfer: fetch these once more.
      const there = rotten.filter((file) => existsSync(join(target, file.path))).map((file) => file.path);
      if (there.length > 0) moved.push(moveAside(target, { extra: there, superseded: [] }, clock.now()));
      await transfer(remote, manifest, rotten, target, options, progress);
      // All of it: whether the shards of a checkpoint fit together shows only when they are read together.
      verdicts = await verify(target, manifest.files, options, progress);
    }
    const { problems, notLoaded } = judge(manifest, verdicts, options.giveUp ?? []);
    return {
      target, manifestSha256: manifestDigest(manifest), files: manifest.files.length, bytes: totalBytes(manifest.files),
      seconds: (clock.now().getTime() - started) / 1000,
      verdicts: [...verdicts.values()], problems, notLoaded, movedAside: moved,
    };
  } finally {
    lock.release();
  }
}

/**
 * Pulls into `target` (default: the run's folder in custody), records what happened in the ledger and signs a receipt for the
 * manifest that it returns.
 * Throws UserError `verify-failed`, naming each file and problem, when anything is not whole or does not load; then the
 * ledger has it too and there is no receipt. `former`: where the copy of an earlier life of the run was moved, which lay there.
 */
export async function pullVerifyAndSign(
  run: RunCustody, remote: Remote, named: Manifest, options: PullOptions & { target?: string; takeAgain?: () => Promise<Manifest> } = {},
): Promise<{ receipt: Signed<Receipt>; result: PullResult; manifest: Manifest; former: string | null }> {
  const target = resolve(options.target ?? run.paths.pulled);
  const former = keepFormerLife(run, target, options.clock ?? systemClock);
  const { manifest, result } = await pullWhatStands(run, remote, named, target, options);
  refuseProblems(run, result, (id) => `holdfast pull ${id}`);
  flushCopy(target, manifest);
  writeManifestBeside(target, manifest);
  run.append("pull.finished", {
    manifestSha256: result.manifestSha256, host: hostname(), directory: target, files: result.files, bytes: result.bytes, seconds: result.seconds,
  });
  const receipt = run.signReceipt(receiptOf(manifest, result, "pulled", { host: hostname(), directory: target }, options));
  for (const moved of result.movedAside) dropSuperseded(moved);
  return { receipt, result, manifest, former };
}

/** How often a run that goes on is copied anew, when it changed while it was copied. */
const tries = 3;

/** `takeAgain`: takes the manifest anew; without it, what changed since the manifest is a problem like any other. */
async function pullWhatStands(
  run: RunCustody, remote: Remote, named: Manifest, target: string, options: PullOptions & { takeAgain?: () => Promise<Manifest> },
): Promise<{ manifest: Manifest; result: PullResult }> {
  let manifest = named;
  for (let left = tries - 1; ; left -= 1) {
    keepManifest(run, manifest);
    const result = await pullArtifacts(remote, manifest, target, options);
    if (left === 0 || options.takeAgain === undefined || !result.problems.some(({ kind }) => kind === "bytes")) return { manifest, result };
    const now = await options.takeAgain();
    // The same again: nothing went on there, so what arrived is damaged.
    if (manifestDigest(now) === manifestDigest(manifest)) return { manifest, result };
    manifest = now;
  }
}

/**
 * Proves that the artifacts load, without keeping a copy here: a fresh read of the durable tier goes to a temporary folder,
 * is verified there and removed. The receipt says `verifiedInPlace`; it counts only where the tier stays.
 */
export async function verifyInPlace(
  run: RunCustody, remote: Remote, manifest: Manifest, options: PullOptions = {},
): Promise<{ receipt: Signed<Receipt>; result: PullResult }> {
  keepManifest(run, manifest);
  const temporary = join(run.dir, "tmp", newEvidenceId(RECEIPT));
  try {
    const result = await pullArtifacts(remote, manifest, temporary, options);
    refuseProblems(run, result, (id) => `holdfast verify ${id} --in-place`);
    const place = { host: remote.description, directory: manifest.place.directory };
    return { receipt: run.signReceipt(receiptOf(manifest, result, "verifiedInPlace", place, options)), result };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/**
 * Proves a copy where it lies now, byte for byte and by loading, and signs for that place; nothing is transferred or moved. `supersedes`:
 * the receipt of the place where it was. Throws UserError `verify-failed`, which the ledger keeps too.
 */
export async function relocateCopy(
  run: RunCustody, manifest: Manifest, directory: string, options: PullOptions & { supersedes?: string } = {},
): Promise<{ receipt: Signed<Receipt>; result: PullResult }> {
  const clock = options.clock ?? systemClock;
  const started = clock.now().getTime();
  const target = resolve(directory);
  const verdicts = await verify(target, manifest.files, options, progressOf(manifest.files, options));
  const { problems, notLoaded } = judge(manifest, verdicts, options.giveUp ?? []);
  const result: PullResult = {
    target, manifestSha256: manifestDigest(manifest), files: manifest.files.length, bytes: totalBytes(manifest.files),
    seconds: (clock.now().getTime() - started) / 1000, verdicts: [...verdicts.values()], problems, notLoaded, movedAside: [],
  };
  refuseProblems(run, result, (id) => `holdfast pull ${id}`);
  flushCopy(target, manifest);
  const receipt = run.signReceipt(receiptOf(manifest, result, "pulled", { host: hostname(), directory: target }, options), options.supersedes);
  return { receipt, result };
}

/** The ledger's newest manifest is what later decisions go by when the machine does not answer any more. */
function keepManifest(run: RunCustody, manifest: Manifest): void {
  const manifestSha256 = run.saveManifest(manifest);
  const newest = run.view().newestManifest;
  if (newest?.manifestSha256 === manifestSha256 && newest.closed === manifest.closed) return;
  run.append("manifest.taken", { manifestSha256, files: manifest.files.length, bytes: totalBytes(manifest.files), closed: manifest.closed });
}

async function transfer(
  remote: Remote, manifest: Manifest, files: readonly ManifestFile[], target: string, options: PullOptions, progress: Progress,
): Promise<void> {
  progress("transfer", 0, 0);
  await remote.pull(manifest.place.directory, target, {
    files: files.map((file) => file.path),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onProgress: ({ bytes }) => { progress("transfer", bytes, 0); },
  });
  progress("transfer", Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
}

async function verify(target: string, files: readonly ManifestFile[], options: PullOptions, progress: Progress): Promise<Map<string, FileVerdict>> {
  progress("verify", 0, 0);
  const { files: verdicts } = await verifyTree(target, files, {
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onProgress: ({ bytesDone, filesDone }) => { progress("verify", bytesDone, filesDone); },
  });
  progress("verify", Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  return new Map(verdicts.map((verdict) => [verdict.path, verdict]));
}

/** Bytes first: what did not arrive whole is not judged for loading. */
function judge(manifest: Manifest, verdicts: ReadonlyMap<string, FileVerdict>, giveUp: readonly string[]): Pick<PullResult, "problems" | "notLoaded"> {
  const problems: PullProblem[] = [];
  const notLoaded: NotLoaded[] = [];
  for (const file of manifest.files) {
    const verdict = verdicts.get(file.path);
    const cell = file.cell ?? null;
    if (verdict === undefined || !arrivedWhole(file, verdict)) {
      problems.push({ path: file.path, cell, kind: "bytes", ...bytesFault(file, verdict) });
    } else if (!verdict.ok) {
      const { code, message } = verdict.problems[0] ?? { code: "not-loaded", message: "It does not load." };
      if (cell !== null && giveUp.includes(cell)) notLoaded.push({ path: file.path, cell, code, message });
      else problems.push({ path: file.path, cell, kind: "load", code, message });
    }
  }
  return { problems, notLoaded };
}

const arrivedWhole = (file: ManifestFile, verdict: FileVerdict | undefined): boolean =>
  verdict !== undefined && verdict.bytes === file.bytes && verdict.sha256 === file.sha256;

function bytesFault(file: ManifestFile, verdict: FileVerdict | undefined): { code: string; message: string } {
  if (verdict === undefined || verdict.sha256 === "") return { code: "missing", message: "It did not arrive." };
  if (verdict.bytes !== file.bytes) return { code: "size", message: `It has ${verdict.bytes} bytes; the manifest says ${file.bytes}.` };
  return { code: "sha256", message: "Its content is not what the manifest names: it changed on the durable tier since, or was damaged there." };
}

function refuseProblems(run: RunCustody, result: PullResult, again: (id: string) => string): void {
  if (result.problems.length === 0) return;
  run.append("verify.failed", {
    manifestSha256: result.manifestSha256,
    problems: result.problems.slice(0, 1000).map(({ path, code, message }) => ({ path, code, message })),
  });
  throw verifyFailed(run, result.problems, again(runId(run.ref)));
}

/** `again`: the command that reads the artifacts once more, the same way. */
function verifyFailed(run: RunCustody, problems: readonly PullProblem[], again: string): UserError {
  const id = runId(run.ref);
  const shown = problems.slice(0, 20).map((problem) => `  - ${problem.path}: ${problem.message} (${problem.code})`);
  if (problems.length > shown.length) shown.push(`  - and ${problems.length - shown.length} more`);
  const cells = [...new Set(problems.filter((problem) => problem.kind === "load").map((problem) => problem.cell))].filter((cell) => cell !== null);
  const changed = problems.some((problem) => problem.kind === "bytes");
  return new UserError(`${id} was read but not proven: ${problems.length === 1 ? "one of its files is not whole or does not load" : `${problems.length} of its files are not whole or do not load`}, so there is no receipt.\n${shown.join("\n")}`, {
    code: "verify-failed",
    next: [
      ...(changed ? [again] : []),
      ...(cells.length > 0 ? [`${again} --partial ${cells.join(" ")} (gives these cells up: their files are kept, but need not load)`] : []),
    ],
  });
}

function receiptOf(manifest: Manifest, result: PullResult, how: Receipt["how"], place: Receipt["place"], options: PullOptions): Receipt {
  return buildReceipt({ manifest, how, place, verdicts: result.verdicts, notLoaded: result.notLoaded, at: (options.clock ?? systemClock).now() });
}

type Progress = (phase: PullProgress["phase"], bytesDone: number, filesDone: number) => void;

/** Never more than all of it: a transfer counts what it sends again. */
function progressOf(files: readonly ManifestFile[], options: PullOptions): Progress {
  const bytesTotal = totalBytes(files);
  return (phase, bytesDone, filesDone) => options.onProgress?.({
    phase, bytesTotal, filesTotal: files.length, bytesDone: Math.min(bytesDone, bytesTotal), filesDone: Math.min(filesDone, files.length),
  });
}
