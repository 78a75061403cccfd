/** A real terminal of a given size: tmux on a socket of its own, so that nobody's tmux is touched. */
import { execa } from "execa";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../engine/until";

export class TmuxScreen {
  private readonly folder = mkdtempSync(join(tmpdir(), "holdfast-tmux-"));

  private constructor(private readonly env: NodeJS.ProcessEnv) {}

  /** Runs `line` in a shell that stays afterwards, so that what is left of the terminal can be looked at. */
  static async open(line: string, options: { columns: number; rows: number; cwd: string; env: NodeJS.ProcessEnv }): Promise<TmuxScreen> {
    const screen = new TmuxScreen(options.env);
    const size = ["-x", String(options.columns), "-y", String(options.rows)];
    await screen.tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", ...size, "-c", options.cwd, "sh");
    await screen.tmux("pipe-pane", "-t", "t", `cat > '${screen.recording}'`);
    await screen.tmux("send-keys", "-t", "t", "-l", `${line}\n`);
    return screen;
  }

  /** The lines on the screen, without trailing blanks. */
  async lines(): Promise<string[]> {
    return (await this.tmux("capture-pane", "-p", "-t", "t")).replace(/\n$/, "").split("\n").map((line) => line.trimEnd());
  }

  async text(): Promise<string> {
    return (await this.lines()).join("\n");
  }

  /** Waits until the screen shows it. */
  async shows(what: string | RegExp): Promise<string> {
    return until(`the screen to show ${String(what)}`, async () => {
      const text = await this.text();
      return (typeof what === "string" ? text.includes(what) : what.test(text)) ? text : null;
    }, 40).catch(async (error: unknown) => {
      throw new Error(`${(error as Error).message}\n${await this.text()}`);
    });
  }

  /** Key names of tmux (Down, Escape, C-c) or letters. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.tmux("send-keys", "-t", "t", ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.tmux("resize-window", "-t", "t", "-x", String(columns), "-y", String(rows));
  }

  /** Whether a full-screen program has the screen, and whether the cursor is hidden. */
  async state(): Promise<{ alternate: boolean; cursor: boolean }> {
    const [alternate, cursor] = (await this.tmux("display-message", "-p", "-t", "t", "#{alternate_on} #{cursor_flag}")).trim().split(" ");
    return { alternate: alternate === "1", cursor: cursor === "1" };
  }

  /** Every byte that was written to the terminal. */
  written(): string {
    return readFileSync(this.recording, "utf8");
  }

  async close(): Promise<void> {
    await this.tmux("kill-server").catch(() => undefined);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private get recording(): string {
    return join(this.folder, "recording");
  }

  private async tmux(...args: readonly string[]): Promise<string> {
    const { stdout } = await execa("tmux", ["-S", join(this.folder, "socket"), ...args], { env: { ...this.env, TERM: "xterm-256color" }, extendEnv: false, stripFinalNewline: false });
    return stdout;
  }
}
