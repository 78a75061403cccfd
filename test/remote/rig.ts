/** A throw-away instance for the scripts: own disk, durable tier, and the shell they run under. Kills what it started. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Finished extends Ended {
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly pid: number;
  /** It ended; what it left behind may still hold its output open. */
  readonly finished: Promise<Ended>;
  /** It ended, and all that it printed is here. */
  readonly closed: Promise<Finished>;
}

export interface CellSpec {
  /** Body of the command file. */
  readonly command: string;
  readonly env?: string;
  readonly sha256?: string;
  /** Hash of the code it is run with, and of what it reads; absent: none is written. */
  readonly code?: string;
  readonly inputs?: string;
}

/** State file of a cell, as far as tests look at it. */
export interface CellFile {
  readonly state: string;
  readonly attempt: number;
  readonly exit: number | null;
  readonly cause: string | null;
  readonly pid: number | null;
  readonly pgid: number | null;
  readonly wrapperPid: number | null;
  readonly startTicks: number | null;
  readonly configSha256: string | null;
  readonly codeSha256: string | null;
  readonly inputsSha256: string | null;
  /** Names of the folders that it runs from. */
  readonly spec: string | null;
  readonly code: string | null;
  readonly endedAt: string | null;
  readonly class: string | null;
  readonly certainty: string | null;
  readonly retries: number;
  readonly evidence: readonly string[];
}

const shellPaths: Readonly<Record<string, readonly string[]>> = {
  dash: ["/usr/bin/dash", "/bin/dash"],
  bash: ["/usr/bin/bash", "/bin/bash"],
};

/** The project's root: tests run from compiled files, in dist/ or elsewhere. */
export const projectRoot = [process.cwd(), ...ancestors(__dirname)].find((folder) => existsSync(join(folder, "remote", "run_queue.sh"))) ?? process.cwd();

/** Tests that wait more than they compute: a few at a time. */
export const inParallel = (name: string, tests: () => void): void => void describe(name, { concurrency: 4 }, tests);

/** Runs a test under dash and under bash; `sh`, which the scripts call for their own children, is that shell too. */
export function underEachShell(name: string, body: (rig: Rig, t: TestContext) => Promise<void>): void {
  for (const [shell, paths] of Object.entries(shellPaths)) {
    const path = paths.find((candidate) => existsSync(candidate));
    // The bound only ends a test that hangs; cleaning up is a hook, so that it happens then too.
    test(`${name} (${shell})`, { skip: path === undefined ? `${shell} is not installed` : false, timeout: 180_000 }, async (t) => {
      const rig = new Rig(path ?? shell);
      t.after(() => rig.remove());
      await body(rig, t);
    });
  }
}

/** Looks until `look` gives something; the bound only keeps a failing test from hanging. */
export async function until<T>(what: string, look: () => T | null | undefined | false, seconds = 60): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const seen = look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await pause(20);
  }
}

