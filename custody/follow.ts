/**
 * While a run goes on: what nobody writes any more is copied here and loaded, and a cell that is complete gets a receipt of its own.
 * Nothing here speaks for the whole run: only a pull of the closed run does that.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { parseClosedFiles, parseListing, type ClosedFile, type ListedFile } from "./artifacts/listing";
import { keepFormerLife } from "./artifacts/formerLife";
import { assertRoomFor, dropSuperseded, flushCopy, lockTarget, MANIFEST_BESIDE } from "./artifacts/localCopy";
import { canonicalJson, sha256Hex } from "./canonical";
import type { Clock } from "./clock";
import { systemClock } from "./clock";
import { makeDirectory, renameDurably, syncFile, writeFileDurably } from "./disk/files";
import type { Manifest, ManifestCell } from "./formats";
import { cellOf, isScratch, readWriterStatus, takeManifest, type TakeManifestOptions } from "./manifest";
import { pullArtifacts, type PullProblem } from "./pull";
import { buildReceipt } from "./receipt";
import type { Remote } from "./remote";
import { RemoteUnreachable } from "./remote";
import type { RunCustody } from "./store";
import { UserError } from "./userError";
import { verifyTree, warmThreads } from "./verify";

/** Where the run's files are, and which of them are worth keeping. */
export type FollowPlace = Pick<TakeManifestOptions, "run" | "directory" | "scripts" | "tier" | "resource" | "cells">;

export interface FollowOptions {
  /** Default: the run's folder in custody, where a pull puts it. */
  readonly target?: string;
  /** A file that changed later than so many seconds ago may still be written. Default 10. */
  readonly settleSeconds?: number;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  readonly workers?: number;
}

export interface FollowedCell {
  readonly cell: string;
  readonly receipt: string;
  readonly files: number;
  readonly bytes: number;
}

/** A file whose bytes arrived as they are there, and that no trainer could load. */
export interface DamagedFile {
  readonly path: string;
  readonly cell: string | null;
  readonly code: string;
  readonly message: string;
}

/** What one look brought. */
export interface FollowPass {
  /** Complete, and proven by a receipt of their own since the last look. */
  readonly cells: readonly FollowedCell[];
  readonly arrived: { readonly files: number; readonly bytes: number };
  /** Found now; each is told once. */
  readonly damaged: readonly DamagedFile[];
  /** Files that may still be written: looked at again next time. */
  readonly waiting: number;
  readonly states: readonly ManifestCell[];
  readonly writer: string;
  /** The queue wrote its closing marker and nothing writes: a pull of everything is what comes next. */
  readonly closed: boolean;
}

/** Folder of the target where files wait until they are proven: a cut or damaged one never takes the place of a good one. */
export const STAGING = ".holdfast-follow";

/** Throws RemoteUnreachable; UserError `pull-running`, `disk-full`, `inodes-full`, and what status.sh and manifest.sh are refused for. */
export async function followOnce(run: RunCustody, remote: Remote, place: FollowPlace, options: FollowOptions = {}): Promise<FollowPass> {
  const target = resolve(options.target ?? run.paths.pulled);
  const status = await readWriterStatus(remote, place);
  const found = await listFiles(remote, place, options);
  keepFormerLife(run, target, options.clock ?? systemClock);
  const follower = new Follower(run, remote, place, target, options);
  const complete = new Set(status.cells.filter(({ state }) => state === "complete").map(({ name }) => name));
  for (const cell of [...complete].sort()) await follower.proveCell(cell, found.filter(({ path }) => cellOf(path) === cell));
  await follower.takeClosed(found.filter(({ path }) => !complete.has(cellOf(path) ?? "")));
  return { ...follower.pass, states: status.cells, writer: status.writer, closed: status.closed !== null && status.writer === "none" };
}

class Follower {
  private readonly cells: FollowedCell[] = [];
  private readonly damaged: DamagedFile[] = [];
  private arrived = { files: 0, bytes: 0 };
  private waiting = 0;
  private readonly memory: Memory;

  constructor(
    private readonly run: RunCustody,
    private readonly remote: Remote,
    private readonly place: FollowPlace,
    private readonly target: string,
    private readonly options: FollowOptions,
  ) {
    this.memory = Memory.of(run, target);
  }

  get pass(): Pick<FollowPass, "cells" | "arrived" | "damaged" | "waiting"> {
    return { cells: this.cells, arrived: this.arrived, damaged: this.damaged, waiting: this.waiting };
  }

