/** The vendor's meter, the ledgers and the artifacts held against each other. Pure: everything that was read is given. */
import { costOf } from "../../../custody";
import type { LedgerEntry } from "../../../custody/formats";
import type { MeteredResource, MeterReport } from "../../../sandbox";
import type { TierFile } from "./tier";

export interface RunFacts {
  readonly run: string;
  /** Of the checkout that ended it. */
  readonly entries: readonly LedgerEntry[];
  /** When its last cell ended, in milliseconds since the epoch; null for storage. */
  readonly doneAt: number | null;
  /** What lay on the file system before that was deleted, and the copies that were pulled, by path. */
  readonly files: readonly TierFile[];
  readonly copies: ReadonlyMap<string, TierFile>;
  /** Whether `holdfast verify` found the copy whole afterwards. */
  readonly verified: boolean;
}

export interface Facts {
  readonly runs: readonly RunFacts[];
  /** Every ledger of every checkout, also those that were left behind. */
  readonly ledgers: readonly (readonly LedgerEntry[])[];
  readonly meter: MeterReport;
  /** A real moment in the vendor's time, both in milliseconds since the epoch. */
  readonly vendorAt: (realMs: number) => number;
  readonly now: number;
  readonly told: { readonly usdSoFar: number; readonly meterUsd: number };
}

export interface Reckoning {
  readonly breakGlass: number;
  /** Between the end of a run's last cell and the end of its instance's bill. */
  readonly idle: readonly { readonly run: string; readonly minutes: number; readonly usd: number }[];
  readonly idleMinutes: number;
  readonly idleUsd: number;
  readonly artifacts: { readonly files: number; readonly bytes: number; readonly lost: readonly string[] };
  readonly usd: { readonly meter: number; readonly ledgers: number };
  /** What the ledgers count and the meter does not: booting, and until an end was confirmed, or noticed. In the vendor's minutes. */
  readonly machines: readonly Machine[];
  readonly billingNow: number;
  /** What was promised and not kept. */
  readonly missed: readonly string[];
}

export interface Machine {
  readonly run: string;
  readonly name: string;
  readonly usdPerHour: number;
  readonly hours: number;
  readonly usd: number;
  readonly minutesBefore: number;
  readonly minutesAfter: number;
  readonly how: "deleted" | "lost";
}

/** Ten minutes' worth in all is what idling may cost. */
const idleMinutesAllowed = 10;
/** Of a machine's ledger beyond its bill: a slow boot; a confirmed end. */
const slackMinutes = 20;
/** Until somebody noticed that a machine was gone. */
const noticedMinutes = 24 * 60;

const minuteMs = 60_000;

export function reckon(facts: Facts): Reckoning {
  const missed: string[] = [];
  const demand = (holds: boolean, what: string): void => {
    if (!holds) missed.push(what);
  };
  const breakGlass = facts.ledgers.reduce((sum, entries) => sum + entries.filter(({ kind }) => kind === "breakglass.signed").length, 0);
  demand(breakGlass === 0, `${breakGlass} uses of break-glass`);

  const machines = machinesOf(facts, demand);
  for (const { name, minutesBefore, minutesAfter, how, usd, hours, usdPerHour } of machines) {
    demand(minutesBefore >= -1 && minutesBefore <= slackMinutes, `the ledger has ${name} ${minutesBefore.toFixed(1)} minutes before its bill began`);
    demand(minutesAfter >= -1 && minutesAfter <= (how === "lost" ? noticedMinutes : slackMinutes), `the ledger has ${name} until ${minutesAfter.toFixed(1)} minutes after its bill ended`);
    demand(Math.abs(usd - hours * usdPerHour) <= usdPerHour / 60 + 0.001, `${name} was billed $${usd} for ${hours} h at $${usdPerHour}`);
  }
  const idle = facts.runs.flatMap((run) => idleOf(run, machines, facts));
  const idleMinutes = sum(idle.map(({ minutes }) => minutes));
  demand(idleMinutes < idleMinutesAllowed, `${idleMinutes.toFixed(1)} minutes of idling were billed`);

  const lost = facts.runs.flatMap(({ run, files, copies }) => files.filter(({ path, sha256 }) => copies.get(path)?.sha256 !== sha256).map(({ path }) => `${run}/${path}`));
  demand(lost.length === 0, `${lost.length} files of the file system are in no copy: ${lost.slice(0, 5).join(", ")}`);
  const files = facts.runs.flatMap((run) => run.files);
  demand(files.length > 0, "no artifacts at all");
  for (const { run, doneAt, verified } of facts.runs) demand(doneAt === null || verified, `the copy of ${run} is not whole`);

  const ledgers = sum(facts.runs.map(({ entries }) => costOf(entries.map((entry) => ({ ...entry, at: vendorIso(facts, entry.at) })), new Date(facts.vendorAt(facts.now))).usdSoFar));
  const beyond = sum(machines.map(({ usdPerHour, minutesBefore, minutesAfter }) => (usdPerHour * (minutesBefore + minutesAfter)) / 60));
  const rounding = sum(machines.map(({ usdPerHour }) => usdPerHour / 60)) + 0.01;
  demand(Math.abs(ledgers - beyond - facts.meter.totalUsd) <= rounding, `the ledgers count $${ledgers.toFixed(2)}, the meter $${facts.meter.totalUsd.toFixed(2)}, and booting and confirming explain $${beyond.toFixed(2)}`);
  demand(Math.abs(facts.told.usdSoFar - facts.told.meterUsd) <= 0.02 * facts.told.meterUsd + 0.1, `the keeper said $${facts.told.usdSoFar.toFixed(2)} of the forgotten run when the meter said $${facts.told.meterUsd.toFixed(2)}`);
  demand(facts.meter.billing.length === 0, `${facts.meter.billing.length} things bill on`);
  return {
    breakGlass, idle, idleMinutes, idleUsd: sum(idle.map(({ usd }) => usd)), machines, billingNow: facts.meter.billing.length, missed,
    artifacts: { files: files.length, bytes: sum(files.map(({ bytes }) => bytes)), lost }, usd: { meter: facts.meter.totalUsd, ledgers },
  };
}

