/** A plan for a person: what it runs, what the end of it keeps and loses, how often it saves, what it costs, what acts by itself. Pure. */
import { runId } from "../../custody/formats";
import type { Plan } from "../../profiles/plan";
import { formatMoment, formatTimeOfDay } from "./moment";
import type { Paint } from "./paint";
import { datedClocks } from "./planReport";
import { renderFacts, renderTable, wrapWords } from "./table";
import type { Titles } from "./teardown";
import { plannedRows, renderTeardown } from "./teardown";
import { formatDuration, formatPercent, formatUsd, plural } from "./units";

export interface PlanRendering {
  readonly paint: Paint;
  readonly width: number | undefined;
  readonly titles: Titles;
}

/** Clocks are dated as if the run began at `start`. */
export function renderPlan(plan: Plan, start: Date, rendering: PlanRendering): string {
  const { paint, width } = rendering;
  const facts = { paint, width, indent: 2 };
  const section = (title: string, body: string): string => `${paint("strong", title)}\n${body}`;
  const parts = [
    section(`${runId(plan.run)} on ${plan.platform}`, renderFacts(factsOf(plan, rendering.titles), facts)),
    section("At the end of the run", `${renderTeardown(plannedRows(plan, rendering.titles), { ...rendering, indent: 2 })}\n\n${renderFacts(endOf(plan), facts)}`),
    section("Checkpoints", renderFacts(cadenceOf(plan), facts)),
    section("Cost, as bounds", renderFacts(costFacts(plan), facts)),
  ];
  if (plan.clocks.length > 0) parts.push(section(`Clocks that act without being asked, if it began now (${formatTimeOfDay(start)})`, renderClocks(plan, start, rendering)));
  if (plan.warnings.length > 0) parts.push(section("Warnings", plan.warnings.map((warning) => `  ${paint("warn", "!")} ${wrapWords(warning, (width ?? Infinity) - 4).replaceAll("\n", "\n    ")}`).join("\n")));
  if (plan.gotchas.length > 0) parts.push(paint("faint", wrapWords(`Traps of the platform that this plan touches: ${plan.gotchas.join(", ")} (holdfast explain ${plan.platform})`, width ?? Infinity)));
  return parts.join("\n\n");
}

/** Only the table of kept and lost, with what is asked for before the end. */
export function renderSurvival(plan: Plan, rendering: PlanRendering & { indent?: number }): string {
  return renderTeardown(plannedRows(plan, rendering.titles), rendering);
}

function factsOf(plan: Plan, titles: Titles): (readonly [string, string])[] {
  const { gpu, cpus, memoryGiB, diskGiB } = plan.resources;
  const wanted = [
    gpu === null ? "no GPU" : `${gpu.count} x ${gpu.names.length === 0 ? "any GPU" : gpu.names.join(" or ")}${gpu.memoryGiB === null ? "" : ` with at least ${gpu.memoryGiB} GiB`}`,
    ...(cpus === null ? [] : [plural(cpus, "CPU")]),
    ...(memoryGiB === null ? [] : [`${memoryGiB} GiB memory`]),
    ...(diskGiB === null ? [] : [`${diskGiB} GiB disk`]),
  ];
  const candidates = plan.capacity.candidates.map(({ type, region }) => (region === null ? type : `${type} in ${region}`));
  return [
    ["cells", `${plan.cells.length}: ${plan.cells.map((cell) => cell.name).join(", ")}`],
    ["needs at least", wanted.join(", ")],
    ["instance", candidates.length === 0 ? "the cheapest that fits, by live prices" : candidates.join(", then ")],
    ["waits for capacity", `at most ${formatDuration(plan.capacity.maxWaitSeconds)} (${formatDuration(Math.min(plan.capacity.maxWaitSeconds, plan.capacity.maxLockSeconds))} of it per update), ${plural(plan.capacity.maxAttempts, "attempt")}`],
    ["artifacts on", `${titles.tier(plan.durable.tier)}: ${plan.durable.runDirectoryTemplate}`],
    ...setupFacts(plan),
    ...inputFacts(plan),
    ["storage", `${storageWord[plan.storage.mode]} ${plan.storage.name}${plan.storage.region === null ? "" : ` in ${plan.storage.region}`}`],
  ];
}

const setupFacts = ({ lock, setup, setupMaxSeconds }: Plan): (readonly [string, string])[] => {
  if (lock === null && setup === null) return [];
  const left = lock === null || lock.frameworks.length === 0 ? "" : ` (left to the image where it has them: ${lock.frameworks.join(", ")})`;
  const steps = [...(lock === null ? [] : [`${plural(lock.packages, "package")} of ${lock.path}${left}`]), ...(setup === null ? [] : ["a script"])];
  return [["setup", `${steps.join(", then ")}; once per instance, at most ${formatDuration(setupMaxSeconds)}`]];
};

const inputFacts = (plan: Plan): (readonly [string, string])[] =>
  plan.inputs.map((input) => {
    const size = input.bytes === null ? "size unknown" : `${gigabytes(input.bytes)}${input.files === null || input.files === 1 ? "" : ` in ${plural(input.files, "file")}`}`;
    const where = { copy: "to the own disk", cached: "to the durable tier, once for all runs", mount: "read where it is" }[input.mode];
    const from = { local: "pushed from here", url: "fetched there", bucket: "fetched there", instance: "already there" }[input.kind];
    return [`input ${input.name}`, `${input.source}: ${from}, ${where}; ${size}; ${input.sha256 === null ? "no hash to check it by" : `sha256 ${input.sha256.slice(0, 12)}`}`];
  });

