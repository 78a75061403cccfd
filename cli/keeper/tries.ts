/** How often something that failed is tried again: less and less often. Pure. */
import type { Tries } from "./memory";

/** Minutes before the next try; the last holds from then on. */
const pauses = [1, 2, 5, 15, 30, 60] as const;
const longestPause = 60;

/** `of`: what is tried, for example the approval it is tried under; what is new is tried at once. */
export const mayTry = (tries: Tries | null, of: string, now: Date): boolean => tries === null || tries.of !== of || Date.parse(tries.notBefore) <= now.getTime();

export function afterFailure(tries: Tries | null, of: string, now: Date): Tries {
  const count = tries?.of === of ? tries.count + 1 : 1;
  return { of, count, notBefore: later(now, pauses[Math.min(count, pauses.length) - 1] ?? longestPause) };
}

/** A refusal stands until something changes: it is asked for again within the hour, in case nobody tells. */
export const afterRefusal = (of: string, now: Date): Tries => ({ of, count: 1, notBefore: later(now, longestPause) });

const later = (now: Date, minutes: number): string => new Date(now.getTime() + minutes * 60_000).toISOString();
