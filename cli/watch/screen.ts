/**
 * The full-screen view on a terminal: ink owns the alternate screen, the keys and what is redrawn; the picture is frame.ts's.
 * Whatever ends it, the terminal is left as it was found.
 */
import type { Key } from "ink";
import type { Session } from "../terminal";
import { cellNames } from "./cells";
import { chosenRun, frameLines, logPage, wrappedLog } from "./frame";
import { LogTail } from "./logTail";
import type { Observer } from "./observer";
import { afterKey, firstView, type WatchKey, type WatchView } from "./view";

export interface TerminalStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
}

/** Resolves when the person quits; throws what ended it else. */
export async function showScreen(session: Session, observer: Observer, { stdin, stdout }: TerminalStreams): Promise<void> {
  // React's development build checks and warns; nobody develops here.
  process.env.NODE_ENV ??= "production";
  const [ink, { createElement, useEffect, useReducer }] = await Promise.all([import("ink"), import("react")]);
  const state = new ScreenState(session, observer, stdout);

  function Watch(): ReturnType<typeof createElement> {
    const { columns, rows } = ink.useWindowSize();
    const { exit } = ink.useApp();
    const [, draw] = useReducer((count: number) => count + 1, 0);
    useEffect(() => {
      const stopListening = state.onChange(draw);
      // Ages and costs count on.
      const second = setInterval(draw, 1000);
      return () => {
        stopListening();
        clearInterval(second);
      };
    }, []);
    useEffect(() => {
      const failure = observer.failure();
      if (failure !== null) exit(failure.error instanceof Error ? failure.error : new Error(String(failure.error)));
    });
    ink.useInput((input, key) => {
      // Keys that were pressed fast, or held down over a slow line, arrive together.
      for (const meant of keysMeant(input, key)) {
        if (meant === "quit") exit();
        else state.press(meant);
      }
    });
    return createElement(ink.Text, { wrap: "hard" }, state.picture(columns, rows).join("\n"));
  }

  const instance = ink.render(createElement(Watch), { stdin, stdout, interactive: true, alternateScreen: true, incrementalRendering: true, patchConsole: false, maxFps: 10 });
  // Node would print the fault on the screen that is about to vanish: leave that first, then fail as every command does.
  const crash = new Promise<never>((_done, fail) => {
    const leave = (error: unknown): void => {
      instance.unmount();
      fail(error instanceof Error ? error : new Error(String(error)));
    };
    process.once("uncaughtException", leave);
    process.once("unhandledRejection", leave);
    void instance.waitUntilExit().catch(() => undefined).then(() => {
      process.removeListener("uncaughtException", leave);
      process.removeListener("unhandledRejection", leave);
    });
  });
  try {
    await Promise.race([instance.waitUntilExit(), crash]);
  } finally {
    await state.close();
  }
}

/** What is looked at now; outlives the components that show it. */
class ScreenState {
  private view: WatchView = firstView;
  private log: LogTail | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly session: Session,
    private readonly observer: Observer,
    private readonly stdout: NodeJS.WriteStream,
  ) {}

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    const stop = this.observer.onChange(listener);
    return () => {
      stop();
      this.listeners.delete(listener);
    };
  }

  picture(columns: number, rows: number): string[] {
    return frameLines(this.observer.runs(), this.view, this.log?.onScreen() ?? null, { columns, rows, paint: this.session.paint, now: this.session.clock.now() });
  }

  press(key: WatchKey): void {
    if (key === "refresh") this.observer.refresh();
    const runs = this.observer.runs();
    const chosen = chosenRun(runs, this.view);
    const cells = chosen === null ? [] : cellNames(chosen);
    const page = this.view.mode === "log" ? logPage(this.stdout.rows) : Math.max(1, Math.floor(this.stdout.rows / 2));
    const logLines = this.log === null ? 0 : wrappedLog(this.log.onScreen().lines, this.stdout.columns).length;
    this.view = afterKey(this.view, key, { runs: runs.map(({ id }) => id), cells: cells.length, logLines, page });
    this.openLog(chosen?.id ?? null, cells[this.view.cell] ?? null);
    this.draw();
  }

  async close(): Promise<void> {
    await this.log?.stop();
  }

  private openLog(run: string | null, cell: string | null): void {
    const key = this.view.mode === "log" && run !== null && cell !== null ? `${run} ${cell}` : null;
    if (this.view.mode === "help" || this.log?.key === key) return;
    void this.log?.stop();
    this.log = null;
    const custody = run === null ? null : this.observer.run(run);
    if (key === null || cell === null || custody === null) return;
    this.log = new LogTail(this.session, custody, key, cell, (line) => {
      // What somebody reads stays where it is while the log grows.
      if (line !== null && this.view.scrolledUp > 0) this.view = { ...this.view, scrolledUp: this.view.scrolledUp + wrappedLog([line], this.stdout.columns).length };
      this.draw();
    });
  }

  private draw(): void {
    for (const listener of this.listeners) listener();
  }
}

const letters: Readonly<Record<string, WatchKey>> = { q: "quit", k: "up", j: "down", g: "first", G: "last", l: "log", r: "refresh", "?": "help" };

function keysMeant(input: string, key: Key): WatchKey[] {
  const special = specialKey(key);
  if (special !== null) return [special];
  return key.ctrl || key.meta ? [] : input.split("").flatMap((letter) => letters[letter] ?? []);
}

function specialKey(key: Key): WatchKey | null {
  if (key.upArrow) return "up";
  if (key.downArrow) return "down";
  if (key.pageUp) return "pageUp";
  if (key.pageDown) return "pageDown";
  if (key.home) return "first";
  if (key.end) return "last";
  if (key.leftArrow || (key.tab && key.shift)) return "previousRun";
  if (key.rightArrow || key.tab) return "nextRun";
  if (key.return) return "log";
  return key.escape ? "back" : null;
}