export class Rig {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "remote-")));
  readonly mount = join(this.root, "tier");
  readonly runDirectory = join(this.mount, "holdfast", "proj", "dev", "run1");
  readonly ownDisk = join(this.root, "home", "holdfast");
  readonly spec = join(this.ownDisk, "spec-000000000001");
  readonly code = join(this.ownDisk, "code-000000000001");
  /** First on PATH: `sh` and whatever a test puts before the real programs. */
  readonly bin = join(this.root, "bin");
  private readonly started: { readonly child: ChildProcess; ended: boolean }[] = [];

  constructor(readonly shell: string) {
    for (const folder of [this.mount, this.spec, this.code, this.bin]) mkdirSync(folder, { recursive: true });
    symlinkSync(shell, join(this.bin, "sh"));
  }

  /** What a replaced instance starts with. */
  loseOwnDisk(): void {
    rmSync(this.ownDisk, { recursive: true, force: true });
    for (const folder of [this.spec, this.code]) mkdirSync(folder, { recursive: true });
  }

  /** Writes the spec folder. Floors are one byte unless `limits` says otherwise; retries do not wait. */
  writeSpec(cells: Readonly<Record<string, CellSpec>>, options: { queue?: string; limits?: Readonly<Record<string, string | number>>; env?: string; into?: string } = {}): void {
    const spec = options.into ?? this.spec;
    mkdirSync(spec, { recursive: true });
    const limits = { bytes_floor: 1, inodes_floor: 1, max_retries: 2, retry_backoff_seconds: 0, heartbeat_seconds: 1, stop_grace_seconds: 20, ...options.limits };
    writeFileSync(join(spec, "queue"), options.queue ?? Object.keys(cells).map((cell) => `${cell}\n`).join(""));
    writeFileSync(join(spec, "limits"), Object.entries(limits).map(([key, value]) => `${key}=${value}\n`).join(""));
    writeFileSync(join(spec, "env"), options.env ?? "");
    for (const [name, cell] of Object.entries(cells)) this.writeCell(name, cell, spec);
  }

  writeCell(name: string, cell: CellSpec, spec = this.spec): void {
    const folder = join(spec, "cells", name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "command"), cell.command);
    writeFileSync(join(folder, "env"), cell.env ?? "");
    writeFileSync(join(folder, "sha256"), `${cell.sha256 ?? "a".repeat(64)}\n${cell.code === undefined ? "" : `code ${cell.code}\n`}${cell.inputs === undefined ? "" : `inputs ${cell.inputs}\n`}`);
  }

  /** Hands an edit over to the queue, as the provider does. */
  next(spec: string, code = this.code): void {
    mkdirSync(this.inRun("state"), { recursive: true });
    writeFileSync(this.inRun("state", "next.json.new"), `${JSON.stringify({ spec: basename(spec), code: basename(code) })}\n`);
    renameSync(this.inRun("state", "next.json.new"), this.inRun("state", "next.json"));
  }

  /** What status.sh answers. */
  async status(): Promise<{ cells: (CellFile & { cell: string; begun: boolean })[]; writer: string; queue: { spec: string; code: string } | null; next: unknown; refused: { cells: string[] } | null }> {
    const { stdout } = await this.run("status.sh", [this.runDirectory]);
    return JSON.parse(stdout) as Awaited<ReturnType<Rig["status"]>>;
  }

  /** Starts a script of remote/ in its own process group, as a session of its own would. */
  start(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
    return this.launch(this.shell, [join(projectRoot, "remote", script), ...args], env);
  }

  launch(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
    const { LC_ALL: _dropped, ...inherited } = process.env;
    const child = spawn(program, args, {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...inherited, TMUX_TMPDIR: this.root, PATH: `${this.bin}:${process.env["PATH"] ?? "/usr/bin:/bin"}`, ...env },
    });
    const record = { child, ended: false };
    this.started.push(record);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (data: Buffer) => stdout.push(data));
    child.stderr.on("data", (data: Buffer) => stderr.push(data));
    child.once("exit", () => { record.ended = true; });
    const ends = (event: "exit" | "close"): Promise<Finished> =>
      new Promise((resolve, reject) => {
        child.once("error", reject);
        child.once(event, (code: number | null, signal: NodeJS.Signals | null) => {
          resolve({ code, signal, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
        });
      });
    const [finished, closed] = [ends("exit"), ends("close")];
    // Most tests await one of the two.
    for (const unheard of [finished, closed]) unheard.catch(() => undefined);
    if (child.pid === undefined) throw new Error(`${program} could not be started`);
    return { pid: child.pid, finished, closed };
  }

  /** A script that prints its answer and ends; all of its output is awaited. */
  run(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
    return this.start(script, args, env).closed;
  }

  queue(from?: string, work: { spec: string; code: string } = this): Started {
    return this.start("run_queue.sh", [this.runDirectory, work.spec, work.code, ...(from === undefined ? [] : [from])]);
  }

  inRun(...parts: string[]): string {
    return join(this.runDirectory, ...parts);
  }

  read(...parts: string[]): string {
    return readFileSync(this.inRun(...parts), "utf8");
  }

  readIfThere(...parts: string[]): string | null {
    return existsSync(this.inRun(...parts)) ? this.read(...parts) : null;
  }

  cell(name: string): CellFile {
    return JSON.parse(this.read("state", "cells", `${name}.json`)) as CellFile;
  }

  cellIfThere(name: string): CellFile | null {
    const text = this.readIfThere("state", "cells", `${name}.json`);
    return text === null ? null : (JSON.parse(text) as CellFile);
  }

  closed(): { epoch: number; complete: string[]; failed: string[] } | null {
    const text = this.readIfThere("state", "closed.json");
    return text === null ? null : (JSON.parse(text) as { epoch: number; complete: string[]; failed: string[] });
  }

  lock(): { epoch: number; pid: number; startTicks: number; releasedAt?: string } {
    return JSON.parse(this.read("lock", "writer")) as { epoch: number; pid: number; startTicks: number; releasedAt?: string };
  }

  /** Puts a program before the real one of its name. */
  stub(name: string, body: string): void {
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }

  /** The kernel says, from now on, that a GPU has fallen off the bus. */
  breakGpu(): void {
    this.stub("dmesg", `echo "[99999999.000000] NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."`);
  }

  /** Pids of processes that carry this run's mark: the job's own processes, wherever they went. */
  jobProcesses(): number[] {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => environmentOf(pid).includes(`HOLDFAST_PAYLOAD_OF=${this.root}`));
  }

  async remove(): Promise<void> {
    for (const { child, ended } of this.started) {
      if (child.pid === undefined) continue;
      // The group may outlive its leader; a group id cannot be reused while it does.
      if (!ended || groupLives(child.pid)) kill(-child.pid);
    }
    for (const pid of this.jobProcesses()) kill(pid);
    await until("processes of the test to end", () => this.jobProcesses().length === 0);
    rmSync(this.root, { recursive: true, force: true });
  }
}

export function lives(pid: number): boolean {
  const stat = readProc(pid, "stat");
  return stat !== "" && stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
}

/** Field 22 of /proc/PID/stat. */
export function startTicksOf(pid: number): number {
  const stat = readProc(pid, "stat");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
}

export function kill(pid: number, signal: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function groupLives(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

const environmentOf = (pid: number): string => readProc(pid, "environ");

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}

function ancestors(folder: string): string[] {
  return dirname(folder) === folder ? [folder] : [folder, ...ancestors(dirname(folder))];
}
