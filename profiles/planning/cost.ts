/** What a run can cost, as bounds: from stated limits and dated price tables, never from the network. */
import { valueOr } from "../fact";
import type { PlanCapacity, PlanCost, PlanDisk, PlanResources } from "../plan";
import type { Offer } from "./offer";
import { meetsLowerBounds, priceTableOf } from "./prices";
import type { Meter, Profile, Rate } from "../schema";
import type { Metered } from "./settings";

export const HOURS_PER_MONTH = 730;

/** Durable storage taken for a job that does not say how much it writes. */
export const ASSUMED_DISK_GIB = 100;

/** No month of the last ten years has seen a yuan above this many dollars (0.16 in 2018 and 2022): an upper bound, not a rate. */
export const USD_PER_CNY_BOUND = 0.17;

const GIB = 2 ** 30;

export interface CostFacts {
  readonly profile: Profile;
  readonly capacity: PlanCapacity;
  readonly resources: PlanResources;
  readonly disk: PlanDisk | null;
  readonly metered: Readonly<Record<string, Metered>>;
  readonly maxHours: number | null;
}

/** What the durable storage is taken to hold, in GiB: what the job asks for, what its cells need, or an assumption. */
export const storedGib = (resources: PlanResources, disk: PlanDisk | null): number =>
  resources.diskGiB === null && disk === null ? ASSUMED_DISK_GIB : Math.max(resources.diskGiB ?? 0, (disk?.bytes ?? 0) / GIB);

/** Bounds in USD; null where nothing bounds the amount. */
export function boundCost({ profile, capacity, resources, disk, metered, maxHours }: CostFacts): PlanCost {
  const { hourlyUsdBound, hourlySource, priceTable } = boundHourly(profile, capacity, resources);
  const storageUsdPerMonth = sumOf(storageMeters(profile).map((meter) => monthlyUsd(meter, valueOr(meter.rate, null), null, storedGib(resources, disk))));
  const extrasUsdPerMonth = sumOf(profile.meters.map((meter) => extraUsd(meter, metered[meter.id])));
  const egressUsd = egressOf(profile, disk);
  const cost = { hourlyUsdBound, hourlySource, priceTable, storageUsdPerMonth, extrasUsdPerMonth, egressUsd };
  return { ...cost, worstCaseUsd: maxHours === null ? null : costAfter(cost, maxHours), forgottenDayUsd: costAfter(cost, 24), forgottenMonthUsd: costAfter(cost, HOURS_PER_MONTH) };
}

type Rates = Pick<PlanCost, "hourlyUsdBound" | "storageUsdPerMonth" | "extrasUsdPerMonth">;

/**
 * Bound in USD after some hours with everything left running, in whole cents rounded up; null when the hourly rate is
 * unbounded. Storage and extras without a known price are left out, which warningsOf says.
 */
export function costAfter({ hourlyUsdBound, storageUsdPerMonth, extrasUsdPerMonth }: Rates, hours: number): number | null {
  if (hourlyUsdBound === null) return null;
  const usd = hourlyUsdBound * hours + (((storageUsdPerMonth ?? 0) + (extrasUsdPerMonth ?? 0)) * hours) / HOURS_PER_MONTH;
  return Math.max(0, Math.ceil(usd * 100 - 1e-6)) / 100;
}

/** Meters of the resource that holds the durable tier, without compute and transfer. */
const storageMeters = (profile: Profile): Meter[] => {
  const role = profile.tiers.find((tier) => tier.id === profile.durable.tier)?.role;
  return profile.meters.filter((meter) => meter.role === role && meter.id !== "compute" && meter.id !== "egress");
};

/** USD per month of a meter that config switches on; 0 for one that does not run. */
export function extraUsd(meter: Meter, metered: Metered | undefined): number | null {
  if (metered === undefined || metered.count === 0) return 0;
  const each = monthlyUsd(meter, valueOr(meter.rate, null), null, (metered.gb * 1e9) / GIB);
  return each === null ? null : each * metered.count;
}

/** What one pull of everything costs; unknown where the rate is, or the amount. */
function egressOf(profile: Profile, disk: PlanDisk | null): number | null {
  const meter = profile.meters.find((known) => known.id === "egress");
  const rate = meter === undefined ? null : valueOr(meter.rate, null);
  if (rate === null) return null;
  if (rate.kind === "free" || rate.kind === "quota") return 0;
  if (disk === null || rate.kind !== "fixed" || (rate.per !== "gb" && rate.per !== "gib")) return null;
  return inUsd(rate.amount * (disk.bytes / (rate.per === "gb" ? 1e9 : GIB)), rate.currency);
}

const inUsd = (amount: number, currency: "USD" | "CNY"): number => (currency === "USD" ? amount : amount * USD_PER_CNY_BOUND);

/** null as soon as one part is not known. */
const sumOf = (amounts: readonly (number | null)[]): number | null => amounts.reduce<number | null>((sum, amount) => (sum === null || amount === null ? null : sum + amount), 0);

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
    case "stepped": {
      const gigabytes = (gibibytes * GIB) / 1e9;
      const step = [...rate.steps].sort((a, b) => a.upToGb - b.upToGb).find(({ upToGb }) => upToGb >= gigabytes - 1e-6);
      return step === undefined ? null : capped(inUsd(step.amount, rate.currency));
    }
    case "fixed":
      switch (rate.per) {
        case "hour":
          return capped(inUsd(rate.amount * HOURS_PER_MONTH, rate.currency));
        case "month":
          return capped(inUsd(rate.amount, rate.currency));
        case "gibMonth":
          return capped(inUsd(rate.amount * gibibytes, rate.currency));
        case "gbMonth":
          return capped(inUsd((rate.amount * gibibytes * GIB) / 1e9, rate.currency));
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
