/** A project with a custody store in a temporary folder, and the real command line as a child process in it. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { openCustody, type Custody, type Manifest, type RunCustody } from "../../custody";
import { planOfStack } from "../../cli/runs/stackPlan";

export const program = resolve(__dirname, "..", "..", "cli", "main.js");

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that goes on: what it has written so far. */
export interface Running {
  readonly ended: Promise<Outcome>;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly signal: (name: NodeJS.Signals) => void;
}

// Custody is opened in this process too: what the shell has set must not lead it elsewhere.
for (const name of Object.keys(process.env)) if (name.startsWith("HOLDFAST_")) Reflect.deleteProperty(process.env, name);

export class TestProject {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-cli-")));
  readonly custody: Custody;

  constructor() {
    this.write("Pulumi.yaml", "name: lab\nruntime: nodejs\n");
    this.write(
      "Pulumi.dev.yaml",
      "config:\n  holdfast:platform: lambda\n  holdfast:job: job/job.yaml\n  holdfast:storage: {create: {}}\n  holdfast:teardown: {verb: terminate, storage: delete, require: pulled}\n  holdfast:capacity: {candidates: [cpu_4x_general], maxHourlyUsd: 1}\n  holdfast:budget: {maxHours: 2, maxUsd: 2}\n  holdfast:lambda: {endpoint: sandbox}\n",
    );
    this.write("job/job.yaml", "name: digits\ncommand: python3 train.py\ncode: .\nresources: {gpu: none}\nroster:\n  - {name: a, args: []}\n  - {name: b, args: []}\n");
    this.write("job/train.py", "print('training')\n");
    this.custody = openCustody(this.root, { create: true });
  }

  write(path: string, content: string | Uint8Array): string {
    const target = join(this.root, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
    return target;
  }

  /** A run as the ledger knows it after `up`: file system, key and instance stand, the job was started. Nothing answers at its address. */
  declareRun(name = "digits", stack = "dev"): RunCustody {
    const run = this.custody.run({ project: "lab", stack, name });
    const { plan } = planOfStack(this.root, { stack: "dev" });
    run.append("run.declared", { run: run.ref, custodyId: this.custody.id, endpoint: { platform: "lambda", api: "sandbox" }, plan: { ...plan, run: run.ref }, roster: ["a", "b"] });
    run.append("resource.created", { role: "sshKey", kind: "LambdaSshKey", id: "key-1", name: "lab-key" });
    run.append("resource.created", { role: "filesystem", kind: "LambdaFilesystem", id: "fs-1", name: "lab-fs", details: { mountPoint: "/lambda/nfs/lab-fs" } });
    run.append("resource.created", { role: "instance", kind: "LambdaInstance", id: "i-1", name: `lab-${name}`, hourlyUsd: 0.5 });
    // Port 9 of loopback: refused at once.
    run.append("address.changed", { instance: "i-1", host: "127.0.0.1", port: 9, user: "ubuntu" });
    const place = { directory: `/lambda/nfs/lab-fs/holdfast/lab/${stack}/${name}`, scripts: "/home/ubuntu/holdfast/scripts-1", spec: "s", code: "c", session: "t", mountPoint: "/lambda/nfs/lab-fs", filesystemId: "fs-1" };
    run.append("resource.created", { role: "job", kind: "RemoteJob", id: `job-${name}`, name: `job-${name}`, details: { ...place } });
    run.append("job.started", { instance: "i-1", directory: place.directory, cells: ["a", "b"], codeSha256: "c", specSha256: "s", scriptsSha256: "s" });
    return run;
  }

  /** A pulled copy with its manifest and receipt, signed by this store's key. */
  pulledCopy(run: RunCustody, files: Readonly<Record<string, Uint8Array | string>>): { directory: string; manifest: Manifest } {
    const directory = run.paths.pulled;
    const listed = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, content]) => {
      const bytes = Buffer.from(content);
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), bytes);
      const cell = /^cells\/([^/]+)\//.exec(path)?.[1];
      return { path, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex"), ...(cell === undefined ? {} : { cell }) };
    });
    const manifest: Manifest = {
      v: 1, run: run.ref, takenAt: "2026-01-02T03:04:05.000Z", place: { tier: "filesystem", directory: "/lambda/nfs/lab-fs", resource: "fs-1" },
      cells: [{ name: "a", state: "complete", exit: 0 }, { name: "b", state: "complete", exit: 0 }], files: listed, scratch: { files: 0, bytes: 0 }, closed: true,
    };
    writeFileSync(join(directory, "holdfast-manifest.json"), JSON.stringify(manifest));
    const manifestSha256 = run.saveManifest(manifest);
    const bytes = listed.reduce((sum, file) => sum + file.bytes, 0);
    run.append("manifest.taken", { manifestSha256, files: listed.length, bytes, closed: true });
    run.append("pull.finished", { manifestSha256, host: hostname(), directory, files: listed.length, bytes, seconds: 1 });
    run.signReceipt({ v: 1, id: "rcp_0123456789abcdef", run: run.ref, manifestSha256, how: "pulled", place: { host: hostname(), directory }, files: listed.length, bytes, loaded: [], notLoaded: [], cells: manifest.cells, at: new Date().toISOString() });
    return { directory, manifest };
  }

  /** The instance, file system and key are confirmed gone, the audit is closed. */
  endRun(run: RunCustody): void {
    for (const { role, kind, id } of run.view().live) run.append("resource.deleted", { role, kind, id, verb: "delete", grant: null, confirmed: "not in the list" });
    run.append("audit.closed", { billing: 0, leftovers: 0, usd: 0.25 });
  }

  async holdfast(...args: readonly string[]): Promise<Outcome> {
    return this.holdfastWith({}, ...args);
  }

  async holdfastWith(options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string }, ...args: readonly string[]): Promise<Outcome> {
    return this.start(options, ...args).ended;
  }

  /** Its own environment: no colours, no terminal, nothing inherited but what a program needs to start. */
  start(options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string }, ...args: readonly string[]): Running {
    const child = spawn(process.execPath, [program, ...args], { cwd: options.cwd ?? this.root, env: this.environment(options.env), stdio: ["pipe", "pipe", "pipe"] });
    child.stdin.end(options.input ?? "");
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => { stdout += text; });
    child.stderr.setEncoding("utf8").on("data", (text: string) => { stderr += text; });
    const ended = new Promise<Outcome>((done, fail) => {
      child.once("error", fail);
      child.once("close", (code) => {
        done({ code: code ?? -1, stdout, stderr });
      });
    });
    return { ended, stdout: () => stdout, stderr: () => stderr, signal: (name) => void child.kill(name) };
  }

  environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return { PATH: process.env["PATH"], HOME: this.root, LANG: "C.UTF-8", ...more };
  }

  /** Which modules a command line has loaded by the time it ends. */
  async loadedModules(...args: readonly string[]): Promise<Outcome & { readonly loaded: readonly string[] }> {
    const report = join(this.root, "loaded.json");
    const hook = this.write("hook.cjs", `process.on("exit", () => require("node:fs").writeFileSync(${JSON.stringify(report)}, JSON.stringify(Object.keys(require.cache))));`);
    const outcome = await this.holdfastWith({ env: { NODE_OPTIONS: `--require=${hook}` } }, ...args);
    return { ...outcome, loaded: JSON.parse(readFileSync(report, "utf8")) as string[] };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export async function withProject(body: (project: TestProject) => Promise<void>): Promise<void> {
  const project = new TestProject();
  try {
    await body(project);
  } finally {
    project.remove();
  }
}
