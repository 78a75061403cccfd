/** Numbers as people read them. Pure. */

/** Decimal units, as vendors bill and rsync reports: 1.2 MB. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  // 999.95 would print as 1000.0 of the smaller unit.
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Two units at most: 8 s, 2 min 5 s, 3 h 4 min, 2 d 3 h. Negative times are shown as 0 s. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(Math.floor(whole / 60), "min", whole % 60, "s");
  const minutes = Math.round(whole / 60);
  if (minutes < 24 * 60) return pair(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** One unit, where room is short: 8 s, 2 min, 4 h, 3 d. */
export function formatRough(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 100) return `${whole} s`;
  if (whole < 100 * 60) return `${Math.round(whole / 60)} min`;
  if (whole < 48 * 3600) return `${Math.round(whole / 3600)} h`;
  return `${Math.round(whole / 86_400)} d`;
}

/** Cents where they say enough, four digits below: $1.29, $0.0021. */
export function formatUsd(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return "unknown";
  const size = Math.abs(usd);
  const digits = size < 0.000_05 || size >= 0.1 ? 2 : 4;
  return `${usd < 0 ? "-" : ""}$${size.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

export const formatPercent = (fraction: number): string => `${(fraction * 100).toFixed(1)} %`;

/** 2026-11-23 04:31:14 UTC, from an ISO 8601 time. */
export const formatTime = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;

export const plural = (count: number, noun: string, many = `${noun}s`): string => `${count} ${count === 1 ? noun : many}`;

/** a, b and c */
export function listOf(words: readonly string[], empty = "nothing"): string {
  if (words.length === 0) return empty;
  if (words.length === 1) return words[0] ?? empty;
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
