/** What a dated price table holds. */

/** One instance type. Memory and disk in GiB, money in USD per hour and instance. */
export interface Offer {
  readonly type: string;
  /** Model without its memory or form: `A100`, `RTX 6000`; null: no GPU. */
  readonly gpu: string | null;
  readonly gpus: number;
  readonly gpuMemoryGiB: number | null;
  readonly cpus: number;
  readonly memoryGiB: number;
  readonly diskGiB: number;
  readonly architecture: string;
  readonly hourlyUsd: number;
}

export interface PriceTable {
  readonly platform: string;
  /** Month of the listing, YYYY-MM. */
  readonly month: string;
  readonly offers: readonly Offer[];
}
