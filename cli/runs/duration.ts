/** Durations as people type them: 60s, 30m, 24h, 7d. */
import { InvalidArgumentError } from "commander";

const unitSeconds = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Seconds. For commander: throws InvalidArgumentError. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text.trim());
  const seconds = match ? Number(match[1]) * unitSeconds[match[2] as keyof typeof unitSeconds] : NaN;
  if (!(seconds > 0)) throw new InvalidArgumentError("a duration such as 30m, 24h or 7d");
  return seconds;
}
