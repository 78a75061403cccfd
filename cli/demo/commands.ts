/** Commands as a person would type them, in processes of their own; Ctrl-C waits for the one in progress. */
import { execa } from "execa";

export interface CommandOutcome {
  readonly exitCode: number;
  /** stdout and stderr as they came. */
  readonly output: string;
  readonly stdout: string;
}

export interface CommandPlace {
  readonly cwd: string;
  /** Added to this process's environment, or all there is where `alone` is set. */
  readonly env?: NodeJS.ProcessEnv;
  readonly alone?: boolean;
  /** Called with each line as it comes. */
  readonly onLine?: ((line: string) => void) | undefined;
}

/** What every update and destroy of the demos is called with. */
export const engineWords: readonly string[] = ["--non-interactive", "--color", "never"];

export class Commands {
  private running: Promise<unknown> = Promise.resolve();

  constructor(private readonly signal: AbortSignal) {}

  /** Resolves when the command in progress has ended, however it ended. */
  async idle(): Promise<void> {
    await this.running.catch(() => undefined);
  }

  /**
   * Resolves for every exit code. Ctrl-C on a terminal reaches the child by itself; a second signal would make the engine let go of
   * what it is doing. Without a terminal it is passed on once.
   */
  async run(program: string, args: readonly string[], place: CommandPlace): Promise<CommandOutcome> {
    this.signal.throwIfAborted();
    const child = execa(program, args, { cwd: place.cwd, env: place.env ?? {}, extendEnv: place.alone !== true, stdin: "ignore", all: true, reject: false, maxBuffer: 1 << 26 });
    const pass = (): void => {
      if (!process.stdin.isTTY) child.kill("SIGINT");
    };
    this.signal.addEventListener("abort", pass, { once: true });
    const ended = (async () => {
      if (place.onLine) for await (const line of child.iterable({ from: "all" })) place.onLine(line);
      return child;
    })();
    this.running = ended;
    const result = await ended.finally(() => {
      this.signal.removeEventListener("abort", pass);
    });
    this.signal.throwIfAborted();
    return { exitCode: result.exitCode ?? -1, output: result.all, stdout: result.stdout };
  }
}
