// The toolchain is plain JavaScript that runs before anything is compiled, so the tests load it from where it lies.
import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";

/** The checkout: the nearest folder above the working directory that has a toolchain. */
export const root = ((): string => {
  for (let at = process.cwd(); ; at = path.dirname(at)) {
    if (fs.existsSync(path.join(at, "toolchain", "run.cjs"))) return at;
    if (at === path.dirname(at)) throw new Error("run these tests from within the checkout");
  }
})();

export function load(file: string): unknown {
  return createRequire(path.join(root, "package.json"))(path.join(root, "toolchain", file));
}

/** A folder that goes when the test ends. */
export function folder(t: TestContext): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "holdfast-toolchain-"));
  t.after(() => {
    fs.rmSync(made, { recursive: true, force: true });
  });
  return made;
}

export function write(file: string, text: string, mode = 0o644): string {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text, { mode });
  return file;
}

/** An executable shell script. */
export function script(file: string, body: string): string {
  return write(file, `#!/bin/sh\n${body}\n`, 0o755);
}

export interface Log {
  line(text: string): void;
  progress(name: string, detail: string): { update(text: string): void; done(text: string): void; stop(): void };
}

/** A log that keeps what it is told. */
export function recorder(): Log & { lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    line: (text) => void lines.push(text),
    progress: (name, detail) => {
      lines.push(`${name}: ${detail}`);
      return { update: () => undefined, done: (text) => void lines.push(`${name}: ${text}`), stop: () => undefined };
    },
  };
}

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end; `started` gets the process, to signal it. */
export function run(
  program: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; started?: (child: ChildProcess) => void } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // Without this the runner that we are part of would take a child's `node --test` for one of its own workers.
    const env: NodeJS.ProcessEnv = { ...(options.env ?? process.env) };
    delete env["NODE_TEST_CONTEXT"];
    const child = spawn(program, args, { cwd: options.cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code, stdout, stderr });
    });
    options.started?.(child);
  });
}
