// Verifies the files of a folder that a manifest names: each by one pass, spread over threads, then what only shows across files.
import { realpathSync } from "node:fs";
import { posix } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { FileReport } from "./file.js";
import type { Role } from "./format.js";
import { runTasks } from "./pool.js";
import { compareShards, shardIndexOf, type ShardReport } from "./shards.js";
import { resolveInside, type ResolvedPath } from "./treePath.js";
import { usualThreads } from "./threads.js";
import { quote, type FileVerdict, type Problem } from "./verdict.js";
import type { FileTask } from "./worker.js";

export interface TreeFile {
  /** Relative to the root, with "/" between parts. */
  readonly path: string;
  /** What the manifest says; a difference is a problem of the file. */
  readonly bytes?: number;
  /** Lower-case hex. */
  readonly sha256?: string;
  readonly role?: Role;
}

export interface VerifyTreeOptions {
  /** Threads; by default as many as there are cores, at most 4. A tree of less than 32 MiB is verified without any. */
  readonly workers?: number;
  readonly onProgress?: (progress: TreeProgress) => void;
  readonly signal?: AbortSignal;
  /** See VerifyFileOptions; holds for all files. */
  readonly allowNonFinite?: readonly string[];
}

/** `path` is the file that made the last step. Bytes count what lies on the disk, not what the manifest says. */
export interface TreeProgress {
  readonly path: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly filesDone: number;
  readonly filesTotal: number;
}

export interface TreeProblem extends Problem {
  readonly path: string;
}

/** `files` in the order asked for; `problems` are those of all files with their paths. `ok` means that there is none. */
export interface TreeVerdict {
  readonly ok: boolean;
  readonly files: readonly FileVerdict[];
  readonly problems: readonly TreeProblem[];
}

/** Rejects when `root` does not exist, or with the signal's reason; whatever is wrong with a file is a problem in its verdict. */
export async function verifyTree(root: string, files: readonly TreeFile[], options: VerifyTreeOptions = {}): Promise<TreeVerdict> {
  const { tasks, reports } = await planTasks(realpathSync.native(root), files, options);
  const progress = new Progress(files, tasks, options.onProgress);
  await runTasks(tasks, options.workers ?? usualThreads(), {
    onBytes: (task, bytes) => progress.advance(task, bytes),
    onReport: (task, report) => {
      reports[task.index] = report;
      progress.finish(task);
    },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return concludeTree(files, reports);
}

async function planTasks(root: string, files: readonly TreeFile[], options: VerifyTreeOptions): Promise<{ tasks: FileTask[]; reports: (FileReport | undefined)[] }> {
  const tasks: FileTask[] = [];
  const reports: (FileReport | undefined)[] = [];
  const seen = new Set<string>();
  const sharded = new Set(files.filter(({ path }) => isIndex(path)).map(({ path }) => posix.dirname(path)));
  for (const [index, { path, role }] of files.entries()) {
    if (index % 512 === 511) await nextTurn();
    const resolved: ResolvedPath = seen.has(path) ? { problem: { code: "path", message: "The path is listed twice." } } : resolveInside(root, path);
    seen.add(path);
    if ("problem" in resolved) {
      reports[index] = { verdict: { path, bytes: 0, sha256: "", format: "opaque", ok: false, problems: [resolved.problem] }, links: {} };
      continue;
    }
    const fileOptions: FileTask["options"] = {
      name: posix.basename(path),
      refuseLinks: true,
      wantLinks: sharded.has(posix.dirname(path)),
      ...(role === undefined ? {} : { role }),
      ...(options.allowNonFinite === undefined ? {} : { allowNonFinite: options.allowNonFinite }),
    };
    tasks.push({ index, path: resolved.absolute, bytes: resolved.bytes, options: fileOptions });
  }
  return { tasks, reports };
}

class Progress {
  readonly #read = new Map<number, number>();
  readonly #bytesTotal: number;
  #bytesDone = 0;
  #filesDone = 0;

  constructor(
    private readonly files: readonly TreeFile[],
    private readonly tasks: readonly FileTask[],
    private readonly listener: ((progress: TreeProgress) => void) | undefined,
  ) {
    this.#bytesTotal = tasks.reduce((sum, task) => sum + task.bytes, 0);
  }

  advance(task: FileTask, bytes: number): void {
    this.#bytesDone += bytes - (this.#read.get(task.index) ?? 0);
    this.#read.set(task.index, bytes);
    this.#tell(task);
  }

  finish(task: FileTask): void {
    this.#filesDone += 1;
    this.advance(task, task.bytes);
  }

  #tell(task: FileTask): void {
    const path = this.files[task.index]?.path ?? task.path;
    this.listener?.({ path, bytesDone: this.#bytesDone, bytesTotal: this.#bytesTotal, filesDone: this.#filesDone, filesTotal: this.tasks.length });
  }
}

function concludeTree(files: readonly TreeFile[], reports: readonly (FileReport | undefined)[]): TreeVerdict {
  const linked = new Map<string, ShardReport>(files.map(({ path }, index) => [path, { path, links: reports[index]?.links ?? {} }]));
  const verdicts = files.map((file, index): FileVerdict => {
    const report = reports[index];
    if (report === undefined) throw new Error(`no report for ${file.path}`);
    const across = isIndex(file.path) ? compareShards({ path: file.path, links: report.links }, linked) : [];
    const problems = [...report.verdict.problems, ...compareWithManifest(file, report.verdict), ...across];
    return { ...report.verdict, path: file.path, ok: problems.length === 0, problems };
  });
  const problems = verdicts.flatMap(({ path, problems: list }) => list.map((problem) => ({ path, ...problem })));
  return { ok: problems.length === 0, files: verdicts, problems };
}

/** A file that could not be read has said so already. */
function compareWithManifest(file: TreeFile, verdict: FileVerdict): Problem[] {
  if (verdict.sha256 === "") return [];
  const problems: Problem[] = [];
  if (file.bytes !== undefined && file.bytes !== verdict.bytes) problems.push({ code: "size-mismatch", message: `It has ${verdict.bytes} bytes, the manifest says ${file.bytes}.` });
  if (file.sha256 !== undefined && file.sha256 !== verdict.sha256) problems.push({ code: "sha256-mismatch", message: `Its SHA-256 is ${verdict.sha256}, the manifest says ${quote(file.sha256)}.` });
  return problems;
}

function isIndex(path: string): boolean {
  return shardIndexOf(path) !== undefined;
}
