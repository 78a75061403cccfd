/** Inputs that lie on this machine, by content. The same hash is taken on the instance by remote/lib/inputs.sh. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync, type BigIntStats } from "node:fs";
import { join } from "node:path";
import { sha256Hex, writeFileDurably } from "../../custody";
import { messageOf, UserError } from "../../custody/userError";

export interface InputContent {
  /** Of a file its sha256, of a folder that of its sorted lines `<sha256>  <path>`. Links count as what they lead to. */
  readonly sha256: string;
  readonly bytes: number;
  readonly files: number;
}

/**
 * Hashes a file or folder. `memory` is a file that remembers hashes of files by size and time, so that a large data set is
 * read once. Null when nothing is there. Throws UserError for what has no plain content: broken links, devices, odd names.
 */
export function hashInput(path: string, memory: string): InputContent | null {
  const known = new Remembered(memory);
  const stat = statOf(path);
  if (stat === null) return null;
  if (stat.isFile()) {
    const sha256 = known.hash(path, stat);
    known.save();
    return { sha256, bytes: Number(stat.size), files: 1 };
  }
  if (!stat.isDirectory()) throw unfit(`${path} is no file or folder`);
  const files = listFiles(path, "").sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  if (files.length === 0) throw unfit(`${path} holds no file`);
  const lines = files.map((file) => `${known.hash(join(path, file.path), file.stat)}  ${file.path}\n`);
  known.save();
  return { sha256: sha256Hex(lines.join("")), bytes: files.reduce((sum, { stat: { size } }) => sum + Number(size), 0), files: files.length };
}

function listFiles(root: string, below: string): { path: string; stat: BigIntStats }[] {
  return readdirSync(join(root, below)).flatMap((name) => {
    if (/[\0-\x1f\x7f\\]/.test(name)) throw unfit(`a name in ${join(root, below)} holds a control character or a backslash`);
    const path = below === "" ? name : `${below}/${name}`;
    const stat = statOf(join(root, path));
    if (stat === null) throw unfit(`${join(root, path)} is a broken link`);
    if (stat.isDirectory()) return listFiles(root, path);
    if (!stat.isFile()) throw unfit(`${join(root, path)} is no file or folder`);
    return [{ path, stat }];
  });
}

/** Follows links. A loop of links is told by the system (ELOOP). */
function statOf(path: string): BigIntStats | null {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
    throw unfit(messageOf(error));
  }
}

const unfit = (why: string): UserError => new UserError(why, { code: "input-unfit" });

/** Below this a file is simply read again. */
const WORTH_REMEMBERING = 4 * 1024 * 1024;
/** A file written in the same tick of the clock as it was hashed may change without a new time. */
const SETTLED_SECONDS = 3;

class Remembered {
  private readonly files: Record<string, { readonly facts: string; readonly sha256: string }>;
  private changed = false;

  constructor(private readonly memory: string) {
    this.files = readMemory(memory);
  }

  hash(path: string, stat: BigIntStats): string {
    const facts = `${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}:${stat.ino}`;
    const known = this.files[path];
    if (known?.facts === facts) return known.sha256;
    const sha256 = hashFileNow(path);
    const settled = Date.now() - Number(stat.mtimeNs / 1_000_000n) > SETTLED_SECONDS * 1000;
    if (stat.size >= WORTH_REMEMBERING && settled) {
      this.files[path] = { facts, sha256 };
      this.changed = true;
    }
    return sha256;
  }

  save(): void {
    if (this.changed) writeFileDurably(this.memory, `${JSON.stringify(this.files)}\n`);
  }
}

function readMemory(path: string): Record<string, { facts: string; sha256: string }> {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, { facts: string; sha256: string }>;
  } catch {
    return {};
  }
}

function hashFileNow(path: string): string {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(1 << 20);
  const file = openSync(path, "r");
  try {
    for (;;) {
      const read = readSync(file, buffer);
      if (read === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
}
