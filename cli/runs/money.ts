/** Amounts as people type them: 40, 2.50, $12. */
import { InvalidArgumentError } from "commander";

/** USD. For commander: throws InvalidArgumentError. */
export function parseUsd(text: string): number {
  const match = /^\$?(\d+(?:\.\d{1,4})?)$/.exec(text.trim());
  const usd = match ? Number(match[1]) : NaN;
  if (!(usd > 0)) throw new InvalidArgumentError("an amount in USD such as 40 or 2.50");
  return usd;
}
