/** What a run can cost, as bounds: from stated limits and dated price tables, never from the network. */
import { valueOr } from "../fact";
import type { PlanCapacity, PlanCost, PlanResources } from "../plan";
import type { Offer } from "./offer";
import { meetsLowerBounds, priceTableOf } from "./prices";
import type { Meter, Profile, Rate } from "../schema";

export const HOURS_PER_MONTH = 730;

/** Durable storage taken for a job that does not say how much it writes. */
export const ASSUMED_DISK_GIB = 100;

export interface CostFacts {
  readonly profile: Profile;
  readonly capacity: PlanCapacity;
  readonly resources: PlanResources;
  readonly maxHours: number | null;
}

/** Bounds in USD; null where nothing bounds the amount. */
export function boundCost({ profile, capacity, resources, maxHours }: CostFacts): PlanCost {
  const { hourlyUsdBound, hourlySource, priceTable } = boundHourly(profile, capacity, resources);
  const storageUsdPerMonth = storagePerMonth(profile, resources.diskGiB ?? ASSUMED_DISK_GIB);
  const cost = { hourlyUsdBound, hourlySource, priceTable, storageUsdPerMonth, worstCaseUsd: null, forgottenMonthUsd: null };
  return { ...cost, worstCaseUsd: maxHours === null ? null : costAfter(cost, maxHours), forgottenMonthUsd: costAfter(cost, HOURS_PER_MONTH) };
}

/** Bound in USD after some hours with everything left running, in whole cents rounded up; null when the rate is unbounded. */
export function costAfter(cost: Pick<PlanCost, "hourlyUsdBound" | "storageUsdPerMonth">, hours: number): number | null {
  if (cost.hourlyUsdBound === null) return null;
  const usd = cost.hourlyUsdBound * hours + ((cost.storageUsdPerMonth ?? 0) * hours) / HOURS_PER_MONTH;
  return Math.ceil(usd * 100 - 1e-6) / 100;
}

/** USD per month while a meter runs on the given amount of storage; null when the rate is not known. */
export function monthlyUsd(meter: Meter, rate: Rate | null, hourlyUsd: number | null, gibibytes: number): number | null {
  if (rate === null) return null;
  const capped = (usd: number): number => Math.min(usd, valueOr(meter.capUsdPerMonth, Infinity));
  switch (rate.kind) {
    case "free":
    case "quota":
      return 0;
    case "live":
      return rate.per === "hour" && hourlyUsd !== null ? capped(hourlyUsd * HOURS_PER_MONTH) : null;
    case "fixed":
      if (rate.currency !== "USD") return null;
      switch (rate.per) {
        case "hour":
          return capped(rate.amount * HOURS_PER_MONTH);
        case "month":
          return capped(rate.amount);
        case "gibMonth":
          return capped(rate.amount * gibibytes);
        case "gbMonth":
          return capped(rate.amount * gibibytes * 1.073741824);
        case "gib":
        case "gb":
          return null;
      }
  }
}

type Hourly = Pick<PlanCost, "hourlyUsdBound" | "hourlySource" | "priceTable">;

function boundHourly(profile: Profile, capacity: PlanCapacity, resources: PlanResources): Hourly {
  const compute = profile.meters.find((meter) => meter.id === "compute");
  const kind = compute === undefined ? "free" : valueOr(compute.rate, null)?.kind;
  if (kind === "free" || kind === "quota") return { hourlyUsdBound: 0, hourlySource: "free", priceTable: null };
  const table = priceTableOf(profile.id);
  const listed = table === null ? null : dearest(table.offers, capacity, resources);
  const stated = capacity.maxHourlyUsd;
  if (listed !== null && (stated === null || listed <= stated)) return { hourlyUsdBound: listed, hourlySource: "price-table", priceTable: table?.month ?? null };
  if (stated !== null) return { hourlyUsdBound: stated, hourlySource: "capacity.maxHourlyUsd", priceTable: null };
  return { hourlyUsdBound: null, hourlySource: "unknown", priceTable: null };
}

/** The dearest type that could be launched; null when one of them is not in the table, or none is. */
function dearest(offers: readonly Offer[], capacity: PlanCapacity, resources: PlanResources): number | null {
  const possible =
    capacity.candidates.length > 0 ? capacity.candidates.map(({ type }) => offers.find((offer) => offer.type === type)) : offers.filter((offer) => meetsLowerBounds(offer, resources));
  const prices = possible.map((offer) => offer?.hourlyUsd ?? Infinity);
  const highest = prices.length === 0 ? Infinity : Math.max(...prices);
  return highest === Infinity ? null : highest;
}

/** Sum over the meters of the durable tier's resource, for the stated disk. */
function storagePerMonth(profile: Profile, gibibytes: number): number | null {
  const role = profile.tiers.find((tier) => tier.id === profile.durable.tier)?.role;
  const amounts = profile.meters.filter((meter) => meter.role === role).map((meter) => monthlyUsd(meter, valueOr(meter.rate, null), null, gibibytes));
  if (amounts.some((amount) => amount === null)) return null;
  return amounts.reduce<number>((sum, amount) => sum + (amount ?? 0), 0);
}
