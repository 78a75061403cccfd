/** What the person looks at, and what a key changes about it. Pure. */

export interface WatchView {
  readonly mode: "board" | "log" | "help";
  /** Chosen by id, so that runs that appear or end do not move the choice. */
  readonly run: string | null;
  /** Index into the cells of the chosen run. */
  readonly cell: number;
  /** Lines scrolled up from the end of the log; 0 follows it. */
  readonly scrolledUp: number;
}

export const firstView: WatchView = { mode: "board", run: null, cell: 0, scrolledUp: 0 };

export type WatchKey = "up" | "down" | "pageUp" | "pageDown" | "first" | "last" | "nextRun" | "previousRun" | "log" | "back" | "help" | "refresh" | "quit";

export interface Surroundings {
  readonly runs: readonly string[];
  readonly cells: number;
  /** Lines of the log that can be scrolled over, and that fit on the screen. */
  readonly logLines: number;
  readonly page: number;
}

/** `refresh` and `quit` change nothing here: they are for the caller. */
export function afterKey(view: WatchView, key: WatchKey, around: Surroundings): WatchView {
  if (key === "help") return { ...view, mode: view.mode === "help" ? "board" : "help" };
  if (view.mode === "help") return key === "back" || key === "log" ? { ...view, mode: "board" } : view;
  return view.mode === "log" ? inLog(view, key, around) : onBoard(view, key, around);
}

function onBoard(view: WatchView, key: WatchKey, { runs, cells, page }: Surroundings): WatchView {
  const to = (cell: number): WatchView => ({ ...view, cell: Math.max(0, Math.min(cells - 1, cell)) });
  const at = Math.max(0, runs.indexOf(view.run ?? ""));
  const toRun = (step: number): WatchView => (runs.length < 2 ? view : { ...view, run: runs[(at + step + runs.length) % runs.length] ?? null, cell: 0 });
  switch (key) {
    case "up":
      return to(view.cell - 1);
    case "down":
      return to(view.cell + 1);
    case "pageUp":
      return to(view.cell - page);
    case "pageDown":
      return to(view.cell + page);
    case "first":
      return to(0);
    case "last":
      return to(cells - 1);
    case "nextRun":
      return toRun(1);
    case "previousRun":
      return toRun(-1);
    case "log":
      return cells === 0 ? view : { ...view, mode: "log", scrolledUp: 0 };
    case "back":
    case "help":
    case "refresh":
    case "quit":
      return view;
  }
}

function inLog(view: WatchView, key: WatchKey, { logLines, page }: Surroundings): WatchView {
  const to = (lines: number): WatchView => ({ ...view, scrolledUp: Math.max(0, Math.min(Math.max(0, logLines - page), lines)) });
  switch (key) {
    case "up":
      return to(view.scrolledUp + 1);
    case "down":
      return to(view.scrolledUp - 1);
    case "pageUp":
      return to(view.scrolledUp + page);
    case "pageDown":
      return to(view.scrolledUp - page);
    case "first":
      return to(Infinity);
    case "last":
      return to(0);
    case "log":
    case "back":
      return { ...view, mode: "board" };
    case "nextRun":
    case "previousRun":
    case "help":
    case "refresh":
    case "quit":
      return view;
  }
}
