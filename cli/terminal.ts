/** What a command sees of the world around it; tests pass their own. */
import type { Readable } from "node:stream";
import type { Clock } from "../custody/clock";
import { systemClock } from "../custody/clock";
import { exitCodes, Interrupted } from "./exitCodes";
import type { OutputStream, Paint } from "./render/paint";
import { paintFor } from "./render/paint";

export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly clock: Clock;
}

export function processTerminal(): Terminal {
  return { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: process.env, cwd: process.cwd(), clock: systemClock };
}

/** One execution of one command: results go to stdout, everything said on the way to stderr. */
export class Session {
  readonly paint: Paint;
  readonly notePaint: Paint;
  private abort: AbortController | null = null;
  private readonly last: (() => Promise<void>)[] = [];

  constructor(
    readonly terminal: Terminal,
    /** A program reads: one JSON value on stdout, no progress. */
    readonly json: boolean,
  ) {
    this.paint = paintFor(terminal.stdout, terminal.env);
    this.notePaint = paintFor(terminal.stderr, terminal.env);
  }

  get clock(): Clock {
    return this.terminal.clock;
  }

  get env(): NodeJS.ProcessEnv {
    return this.terminal.env;
  }

  /** Width for tables: the terminal's, or COLUMNS. Undefined in a plain pipe, where lines are not wrapped. */
  get width(): number | undefined {
    if (this.terminal.stdout.isTTY) return this.terminal.stdout.columns;
    const columns = Number(this.terminal.env.COLUMNS);
    return columns >= 40 ? columns : undefined;
  }

  /** A person sits at both ends. */
  get interactive(): boolean {
    return this.terminal.stdin.isTTY === true && this.terminal.stderr.isTTY === true && !this.json;
  }

  print(text: string): void {
    this.terminal.stdout.write(`${text}\n`);
  }

  printJson(value: unknown): void {
    this.terminal.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** Said on the way; never part of the result. Silent with --json. */
  note(text: string): void {
    if (!this.json) this.terminal.stderr.write(`${text}\n`);
  }

  /** What a person must not miss, whatever else the command says; as JSON for programs. It changes no exit code. */
  warn(code: string, message: string, next: readonly string[] = []): void {
    if (this.json) this.terminal.stderr.write(`${JSON.stringify({ warning: { code, message, next } })}\n`);
    else this.terminal.stderr.write(`${[this.notePaint("warn", `WARNING: ${message}`), ...next.map((step) => `  next: ${step}`)].join("\n")}\n`);
  }

  /** Done when the command has ended, however it ended. */
  atEnd(work: () => Promise<void>): void {
    this.last.push(work);
  }

  /** Called once, by whoever started the command. */
  async end(): Promise<void> {
    for (const work of this.last.splice(0)) await work();
  }

  /** Aborted at the first Ctrl-C; the second ends the process. Asking for it installs the handler. */
  get signal(): AbortSignal {
    if (this.abort === null) {
      const controller = new AbortController();
      this.abort = controller;
      // The handler stays: libraries that watch for exits end the process when nobody listens any more.
      process.on("SIGINT", () => {
        if (controller.signal.aborted) process.exit(exitCodes.interrupted);
        controller.abort(new Interrupted());
      });
    }
    return this.abort.signal;
  }
}
