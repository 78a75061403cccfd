/** The last chapter: facts are gathered from meter, ledgers and files, reckoned up and shown. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { renderTable } from "../../render/table";
import { formatBytes, formatUsd } from "../../render/units";
import { expect } from "../expect";
import type { Checkout } from "./checkout";
import type { Told } from "./lastDays";
import type { Reckoning, RunFacts } from "./reckoning";
import { reckon } from "./reckoning";
import { fingerprintOf } from "./tier";
import type { WeekWorld } from "./week";
import { allRuns, typed } from "./week";

export interface Summary extends Reckoning {
  readonly ok: boolean;
  readonly weekHours: number;
  readonly realSeconds: number;
  /** What the keeper said of the forgotten run, and the meter at that moment. */
  readonly forgotten: Told;
}

export async function figures(week: WeekWorld, told: Told): Promise<Summary> {
  const { narrator, you, colleague, vendor, time } = week;
  narrator.heading("What the week cost, and what it lost");
  narrator.say("The cloud is empty. The copies are read again, every byte, from this disk alone:");
  const runs: RunFacts[] = [];
  for (const run of allRuns) {
    const who = run === "sweep" ? colleague : you;
    const { exitCode } = await typed(week, who, `holdfast verify ${run}`);
    runs.push({ ...ledgerOf(who, run), ...last(week, run), copies: copiesOf(week, who, run), verified: exitCode === 0 });
  }
  runs.push({ ...ledgerOf(you, "storage", "data"), doneAt: null, files: [], copies: new Map(), verified: true });
  const ledgers = [...runs.map(({ entries }) => entries), ledgerOf(you, "sweep").entries];
  const meter = await vendor.meter();
  const now = Date.now();
  const reckoning = reckon({ runs, ledgers, meter, vendorAt: (moment) => time.vendorAt(moment), now, told });
  return { ok: reckoning.missed.length === 0, weekHours: time.hours(now), realSeconds: (now - week.started) / 1000, forgotten: told, ...reckoning };
}

export function show({ narrator }: WeekWorld, summary: Summary): void {
  const { machines, idle, artifacts, usd, forgotten } = summary;
  const options = { paint: narrator.paint, width: narrator.width - 2, right: [2, 3, 4] };
  narrator.output(renderTable(
    ["run", "machine", "$/h", "hours billed", "billed", "in its ledger"],
    machines.map((machine) => [machine.run, machine.name, formatUsd(machine.usdPerHour), machine.hours.toFixed(1), formatUsd(machine.usd), `${machine.minutesBefore.toFixed(0)} min before, until ${machine.minutesAfter.toFixed(0)} min after${machine.how === "lost" ? " (lost)" : ""}`]),
    options,
  ));
  const rows: readonly (readonly [string, string])[] = [
    ["the vendor's meter", `${formatUsd(usd.meter)}; ${summary.billingNow} things bill now`],
    ["the ledgers, in the week's time", `${formatUsd(usd.ledgers)}: they count a machine from its launch until its end is confirmed or noticed`],
    ["idling after completion", `${formatUsd(summary.idleUsd)}, ${summary.idleMinutes.toFixed(1)} minutes (${idle.map(({ run, minutes }) => `${run} ${minutes.toFixed(1)}`).join(", ")}); allowed: less than 10`],
    ["the forgotten run", `the keeper said ${formatUsd(forgotten.usdSoFar)} when the meter said ${formatUsd(forgotten.meterUsd)}; ${formatUsd(forgotten.usdOfWait)} of it in ${forgotten.hours} h beyond its lease`],
    ["artifacts", `${artifacts.files} files, ${formatBytes(artifacts.bytes)}, as they lay on the file system; lost: ${artifacts.lost.length}`],
    ["break-glass", `used ${summary.breakGlass} times`],
  ];
  for (const [what, figure] of rows) narrator.say(`${narrator.paint("strong", what.padEnd(32))} ${figure}`);
  for (const what of summary.missed) narrator.bad(what);
}

const ledgerOf = (who: Checkout, run: string, name = run): Pick<RunFacts, "run" | "entries"> => ({ run, entries: who.custody(run, name).entries() });

function last(week: WeekWorld, run: string): Pick<RunFacts, "doneAt" | "files"> {
  const seen = week.seenLast.get(run);
  expect("reckoning", `what lay on the file system of ${run}`, seen !== undefined, "nobody looked");
  return seen;
}

function copiesOf(week: WeekWorld, who: Checkout, run: string): RunFacts["copies"] {
  const pulled = who.custody(run).paths.pulled;
  return new Map(last(week, run).files.flatMap(({ path }) => (existsSync(join(pulled, path)) ? [[path, { path, ...fingerprintOf(join(pulled, path)) }] as const] : [])));
}
