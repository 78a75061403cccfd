// The formats' own libraries as a second opinion: Python's torch, numpy and safetensors where they are installed, its standard library otherwise.
import { spawn, spawnSync, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { VerifiedFormat } from "../../../custody/verify/index.js";
import { fixtures } from "../verify/forge.js";

export interface Opinion {
  readonly loads: boolean;
  /** The library that was asked. */
  readonly by: string;
  readonly reason: string;
}

const script = join(fixtures, "..", "..", "adversarial", "oracle.py");

/** HOLDFAST_PYTHON, or the first of the usual ones that has numpy, or any; undefined where there is no Python at all. */
export function findPython(): string | undefined {
  const candidates = [process.env["HOLDFAST_PYTHON"], "python3", "/usr/bin/python3"].filter((name) => name !== undefined);
  const runs = (name: string, code: string): boolean => spawnSync(name, ["-c", code], { stdio: "ignore" }).status === 0;
  if (process.env["HOLDFAST_PYTHON"] !== undefined) return process.env["HOLDFAST_PYTHON"];
  return candidates.find((name) => runs(name, "import numpy")) ?? candidates.find((name) => runs(name, "pass"));
}

export class Oracle {
  private constructor(
    private readonly child: ChildProcessByStdio<Writable, Readable, null>,
    private readonly lines: AsyncIterator<string>,
    /** Which libraries it has. */
    readonly libraries: Readonly<Record<string, boolean>>,
  ) {}

  static async start(python: string): Promise<Oracle> {
    const child = spawn(python, ["-u", script], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (first.done === true) throw new Error(`${python} ${script} ended at once`);
    return new Oracle(child, lines, JSON.parse(first.value) as Record<string, boolean>);
  }

  /** Only for files that the verifier accepted: torch.load runs what is in them. */
  async ask(path: string, format: VerifiedFormat): Promise<Opinion> {
    this.child.stdin.write(`${JSON.stringify({ path, format })}\n`);
    const answer = await this.lines.next();
    if (answer.done === true) throw new Error(`the Python process died over ${path}`);
    return JSON.parse(answer.value) as Opinion;
  }

  async close(): Promise<void> {
    this.child.stdin.end();
    if (this.child.exitCode === null) await once(this.child, "exit");
  }
}
