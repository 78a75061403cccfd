/** Lives faults through, a few at a time, and adds up what came of them. */
import type { Fault } from "./point";
import { describeFault } from "./point";
import type { LifeReport } from "./life";
import { liveThrough } from "./life";

export interface FaultSummary {
  readonly tried: number;
  readonly struck: number;
  readonly untracked: number;
  readonly artifactsLost: number;
  readonly interventions: number;
  /** One paragraph for each life in which something was not as it must be. */
  readonly faults: readonly string[];
}

/** `tell` hears of every life as it ends. */
export async function liveThroughAll(faults: readonly Fault[], atOnce: number, tell: (line: string) => void): Promise<FaultSummary> {
  const waiting = [...faults];
  const reports: LifeReport[] = [];
  const work = async (): Promise<void> => {
    for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) {
      const report = await liveThrough(fault).catch((error: unknown) => broken(fault, error));
      reports.push(report);
      tell(lineOf(report));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return {
    tried: reports.length,
    struck: reports.filter(({ struck }) => struck).length,
    untracked: sum(reports, ({ untracked }) => untracked.length),
    artifactsLost: sum(reports, ({ artifactsLost }) => artifactsLost.length),
    interventions: sum(reports, ({ interventions }) => interventions.length),
    faults: reports.filter((report) => wrongs(report).length > 0).map((report) => `${report.fault === null ? "" : describeFault(report.fault)}\n  ${wrongs(report).join("\n  ")}`),
  };
}

export const summaryLine = (summary: FaultSummary): string =>
  `${summary.tried} points tried, ${summary.struck} struck: ${summary.untracked} untracked billables, ${summary.artifactsLost} artifacts lost, ${summary.faults.length} lives gone wrong, ${summary.interventions} interventions needed`;

const sum = (reports: readonly LifeReport[], of: (report: LifeReport) => number): number => reports.reduce((total, report) => total + of(report), 0);

const wrongs = ({ failures, untracked, artifactsLost }: LifeReport): string[] => [
  ...failures, ...untracked.map((what) => `untracked: ${what}`), ...artifactsLost.map((what) => `artifacts lost: ${what}`),
];

function lineOf(report: LifeReport): string {
  const name = report.fault === null ? "" : describeFault(report.fault);
  const end = wrongs(report).length > 0 ? `WRONG: ${wrongs(report).join("; ")}` : report.struck ? "recovered" : "not reached";
  return `${name}: ${end}${report.interventions.length === 0 ? "" : ` (${report.interventions.join(", ")})`}`;
}

/** A life that the harness could not live to its end counts as gone wrong, never as passed. */
function broken(fault: Fault, error: unknown): LifeReport {
  return { fault, struck: true, interventions: [], failures: [error instanceof Error ? error.message : String(error)], untracked: [], artifactsLost: [] };
}
