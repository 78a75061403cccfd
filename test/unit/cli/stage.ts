/** A terminal for tests: what the command wrote, and the answers it gets. */
import { PassThrough } from "node:stream";
import type { ExitCode } from "../../../cli/exitCodes";
import { run } from "../../../cli/main";
import type { Terminal } from "../../../cli/terminal";
import { systemClock } from "../../../custody/clock";

export interface Stage {
  readonly terminal: Terminal;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

export function stage(options: { cwd?: string; env?: NodeJS.ProcessEnv; isTTY?: boolean; typed?: string } = {}): Stage {
  let out = "";
  let err = "";
  const stdin = Object.assign(new PassThrough(), { isTTY: options.isTTY === true });
  if (options.typed !== undefined) stdin.write(options.typed);
  const terminal: Terminal = {
    stdin,
    stdout: { write: (text: string) => { out += text; } },
    stderr: Object.assign(new PassThrough(), { isTTY: options.isTTY === true, write: (text: string | Uint8Array) => { err += String(text); return true; } }),
    env: { NO_COLOR: "1", ...options.env },
    cwd: options.cwd ?? "/",
    clock: systemClock,
  };
  return { terminal, stdout: () => out, stderr: () => err };
}

/** Runs a command line in this process. */
export async function runOn(argv: readonly string[], options: Parameters<typeof stage>[0] = {}): Promise<{ code: ExitCode; stdout: string; stderr: string }> {
  const { terminal, stdout, stderr } = stage(options);
  const code = await run(argv, terminal);
  return { code, stdout: stdout(), stderr: stderr() };
}
