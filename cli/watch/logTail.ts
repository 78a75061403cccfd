/** The log of one cell while somebody looks at it: its last lines, followed until the person turns away. */
import type { Session } from "../terminal";
import { followLog } from "../runs/followLog";
import type { RunCustody } from "../../custody";
import type { LogOnScreen } from "./look";

/** Lines that are kept for scrolling. */
const kept = 2000;

export class LogTail {
  private readonly lines: string[] = [];
  private readonly stopped = new AbortController();
  private note: string | null = "reading";
  private readonly following: Promise<void>;

  constructor(
    session: Session,
    run: RunCustody,
    readonly key: string,
    private readonly cell: string,
    /** With the line that came, or null when only what is said of the connection changed. */
    private readonly changed: (line: string | null) => void,
  ) {
    this.following = this.follow(session, run);
  }

  onScreen(): LogOnScreen {
    return { title: `log of ${this.cell}`, lines: this.lines, note: this.note };
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.following;
  }

  private async follow(session: Session, run: RunCustody): Promise<void> {
    const { remoteForRun } = await import("../../providers/ssh/forRun.js");
    try {
      const end = await followLog(run, {
        cell: this.cell,
        lines: 500,
        signal: this.stopped.signal,
        clock: session.clock,
        // The connection is the observer's own, which closes it.
        connect: () => remoteForRun(run, { clock: session.clock, attempts: 1 }),
        onLine: (line) => {
          this.lines.push(line);
          if (this.lines.length > kept) this.lines.splice(0, this.lines.length - kept);
          this.note = null;
          this.changed(line);
        },
        onNote: (text) => {
          this.say(text === "connected again" ? null : text);
        },
      });
      this.say(end === "gone" ? "the machine is gone" : "the cell has ended");
    } catch (error) {
      if (!this.stopped.signal.aborted) this.say((error as Error).message);
    }
  }

  private say(note: string | null): void {
    this.note = note;
    this.changed(null);
  }
}
