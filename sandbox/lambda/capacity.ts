// Where capacity is: the catalogue's default, replaced by the knob, which may be a schedule over time.
import type { Knobs } from "../knobs.js";
import { findRegion, type Region } from "./catalog/regions.js";
import type { InstanceTypeRow } from "./catalog/instanceTypes.js";

/** Regions that the list shows as having capacity now, in the catalogue's order. */
export function regionsWithCapacity(row: InstanceTypeRow, knobs: Knobs, sinceSeconds: number): Region[] {
  return namesWithCapacity(row, knobs, sinceSeconds).flatMap((name) => findRegion(name) ?? []);
}

/** Whether a launch would be granted. Uses up one refusal when the knob counts them. */
export function grantsLaunch(row: InstanceTypeRow, regionName: string, knobs: Knobs, sinceSeconds: number): boolean {
  const refused = knobs.listedButRefused;
  if (typeof refused === "number" && refused > 0) {
    knobs.listedButRefused = refused - 1;
    return false;
  }
  if (Array.isArray(refused) && refused.includes(row.type.name)) return false;
  return knobs.grantUnlisted.includes(row.type.name) || namesWithCapacity(row, knobs, sinceSeconds).includes(regionName);
}

function namesWithCapacity(row: InstanceTypeRow, knobs: Knobs, sinceSeconds: number): readonly string[] {
  const schedule = knobs.capacity[row.type.name];
  if (schedule === undefined) return row.regionsWithCapacity;
  const begun = schedule.filter(({ afterSeconds }) => afterSeconds <= sinceSeconds).sort((a, b) => a.afterSeconds - b.afterSeconds);
  return begun.at(-1)?.regions ?? [];
}
