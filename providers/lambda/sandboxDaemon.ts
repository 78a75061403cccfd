/** Finds the sandbox's daemon by its descriptor, and starts it when nothing answers. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { systemClock } from "../../custody/clock";
import type { FileLock } from "../../custody/disk/fileLock";
import { tryFileLock } from "../../custody/disk/fileLock";
import { UserError } from "../../custody/userError";
import { HttpFailure, systemTransport } from "../httpTransport";

/** `daemon.json` in the sandbox's state directory, written when the daemon listens. */
export interface SandboxDescriptor {
  readonly v: 1;
  readonly pid: number;
  readonly url: string;
  readonly adminUrl: string;
  readonly apiKeyFile: string;
  readonly sshPort: number;
  readonly timeScale: number;
}

export interface SandboxStart {
  readonly projectRoot: string;
  readonly env: NodeJS.ProcessEnv;
  readonly say?: (message: string) => void;
  /** Real seconds until a started daemon must answer. Default 60: a cold start on a busy machine. */
  readonly deadlineSeconds?: number;
  readonly spawnDaemon?: (directory: string, env: NodeJS.ProcessEnv) => void;
}

/** HOLDFAST_SANDBOX_DIR, or `.holdfast/sandbox` in the project. */
export const sandboxDirectory = (projectRoot: string, env: NodeJS.ProcessEnv): string =>
  env["HOLDFAST_SANDBOX_DIR"] === undefined || env["HOLDFAST_SANDBOX_DIR"] === "" ? join(projectRoot, ".holdfast", "sandbox") : resolve(env["HOLDFAST_SANDBOX_DIR"]);

/** A descriptor whose daemon has just answered. Throws UserError when none does within the deadline. */
export async function ensureSandbox(start: SandboxStart): Promise<SandboxDescriptor> {
  const directory = sandboxDirectory(start.projectRoot, start.env);
  const running = await answering(directory);
  if (running !== null) return running;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const until = Date.now() + (start.deadlineSeconds ?? 60) * 1000;
  let lock: FileLock | null = null;
  try {
    for (;;) {
      // Several resources ask at once: one starts the daemon, the others wait for its answer.
      if (lock === null && (lock = tryFileLock(join(directory, "provider-start.lock"))) !== null) {
        const meanwhile = await answering(directory);
        if (meanwhile !== null) return meanwhile;
        start.say?.("starting the embedded sandbox");
        (start.spawnDaemon ?? spawnDaemon)(directory, start.env);
      }
      const descriptor = await answering(directory);
      if (descriptor !== null) return descriptor;
      if (Date.now() > until) {
        throw new UserError(`The sandbox in ${directory} did not start within ${start.deadlineSeconds ?? 60} s.`, {
          next: ["npx holdfast sandbox start (shows what is wrong)", "npx holdfast sandbox status"],
          code: "sandbox-not-started",
        });
      }
      await systemClock.sleep(50);
    }
  } finally {
    lock?.release();
  }
}

/** The descriptor, when a daemon answers under it with its own key; null otherwise (absent, stale, another's port). */
async function answering(directory: string): Promise<SandboxDescriptor | null> {
  const descriptor = readDescriptor(directory);
  if (descriptor === null) return null;
  try {
    const token = readFileSync(descriptor.apiKeyFile, "utf8").trim();
    const response = await systemTransport({
      method: "GET",
      url: `${descriptor.adminUrl}/knobs`,
      headers: { "x-sandbox-token": token, accept: "application/json" },
      timeoutMilliseconds: 5000,
      maxBytes: 1024 * 1024,
    });
    if (response.status !== 200) return null;
    // The descriptor has the scale of the start; it may have been changed since.
    const { timeScale } = JSON.parse(response.body) as { timeScale?: number };
    return { ...descriptor, timeScale: timeScale ?? descriptor.timeScale };
  } catch (error) {
    if (error instanceof HttpFailure || (error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

const isDescriptor = (descriptor: { readonly v: unknown }): descriptor is SandboxDescriptor => descriptor.v === 1;

function readDescriptor(directory: string): SandboxDescriptor | null {
  try {
    const descriptor = JSON.parse(readFileSync(join(directory, "daemon.json"), "utf8")) as SandboxDescriptor | { readonly v: unknown };
    if (!isDescriptor(descriptor)) {
      throw new UserError(`The sandbox in ${directory} was started by another version of Holdfast.`, { next: ["npx holdfast sandbox stop", "run the command again"] });
    }
    return descriptor;
  } catch (error) {
    if (error instanceof UserError) throw error;
    return null;
  }
}

/**
 * Detached, with nothing inherited but what a program needs to start: inherited output would keep the engine waiting for
 * as long as the daemon lives, and the stack's passphrase and keys are none of its business.
 */
function spawnDaemon(directory: string, env: NodeJS.ProcessEnv): void {
  const cli = resolve(__dirname, "../../cli/main.js");
  if (!existsSync(cli)) throw new UserError(`The compiled command line is missing (${cli}).`, { next: ["npm run build"] });
  const scrubbed = Object.fromEntries(["PATH", "HOME", "LANG"].flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
  const child = spawn(process.execPath, [cli, "sandbox", "start", "--dir", directory], { detached: true, stdio: "ignore", env: scrubbed, cwd: directory });
  // A start that fails shows as a descriptor that never answers, with the command that shows why.
  child.on("error", () => undefined);
  child.unref();
}