  /** Everything of one cell, in one receipt. A cell that looks as it did when it was last proven, or found damaged, is left alone. */
  async proveCell(cell: string, files: readonly ClosedFile[]): Promise<void> {
    const looks = sha256Hex(canonicalJson(files.map(({ path, bytes, mtimeSeconds }) => [path, bytes, mtimeSeconds])));
    if (this.memory.cell(cell) === looks) return;
    const { run, remote, target, options } = this;
    const manifest = await this.cellManifest(cell, looks);
    if (manifest === null) return;
    run.saveManifest(manifest);
    const result = await pullArtifacts(remote, manifest, target, { ...signalOf(options), ...(options.clock === undefined ? {} : { clock: options.clock }), ...(options.workers === undefined ? {} : { workers: options.workers }) });
    this.forgetManifestBeside();
    // Bytes that differ were written meanwhile; the next look tells.
    if (result.problems.some(({ kind }) => kind === "bytes")) return;
    if (result.problems.length > 0) {
      run.append("verify.failed", { manifestSha256: result.manifestSha256, problems: result.problems.slice(0, 1000).map(({ path, code, message }) => ({ path, code, message })) });
      this.damaged.push(...result.problems.map(damage));
    } else {
      flushCopy(target, manifest);
      const receipt = run.signReceipt(buildReceipt({
        manifest, how: "pulled", place: { host: hostname(), directory: target }, verdicts: result.verdicts, notLoaded: [], at: (options.clock ?? systemClock).now(),
      }));
      for (const moved of result.movedAside) dropSuperseded(moved);
      this.cells.push({ cell, receipt: receipt.content.id, files: result.files, bytes: result.bytes });
    }
    this.memory.remember({ cell, looks });
    this.memory.save();
  }

