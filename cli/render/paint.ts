/** Colours for a person's terminal: never in a pipe, never with NO_COLOR (no-color.org), always with FORCE_COLOR. */
import { styleText } from "node:util";

export type Tone = "strong" | "faint" | "good" | "warn" | "bad" | "accent";

const formats = { strong: "bold", faint: "dim", good: "green", warn: "yellow", bad: "red", accent: "cyan" } as const;

export type Paint = (tone: Tone, text: string) => string;

export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export function colorsWanted(stream: OutputStream, env: NodeJS.ProcessEnv): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== "0";
  return stream.isTTY === true && env.TERM !== "dumb";
}

export const plainPaint: Paint = (_tone, text) => text;

export function paintFor(stream: OutputStream, env: NodeJS.ProcessEnv): Paint {
  if (!colorsWanted(stream, env)) return plainPaint;
  return (tone, text) => styleText(formats[tone], text, { validateStream: false });
}
