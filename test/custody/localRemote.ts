/**
 * A machine that is this one: programs run as real processes, files move by the real rsync, with the options of the SSH
 * runner. What a network can do to them is set on it.
 */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { RemoteUnreachable, UserError, type Remote, type RemoteExecOptions, type RemotePullOptions, type RemoteResult } from "../../custody";

/** The scripts that are copied to instances; tests run in the project's folder. */
export const scripts = resolve("remote");

export class LocalRemote implements Remote {
  readonly description = "local@127.0.0.1:22";
  /** Every call, for tests that count them. */
  readonly calls: string[] = [];
  /** Runs before each pull; may change files, or throw like a cut connection. */
  beforePull: () => void = () => undefined;
  /** Runs after each program; may change its result. */
  afterExec: (argv: readonly string[], result: RemoteResult) => RemoteResult = (_argv, result) => result;

  async exec(argv: readonly string[], options: RemoteExecOptions = {}): Promise<RemoteResult> {
    this.calls.push(`exec ${argv.join(" ")}`);
    const result = await runProgram(argv, options.stdin);
    for (const line of result.stdout.split("\n").slice(0, -1)) options.onLine?.(line);
    return this.afterExec(argv, result);
  }

  async pull(from: string, to: string, options: RemotePullOptions): Promise<void> {
    this.calls.push(`pull ${options.files.length}`);
    this.beforePull();
    if (options.files.length === 0) return;
    const argv = ["rsync", "--times", "--chmod=F644,D755", "--from0", "--files-from=-", "--partial-dir=.holdfast-partial", `${from}/`, `${to}/`];
    const result = await runProgram(argv, options.files.join("\0"));
    if (result.exitCode !== 0) throw new UserError(`rsync ended with ${result.exitCode}: ${result.stderr}`, { code: "transfer-failed" });
    options.onProgress?.({ bytes: 1 });
  }

  async send(from: string, to: string, options: RemotePullOptions): Promise<void> {
    this.calls.push(`send ${options.files.length}`);
    mkdirSync(to, { recursive: true });
    const result = await runProgram(["rsync", "--times", "--copy-links", "--from0", "--files-from=-", "--partial-dir=.holdfast-partial", `${from}/`, `${to}/`], options.files.join("\0"));
    if (result.exitCode !== 0) throw new UserError(`rsync ended with ${result.exitCode}: ${result.stderr}`, { code: "transfer-failed" });
  }

  async push(from: string, to: string): Promise<void> {
    const result = await runProgram(["rsync", "--recursive", "--links", `${from}/`, `${to}/`]);
    if (result.exitCode !== 0) throw new UserError(result.stderr, { code: "transfer-failed" });
  }

  write(path: string, content: string | Uint8Array, mode: number): Promise<void> {
    this.calls.push(`write ${path}`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.new`, content);
    chmodSync(`${path}.new`, mode);
    renameSync(`${path}.new`, path);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A machine that is not there. */
export class SilentRemote extends LocalRemote {
  override exec(): Promise<RemoteResult> {
    return Promise.reject(new RemoteUnreachable(this.description, "connection timed out"));
  }
}

function runProgram(argv: readonly string[], stdin: string | Uint8Array = ""): Promise<RemoteResult> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => { stdout += text; });
  child.stderr.setEncoding("utf8").on("data", (text: string) => { stderr += text; });
  child.stdin.on("error", () => undefined).end(stdin);
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("close", (code) => { done({ exitCode: code ?? "unknown", stdout, stderr }); });
  });
}