  /** null: it is being written again, or holds what cannot be copied faithfully, which is told. */
  private async cellManifest(cell: string, looks: string): Promise<Manifest | null> {
    const { clock } = this.options;
    try {
      return await takeManifest(this.remote, { ...this.place, only: [cell], ...(clock === undefined ? {} : { clock }), ...signalOf(this.options) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (error.code === "manifest-changed") {
        this.waiting += 1;
        return null;
      }
      if (error.code !== "manifest-refused") throw error;
      this.damaged.push({ path: `cells/${cell}`, cell, code: error.code, message: error.message });
      this.memory.remember({ cell, looks });
      this.memory.save();
      return null;
    }
  }

  /** Single files of cells that go on: no receipt, but they are here, whole, and load. */
  async takeClosed(files: readonly ClosedFile[]): Promise<void> {
    const patterns = new Map(this.place.cells.map((cell) => [cell.name, cell]));
    const wanted = files.filter(({ path }) => !isScratch(path, cellOf(path), patterns));
    this.waiting += wanted.filter(({ closed }) => !closed).length;
    const news = wanted.filter((file) => file.closed && !this.memory.has(file, this.target));
    if (news.length === 0) return;
    const { remote, place, target } = this;
    const lock = lockTarget(target);
    try {
      const hashed = await hashFiles(remote, place, news.map(({ path }) => path), this.options);
      this.waiting += news.length - hashed.length;
      assertRoomFor(target, hashed);
      // What a cut transfer left there is what this one goes on with.
      const staging = join(target, STAGING);
      makeDirectory(staging);
      if (this.options.workers === undefined) warmThreads(hashed.reduce((sum, { bytes }) => sum + bytes, 0));
      await remote.pull(place.directory, staging, { files: hashed.map(({ path }) => path), ...signalOf(this.options) });
      await this.settle(staging, hashed);
      rmSync(staging, { recursive: true, force: true });
    } finally {
      lock.release();
    }
  }

  private async settle(staging: string, hashed: readonly ListedFile[]): Promise<void> {
    const { files: verdicts } = await verifyTree(staging, hashed, { ...signalOf(this.options), ...(this.options.workers === undefined ? {} : { workers: this.options.workers }) });
    for (const [index, file] of hashed.entries()) {
      const verdict = verdicts[index];
      if (verdict === undefined || verdict.sha256 !== file.sha256 || verdict.bytes !== file.bytes) {
        this.waiting += 1;
        rmSync(join(staging, file.path), { force: true });
        continue;
      }
      // Whether the shards of a checkpoint fit together shows when all of them are here; until then the index waits for nobody.
      const problem = verdict.problems.find(({ code }) => !code.startsWith("shard-"));
      if (problem !== undefined) {
        this.damaged.push({ path: file.path, cell: cellOf(file.path) ?? null, code: problem.code, message: problem.message });
        this.memory.remember({ file, damaged: true });
        continue;
      }
      syncFile(join(staging, file.path));
      makeDirectory(dirname(join(this.target, file.path)));
      renameDurably(join(staging, file.path), join(this.target, file.path));
      this.arrived = { files: this.arrived.files + 1, bytes: this.arrived.bytes + file.bytes };
      this.memory.remember({ file, damaged: false });
    }
    this.memory.save();
    this.forgetManifestBeside();
  }

  /** It spoke of the copy as an earlier pull left it. */
  private forgetManifestBeside(): void {
    rmSync(join(this.target, MANIFEST_BESIDE), { force: true });
  }
}

const memorySchema = z.object({
  v: z.literal(1),
  target: z.string(),
  files: z.record(z.string(), z.object({ bytes: z.number(), mtimeSeconds: z.number(), damaged: z.boolean() })),
  cells: z.record(z.string(), z.string()),
});

/** What was followed so far, so that nothing is read twice on the instance. It protects nothing: without it everything is looked at again. */
class Memory {
  private constructor(
    private readonly path: string,
    private readonly known: z.infer<typeof memorySchema>,
  ) {}

  static of(run: RunCustody, target: string): Memory {
    const path = join(run.dir, "follow.json");
    const parsed = memorySchema.safeParse(readJson(path));
    return new Memory(path, parsed.success && parsed.data.target === target ? parsed.data : { v: 1, target, files: {}, cells: {} });
  }

  cell(name: string): string | undefined {
    return this.known.cells[name];
  }

  has({ path, bytes, mtimeSeconds }: ClosedFile, target: string): boolean {
    const known = this.known.files[path];
    return known?.bytes === bytes && known.mtimeSeconds === mtimeSeconds && (known.damaged || existsSync(join(target, path)));
  }

  remember(seen: { readonly cell: string; readonly looks: string } | { readonly file: ListedFile; readonly damaged: boolean }): void {
    if ("cell" in seen) this.known.cells[seen.cell] = seen.looks;
    else this.known.files[seen.file.path] = { bytes: seen.file.bytes, mtimeSeconds: seen.file.mtimeSeconds, damaged: seen.damaged };
  }

  save(): void {
    writeFileDurably(this.path, `${JSON.stringify(this.known)}\n`);
  }
}

async function listFiles(remote: Remote, place: FollowPlace, options: FollowOptions): Promise<ClosedFile[]> {
  const result = await remote.exec(["sh", `${place.scripts}/closed.sh`, place.directory, settle(options)], { timeoutSeconds: 600, ...signalOf(options) });
  return parseClosedFiles(stdoutOf(remote, result), remote.description);
}

/** Those that are still closed, with their hashes; the others are left out. */
async function hashFiles(remote: Remote, place: FollowPlace, paths: readonly string[], options: FollowOptions): Promise<ListedFile[]> {
  const result = await remote.exec(["sh", `${place.scripts}/closed.sh`, place.directory, settle(options), "--hash"], {
    stdin: paths.map((path) => `${path}\n`).join(""), timeoutSeconds: 6 * 3600, ...signalOf(options),
  });
  return parseListing(stdoutOf(remote, result), remote.description);
}

function stdoutOf(remote: Remote, { exitCode, stdout, stderr }: Awaited<ReturnType<Remote["exec"]>>): string {
  if (exitCode === 0) return stdout;
  if (exitCode === "unknown") throw new RemoteUnreachable(remote.description, "the connection ended while the run's files were listed");
  throw new UserError(`${remote.description}: closed.sh ended with exit code ${exitCode}: ${stderr.trim() || "no message"}`, { code: "remote-command" });
}

const settle = ({ settleSeconds }: FollowOptions): string => String(settleSeconds ?? 10);
const signalOf = ({ signal }: FollowOptions): { signal?: AbortSignal } => (signal === undefined ? {} : { signal });
const damage = ({ path, cell, code, message }: PullProblem): DamagedFile => ({ path, cell, code, message });

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as unknown;
  } catch {
    return null;
  }
}
