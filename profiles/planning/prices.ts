/** Dated price tables for bounds made offline, and which offers meet a job's lower bounds. */
import { lambdaPrices } from "../lambdaPrices";
import { paperspacePrices } from "../paperspacePrices";
import type { PlanResources } from "../plan";
import type { Offer, PriceTable } from "./offer";

const tables: readonly PriceTable[] = [lambdaPrices, paperspacePrices];

export const priceTableOf = (platform: string): PriceTable | null => tables.find((table) => table.platform === platform) ?? null;

/**
 * Whether an offer has at least what the job asks for. GPU names are compared whole, without regard to case: `a100`
 * means A100, never A1000. `diskGiB` is about durable storage and not about the instance's own disk.
 */
export function meetsLowerBounds(offer: Offer, wanted: PlanResources): boolean {
  const { gpu } = wanted;
  if (gpu !== null) {
    if (offer.gpu === null || offer.gpus < gpu.count) return false;
    if (gpu.names.length > 0 && !gpu.names.some((name) => sameGpu(name, offer.gpu ?? ""))) return false;
    if (gpu.memoryGiB !== null && (offer.gpuMemoryGiB ?? 0) < gpu.memoryGiB) return false;
  }
  return offer.cpus >= (wanted.cpus ?? 0) && offer.memoryGiB >= (wanted.memoryGiB ?? 0);
}

function sameGpu(wanted: string, offered: string): boolean {
  const words = (name: string): string => name.toLowerCase().replaceAll(/[\s_-]+/g, "");
  return words(wanted) === words(offered) || `tesla${words(wanted)}` === words(offered);
}
