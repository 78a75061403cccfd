/** Prices that Lambda's API does not tell. Everything else is read from the API, in cents per hour of the instance. */

/** File systems, billed by the hour for what they hold, mounted or not. https://docs.lambda.ai/public-cloud/filesystems/ (2026-06). */
export const usdPerGibMonth = 0.2;

/** USD per month for so many bytes; null when the API has not counted them yet. Whole cents. */
export const storageMonthlyUsd = (bytesUsed: number | null): number | null => (bytesUsed === null ? null : Math.round((bytesUsed / 1024 ** 3) * usdPerGibMonth * 100) / 100);
