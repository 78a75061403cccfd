/** What the custody tests share: a run, a clock that stands still, temporary folders, and processes of their own. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { openCustody, type Clock, type Custody, type LedgerData, type RunCustody, type RunRef } from "../../custody";

// A store of whoever runs the tests must not be written to.
delete process.env["HOLDFAST_CUSTODY_DIR"];
delete process.env["HOLDFAST_PROJECT_ROOT"];

export const run: RunRef = { project: "digits", stack: "dev", name: "sweep" };
export const NOW = "2026-03-01T12:00:00.000Z";

export function clockAt(time: string): Clock & { set(time: string): void } {
  let now = time;
  return { now: () => new Date(now), sleep: () => Promise.resolve(), set: (next) => { now = next; } };
}

export function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-custody-"));
  context.after(() => { rmSync(folder, { recursive: true, force: true }); });
  return folder;
}

/** A project folder with Pulumi.yaml. */
export function temporaryProject(context: TestContext): string {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, "Pulumi.yaml"), "name: digits\nruntime: nodejs\n");
  return folder;
}

export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

export const declared = (custodyId: string, roster: readonly string[] = ["a", "b"]): LedgerData["run.declared"] =>
  ({ run, custodyId, endpoint: { platform: "lambda", api: "sandbox" }, plan: { v: 1 }, roster });

/** A store with one declared run. */
export function declaredRun(context: TestContext, clock: Clock = clockAt(NOW)): { project: string; custody: Custody; run: RunCustody } {
  const project = temporaryProject(context);
  const custody = openCustody(project, { clock, create: true });
  const opened = custody.run(run);
  opened.append("run.declared", declared(custody.id));
  return { project, custody, run: opened };
}

/** Starts a script of `children/` under this Node. */
export function startChild(context: TestContext, script: string, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [join(__dirname, "children", `${script}.js`), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  context.after(() => { if (child.exitCode === null) child.kill("SIGKILL"); });
  return child;
}

export const ended = (child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> =>
  new Promise((resolve) => { child.once("exit", (code, signal) => { resolve({ code, signal }); }); });

/** A safetensors file with one float32 tensor. */
export function safetensors(values: readonly number[]): Buffer {
  const data = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => data.writeFloatLE(value, index * 4));
  const header = Buffer.from(JSON.stringify({ weight: { dtype: "F32", shape: [values.length], data_offsets: [0, data.length] } }));
  const padded = Buffer.concat([header, Buffer.alloc((8 - (header.length % 8)) % 8, " ")]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, data]);
}