/** Every instance of the meter is in a ledger, with its beginning and its end, and the other way round; so is every file system. */
function machinesOf({ runs, meter, vendorAt }: Facts, demand: (holds: boolean, what: string) => void): Machine[] {
  const made = runs.flatMap(({ run, entries }) => entries.flatMap((entry) => (isMade(entry) ? [{ run, entry, gone: entries.find((later) => isGone(later) && later.data.id === entry.data.id) }] : [])));
  for (const { id, name } of meter.resources) demand(made.some(({ entry }) => entry.data.id === id), `no ledger knows ${name}, which was billed`);
  return made.flatMap(({ run, entry, gone }) => {
    const { id, name, hourlyUsd } = entry.data;
    const bill = meter.resources.find((resource) => resource.id === id);
    demand(bill !== undefined, `the meter does not know ${name}, which ${run} recorded`);
    // Storage of another stack is recorded as used, not as made and deleted.
    if (bill?.kind !== "instance") return [];
    demand(gone !== undefined && bill.to !== null, `${name} has no end`);
    const minutes = (from: string, to: string): number => (vendorAt(Date.parse(to)) - vendorAt(Date.parse(from))) / minuteMs;
    const { hours, usd } = bill;
    return [{ run, name, usdPerHour: hourlyUsd ?? 0, hours, usd, minutesBefore: minutes(entry.at, bill.from), minutesAfter: minutes(bill.to ?? entry.at, gone?.at ?? entry.at), how: gone?.kind === "resource.lost" ? "lost" as const : "deleted" as const }];
  });
}

/** The instance that stood when the last cell ended bills until it ends itself. */
function idleOf({ run, doneAt, entries }: RunFacts, machines: readonly Machine[], { meter, vendorAt }: Facts): Reckoning["idle"] {
  if (doneAt === null) return [];
  const own = (bill: MeteredResource): boolean => bill.kind === "instance" && entries.some((entry) => isMade(entry) && entry.data.id === bill.id);
  return meter.resources.filter((bill) => own(bill) && (bill.to === null || Date.parse(bill.to) > doneAt)).map((bill) => {
    const minutes = (vendorAt(bill.to === null ? doneAt : Date.parse(bill.to)) - vendorAt(Math.max(doneAt, Date.parse(bill.from)))) / minuteMs;
    return { run, minutes, usd: (minutes / 60) * (machines.find(({ name }) => name === bill.name)?.usdPerHour ?? 0) };
  });
}

const metered: ReadonlySet<string> = new Set(["instance", "filesystem", "rescue"]);
const isMade = (entry: LedgerEntry): entry is LedgerEntry<"resource.created"> => entry.kind === "resource.created" && metered.has((entry as LedgerEntry<"resource.created">).data.role);
const isGone = (entry: LedgerEntry): entry is LedgerEntry<"resource.deleted"> | LedgerEntry<"resource.lost"> => entry.kind === "resource.deleted" || entry.kind === "resource.lost";
const vendorIso = ({ vendorAt }: Facts, at: string): string => new Date(vendorAt(Date.parse(at))).toISOString();
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
