// One pass over one file: its hash, its size and the check of its format come from the same bytes, which are read once.
import type { ProblemCode } from "./codes.js";
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync, statSync, type BigIntStats } from "node:fs";
import { basename } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { CheckContext, FormatCheck, Links } from "./check.js";
import { claimsWeights, createCheck, detectFormat, magicBytes, type Role } from "./format.js";
import { withScanMemory, type ScanMemory } from "./simd/scanMemory.js";
import { ProblemList, type FileVerdict, type VerifiedFormat } from "./verdict.js";

export interface VerifyFileOptions {
  /** See `detectFormat`. */
  readonly role?: Role;
  /** Names of tensors whose values may be NaN or infinite (an attention mask of -inf, say); "*" stands for any run of characters. */
  readonly allowNonFinite?: readonly string[];
  /** Told the bytes read of this file so far, about every 16 MiB. */
  readonly onBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/** What only a tree's verification says: the path was resolved, and its last part may no longer be the file's name. */
export interface InspectOptions extends VerifyFileOptions {
  readonly name?: string;
  readonly refuseLinks?: boolean;
  /** Tensor names are sent between threads only where a shard index will be compared with them. */
  readonly wantLinks?: boolean;
}

export interface FileReport {
  readonly verdict: FileVerdict;
  readonly links: Links;
}

/**
 * Reads `path` (a symbolic link is followed) and says whether it loads. Nothing in it is executed.
 * A file that cannot be opened or read, or that changes meanwhile, is a problem in the verdict; rejects only when `signal` aborts
 * or a programming error is met. Reads are synchronous and give way every few milliseconds.
 */
export async function verifyFile(path: string, options: VerifyFileOptions = {}): Promise<FileVerdict> {
  return (await inspectFile(path, options)).verdict;
}

/** As verifyFile, with what the cross-file step of a tree needs. */
export async function inspectFile(path: string, options: InspectOptions): Promise<FileReport> {
  const problems = new ProblemList();
  const unread = (): FileReport => ({ verdict: { path, bytes: 0, sha256: "", format: "opaque", ok: false, problems: problems.list() }, links: {} });
  let descriptor: number;
  try {
    // Without O_NONBLOCK, opening a named pipe waits for its writer for ever.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | (options.refuseLinks === true ? constants.O_NOFOLLOW : 0));
  } catch (error) {
    problems.add(isErrno(error, "ENOENT") ? "missing" : "unreadable", `The file cannot be opened: ${messageOf(error)}.`);
    return unread();
  }
  try {
    const before = fstatSync(descriptor, { bigint: true });
    if (!before.isFile()) {
      problems.add("not-a-file", "It is not a regular file.");
      return unread();
    }
    return await withScanMemory((memory) => new Pass(path, descriptor, before, memory, problems, options).run());
  } catch (error) {
    if (!isSystemError(error)) throw error;
    problems.add("unreadable", `Reading stopped: ${messageOf(error)}.`);
    return unread();
  } finally {
    closeSync(descriptor);
  }
}

const progressBytes = 16 * 1024 * 1024;
/** At one to two gigabytes a second this lets timers and signals run every few milliseconds. */
const turnBytes = 8 * 1024 * 1024;

class Pass {
  readonly #hash = createHash("sha256");
  readonly #size: number;

  constructor(
    private readonly path: string,
    private readonly descriptor: number,
    private readonly before: BigIntStats,
    private readonly memory: ScanMemory,
    private readonly problems: ProblemList,
    private readonly options: InspectOptions,
  ) {
    this.#size = Number(before.size);
  }

