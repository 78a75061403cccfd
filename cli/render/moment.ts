/** Points in time as people say them, in the reader's own time zone. Pure but for the zone of the process. */
import { formatDuration } from "./units";

/** 22:30 of today, tomorrow 03:10, Thu 03:10 within a week, else 2026-12-04 03:10. */
export function formatMoment(iso: string, now: Date): string {
  const at = new Date(iso);
  const days = daysBetween(now, at);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (days === 0) return time;
  if (days === 1) return `tomorrow ${time}`;
  if (days === -1) return `yesterday ${time}`;
  if (days > 1 && days < 7) return `${weekdays[at.getDay()] ?? ""} ${time}`;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

/** in 3 h 48 min, 2 min ago */
export function formatDistance(iso: string, now: Date, format = formatDuration): string {
  const seconds = (Date.parse(iso) - now.getTime()) / 1000;
  return seconds >= 0 ? `in ${format(seconds)}` : `${format(-seconds)} ago`;
}

/** 18:42:07 */
export const formatTimeOfDay = (at: Date): string => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;

/** Calendar days of the reader's zone; a day of 23 or 25 hours counts as one. */
function daysBetween(from: Date, to: Date): number {
  const midnight = (date: Date): number => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  return Math.round((midnight(to) - midnight(from)) / 86_400_000);
}

const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const two = (value: number): string => String(value).padStart(2, "0");
