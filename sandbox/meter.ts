// What would have been billed. Instances by the started minute from the first passed health check to the terminate call,
// file systems by stored GiB-hours; all in the vendor's time. Pure: the daemon measures, this file computes.
import type { VendorClock } from "./clock.js";

const hourMs = 3_600_000;
const minuteMs = 60_000;
const gib = 1024 ** 3;
/** A month of a price list: 8760 hours / 12. */
export const hoursPerMonth = 730;

export interface InstanceMeter extends MeterSpan {
  kind: "instance";
  usdPerHour: number;
}

export interface FileSystemMeter extends MeterSpan {
  kind: "filesystem";
  usdPerGibMonth: number;
  /** Accrued until `sampledMs`; from there on `bytes` counts. */
  gibHours: number;
  bytes: number;
  sampledMs: number;
}

interface MeterSpan {
  id: string;
  name: string;
  fromMs: number;
  toMs: number | null;
  fromReal: string;
  toReal: string | null;
}

export type MeterRecord = InstanceMeter | FileSystemMeter;

export interface MeterReport {
  readonly timeScale: number;
  /** Everything that was ever metered. `from` and `to` are real times, `hours` are the vendor's. */
  readonly resources: readonly MeteredResource[];
  /** What goes on billing now. */
  readonly billing: readonly BillingResource[];
  readonly totalUsd: number;
}

export interface MeteredResource {
  readonly kind: MeterRecord["kind"];
  readonly id: string;
  readonly name: string;
  readonly from: string;
  readonly to: string | null;
  readonly hours: number;
  readonly usd: number;
}

export interface BillingResource {
  readonly kind: MeterRecord["kind"];
  readonly id: string;
  readonly name: string;
  readonly usdPerHour: number;
  readonly usdPerMonth: number;
}

export function openInstanceMeter(records: MeterRecord[], clock: VendorClock, what: { id: string; name: string; usdPerHour: number }): void {
  if (findOpen(records, what.id)) return;
  records.push({ kind: "instance", ...what, ...opening(clock) });
}

export function openFileSystemMeter(records: MeterRecord[], clock: VendorClock, what: { id: string; name: string; usdPerGibMonth: number }): void {
  records.push({ kind: "filesystem", ...what, ...opening(clock), gibHours: 0, bytes: 0, sampledMs: clock.now() });
}

/** Records how many bytes a file system holds now; what it held until now is accrued. */
export function sampleFileSystem(records: MeterRecord[], id: string, bytes: number, nowMs: number): void {
  const record = findOpen(records, id);
  if (record?.kind !== "filesystem") return;
  record.gibHours = gibHoursAt(record, nowMs);
  record.bytes = bytes;
  record.sampledMs = nowMs;
}

export function closeMeter(records: MeterRecord[], clock: VendorClock, id: string): void {
  const record = findOpen(records, id);
  if (!record) return;
  if (record.kind === "filesystem") sampleFileSystem(records, id, record.bytes, clock.now());
  record.toMs = clock.now();
  record.toReal = clock.realIso();
}

export function findOpen(records: readonly MeterRecord[], id: string): MeterRecord | undefined {
  return records.find((record) => record.id === id && record.toMs === null);
}

export function reportMeter(records: readonly MeterRecord[], nowMs: number, timeScale: number): MeterReport {
  const resources = records.map((record) => ({
    kind: record.kind,
    id: record.id,
    name: record.name,
    from: record.fromReal,
    to: record.toReal,
    hours: round(((record.toMs ?? nowMs) - record.fromMs) / hourMs),
    usd: round(usdOf(record, nowMs)),
  }));
  const billing = records
    .filter((record) => record.toMs === null)
    .map((record) => {
      const usdPerHour = record.kind === "instance" ? record.usdPerHour : ((record.bytes / gib) * record.usdPerGibMonth) / hoursPerMonth;
      return { kind: record.kind, id: record.id, name: record.name, usdPerHour: round(usdPerHour), usdPerMonth: round(usdPerHour * hoursPerMonth) };
    });
  return { timeScale, resources, billing, totalUsd: round(records.reduce((sum, record) => sum + usdOf(record, nowMs), 0)) };
}

function usdOf(record: MeterRecord, nowMs: number): number {
  const end = record.toMs ?? nowMs;
  if (record.kind === "instance") return (Math.ceil((end - record.fromMs) / minuteMs) / 60) * record.usdPerHour;
  return (gibHoursAt(record, end) / hoursPerMonth) * record.usdPerGibMonth;
}

function gibHoursAt(record: FileSystemMeter, atMs: number): number {
  return record.gibHours + (record.bytes / gib) * (Math.max(0, atMs - record.sampledMs) / hourMs);
}

function opening(clock: VendorClock): Omit<MeterSpan, "id" | "name"> {
  return { fromMs: clock.now(), toMs: null, fromReal: clock.realIso(), toReal: null };
}

/** A millionth of a dollar is kept: small file systems cost less than a cent. */
function round(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