  async run(): Promise<FileReport> {
    const detection = detectFormat(this.options.name ?? basename(this.path), this.#readAt(0, magicBytes), this.options.role);
    const check = this.#openCheck(detection.format, "refusal" in detection ? detection.refusal : undefined);
    const bytes = await this.#read(check);
    if (bytes === this.#size) await check?.finish();
    this.#compareStats(bytes);
    const problems = this.problems.list();
    const summary = check?.summary();
    const verdict = { path: this.path, bytes, sha256: this.#hash.digest("hex"), format: detection.format, ok: problems.length === 0, problems };
    return { verdict: summary === undefined ? verdict : { ...verdict, summary }, links: (this.options.wantLinks === true ? check?.links?.() : undefined) ?? {} };
  }

  #openCheck(format: VerifiedFormat, refusal?: { readonly code: ProblemCode; readonly message: string }): FormatCheck | undefined {
    if (refusal !== undefined) this.problems.add(refusal.code, refusal.message);
    else if (this.#size === 0 && (format !== "opaque" || this.#claimsWeights())) this.problems.add("empty", "The file is empty.");
    else if (format === "opaque" && this.#claimsWeights()) return new ZerosCheck(this.problems);
    else return createCheck(format, this.#context());
    return undefined;
  }

  #claimsWeights(): boolean {
    return this.options.role !== "opaque" && claimsWeights(this.options.name ?? basename(this.path));
  }

  /** Reads to the size that the file had when it was opened, and returns how many bytes came. */
  async #read(check: FormatCheck | undefined): Promise<number> {
    const { chunk } = this.memory;
    let position = 0;
    let nextProgress = progressBytes;
    let nextYield = turnBytes;
    while (position < this.#size) {
      const length = readSync(this.descriptor, chunk, 0, Math.min(chunk.length, this.#size - position), position);
      if (length === 0) break;
      const bytes = length === chunk.length ? chunk : chunk.subarray(0, length);
      this.#hash.update(bytes);
      const pending = check?.consume(bytes, position);
      if (pending !== undefined) await pending;
      position += length;
      if (position >= nextProgress) {
        nextProgress += progressBytes;
        this.options.onBytes?.(position);
      }
      if (position >= nextYield) {
        nextYield += turnBytes;
        await nextTurn();
        this.options.signal?.throwIfAborted();
      }
    }
    return position;
  }

  /** Compares the open file with itself, and with what the path names now: an atomic replacement leaves the open one untouched. */
  #compareStats(bytes: number): void {
    const after = fstatSync(this.descriptor, { bigint: true });
    let named: BigIntStats | undefined;
    try {
      named = statSync(this.path, { bigint: true });
    } catch {
      named = undefined;
    }
    const { before } = this;
    const same = bytes === this.#size && after.size === before.size && after.mtimeNs === before.mtimeNs && after.ctimeNs === before.ctimeNs;
    if (same && named?.ino === before.ino && named.dev === before.dev) return;
    this.problems.add("changed-while-read", "The file changed, or was replaced, while it was read. Wait until nothing writes it, and verify again.");
  }

  #context(): CheckContext {
    const allowed = (this.options.allowNonFinite ?? []).map(wildcard);
    return {
      size: this.#size,
      problems: this.problems,
      memory: this.memory,
      readAt: (position, length) => this.#readAt(position, length),
      mayBeNonFinite: (tensor) => allowed.some((pattern) => pattern.test(tensor)),
    };
  }

  #readAt(position: number, length: number): Buffer {
    const wanted = Buffer.alloc(Math.max(0, Math.min(length, this.#size - position)));
    let filled = 0;
    while (filled < wanted.length) {
      const got = readSync(this.descriptor, wanted, filled, wanted.length - filled, position + filled);
      if (got === 0) return wanted.subarray(0, filled);
      filled += got;
    }
    return wanted;
  }
}

/** What a crash leaves where the length reached the disk and the data did not. */
class ZerosCheck implements FormatCheck {
  #isZero = true;

  constructor(private readonly problems: ProblemList) {}

  consume(chunk: Uint8Array): void {
    if (this.#isZero) this.#isZero = chunk.every((byte) => byte === 0);
  }

  finish(): void {
    if (this.#isZero) this.problems.add("empty", "It is named like weights and holds nothing but zeros, as after a crash before the data reached the disk.");
  }

  summary(): undefined {
    return undefined;
  }
}

function wildcard(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^]*")}$`);
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && "syscall" in error;
}

function isErrno(error: unknown, code: string): boolean {
  return isSystemError(error) && error.code === code;
}

function messageOf(error: unknown): string {
  return isSystemError(error) ? `${error.code ?? "error"} (${error.syscall ?? "read"})` : String(error);
}
