/** What a picture is made for: the screen it must fit, and the log that may be on it. */
import type { Paint } from "../render/paint";

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly paint: Paint;
  readonly now: Date;
}

export interface LogOnScreen {
  readonly title: string;
  /** Whole lines as they came; the picture wraps them. */
  readonly lines: readonly string[];
  /** Said of the connection: lost, ended. */
  readonly note: string | null;
}