const gigabytes = (bytes: number): string => (bytes < 1e7 ? `${Number((bytes / 1e3).toPrecision(3))} kB` : `${Number((bytes / 1e9).toPrecision(3))} GB`);

const storageWord = { create: "creates", existing: "uses, never deletes,", adopt: "adopts" } as const;

function endOf(plan: Plan): (readonly [string, string])[] {
  const needs = {
    pulled: "every artifact pulled, loaded and receipted, and an approval (holdfast pull, holdfast approve)",
    verifiedInPlace: "every artifact loaded on the durable tier and receipted, and an approval",
  }[plan.teardown.require];
  return [
    ["destroy needs", plan.disposable === null ? needs : `only the run's name: it was declared disposable, for at most ${plan.disposable.maxHours} h`],
    ["storage", plan.teardown.storage === "delete" ? "deleted with the run" : "kept, and recorded as a leftover of yours with its price"],
  ];
}

function cadenceOf(plan: Plan): (readonly [string, string])[] {
  const { everySeconds, everySteps, costSeconds, meanSecondsBetweenInterruptions, expectedWaste, source } = plan.checkpoint;
  const why = source === "override" ? "as the job says" : `by Young/Daly: ${formatDuration(costSeconds)} to write, an interruption every ${formatDuration(meanSecondsBetweenInterruptions)} on average`;
  return [
    ["every", `${formatDuration(everySeconds)}${everySteps === null ? "" : `, which is ${plural(everySteps, "step")}`} (${why})`],
    ["expected waste", `${formatPercent(expectedWaste)} of the paid time`],
    ...roomOf(plan),
  ];
}

function roomOf({ disk, cells }: Plan): (readonly [string, string])[] {
  if (disk === null) return [];
  const parts = [`${plural(cells.length, "cell")} ${gigabytes(disk.checkpointBytes)}`, `the next checkpoint ${gigabytes(disk.rollingBytes)}`, ...(disk.cacheBytes === 0 ? [] : [`caches ${gigabytes(disk.cacheBytes)}`]), ...(disk.inputBytes === 0 ? [] : [`cached inputs ${gigabytes(disk.inputBytes)}`])];
  const caps = [disk.capBytes === null ? "room to be measured there" : `room ${gigabytes(disk.capBytes)}`, disk.capInodes === null ? "files to be measured there" : `at most ${disk.capInodes} files`];
  return [["room needed", `${gigabytes(disk.bytes)} and about ${disk.files} files (${parts.join(", ")}); ${caps.join(", ")}`]];
}

const unboundedBy = ({ budget, cost }: Plan): string => [...(budget.maxHours === null ? ["budget.maxHours"] : []), ...(cost.hourlyUsdBound === null ? ["capacity.maxHourlyUsd"] : [])].join(" and ");

function costFacts(plan: Plan): (readonly [string, string])[] {
  const { hourlyUsdBound, hourlySource, priceTable, storageUsdPerMonth, extrasUsdPerMonth, egressUsd, worstCaseUsd, forgottenDayUsd, forgottenMonthUsd } = plan.cost;
  const source = { "capacity.maxHourlyUsd": "capacity.maxHourlyUsd", "price-table": `price table of ${priceTable ?? "unknown date"}`, free: "free", unknown: "no price known" }[hourlySource];
  const budget = [
    ...(plan.budget.maxUsd === null ? [] : [formatUsd(plan.budget.maxUsd)]),
    ...(plan.budget.maxHours === null ? [] : [`${plan.budget.maxHours} h`]),
  ];
  return [
    ["per hour", `${formatUsd(hourlyUsdBound)} at most (${source})`],
    ["storage", storageUsdPerMonth === null ? "by what is stored" : `${formatUsd(storageUsdPerMonth)} per month`],
    ...(extrasUsdPerMonth === 0 ? [] : [["disks and addresses", extrasUsdPerMonth === null ? "not known in advance" : `${formatUsd(extrasUsdPerMonth)} per month`] as const]),
    ["pulling everything", egressUsd === null ? "not known in advance" : egressUsd === 0 ? "free" : formatUsd(egressUsd)],
    ["worst case", worstCaseUsd === null ? `not bounded: set ${unboundedBy(plan)}` : `${formatUsd(worstCaseUsd)}${budget.length === 0 ? "" : ` (budget ${budget.join(" and ")})`}`],
    ["forgotten for a day", formatUsd(forgottenDayUsd)],
    ["forgotten for a month", formatUsd(forgottenMonthUsd)],
  ];
}

function renderClocks(plan: Plan, start: Date, { paint, width, titles }: PlanRendering): string {
  const rows = datedClocks(plan, start, titles).map(({ at, when, statement, lost }) => [
    at === null ? when : `${paint("strong", formatMoment(at, start))}\n${when}`,
    statement,
    lost.length === 0 ? "-" : paint("bad", lost.join(", ")),
  ]);
  return renderTable(["when", "what", "loses"], rows, { paint, width, indent: 2 });
}
