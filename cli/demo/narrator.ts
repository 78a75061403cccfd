/** How the demo speaks: numbered chapters, the command a person would type, what came of it. Good on a terminal and in a pipe. */
import type { Paint } from "../render/paint";
import { paintFor } from "../render/paint";
import type { OutputStream } from "../render/paint";
import { formatDuration } from "../render/units";

export class Narrator {
  readonly paint: Paint;
  private chapter = 0;
  private live = "";
  private spoken = 0;
  private readonly renews: boolean;

  constructor(
    private readonly out: OutputStream,
    env: NodeJS.ProcessEnv,
    private readonly chapters: number,
    private readonly now: () => number = Date.now,
    /** Without a terminal a line this often, in milliseconds, so that nobody wonders whether it hangs. */
    private readonly speakEvery = 1500,
  ) {
    this.paint = paintFor(out, env);
    this.renews = out.isTTY === true && env.TERM !== "dumb";
  }

  get width(): number {
    return Math.min(this.out.columns ?? 100, 110);
  }

  title(text: string, ...lines: readonly string[]): void {
    this.line(this.paint("strong", text));
    for (const line of lines) this.line(line);
  }

  heading(text: string): void {
    this.chapter += 1;
    const label = ` ${this.chapter}/${this.chapters}  ${text} `;
    this.line("");
    this.line(this.paint("accent", `──${label}${"─".repeat(Math.max(3, this.width - label.length - 2))}`));
  }

  /** What happens and why, in a sentence or two. */
  say(text: string): void {
    this.line(text);
  }

  /** `who`: said before the prompt where several people type. */
  command(text: string, who = ""): void {
    this.line(`${this.paint("faint", `${who}$`)} ${this.paint("strong", text)}`);
  }

  /** What a command printed, set apart. */
  output(text: string): void {
    for (const line of text.replace(/\n+$/, "").split("\n")) this.line(`${this.paint("faint", "│")} ${line}`.trimEnd());
  }

  good(text: string): void {
    this.line(`${this.paint("good", "✓")} ${text}`);
  }

  bad(text: string): void {
    this.line(`${this.paint("bad", "✗")} ${text}`);
  }

  /** What goes on right now: one line that renews itself on a terminal, a line now and then in a pipe. */
  progress(text: string): void {
    if (this.renews) {
      this.live = text;
      this.out.write(`\r\u001b[2K${this.paint("faint", "…")} ${clip(text, (this.out.columns ?? 100) - 3)}`);
    } else if (this.now() - this.spoken >= this.speakEvery) {
      this.line(`${this.paint("faint", "…")} ${text}`);
    }
  }

  /** Repeats `text` with the time it takes until `work` is done, whenever nothing else was said. */
  async during<T>(text: string, work: Promise<T>): Promise<T> {
    const started = this.now();
    const timer = setInterval(() => {
      this.progress(`${text} (${formatDuration((this.now() - started) / 1000)})`);
    }, 500);
    try {
      return await work;
    } finally {
      clearInterval(timer);
      this.clear();
    }
  }

  line(text: string): void {
    this.clear();
    this.out.write(`${text}\n`);
    this.spoken = this.now();
  }

  private clear(): void {
    if (this.live === "") return;
    this.out.write("\r\u001b[2K");
    this.live = "";
  }
}

const clip = (text: string, width: number): string => (text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`);
