/** Colours for a person's terminal: never in a pipe, never with NO_COLOR (no-color.org), always with FORCE_COLOR. */
import { styleText } from "node:util";

export type Tone = "strong" | "faint" | "good" | "warn" | "bad" | "accent";

const formats = { strong: "bold", faint: "dim", good: "green", warn: "yellow", bad: "red", accent: "cyan" } as const;

export type Paint = (tone: Tone, text: string) => string;

/**
 * Names of folders, messages of remote programs and the like are not ours: control characters in them could move the cursor
 * and forge what a person reads. Colours, newlines and tabs stay.
 */
export const printable = (text: string): string => text.replace(controls, (part) => (part.endsWith("m") && part.length > 1 ? part : ""));
const controls = /\u001b\[[0-9;]*m|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

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
