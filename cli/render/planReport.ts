/** What a check of a stack's files found, ready to be printed in any format: verdict, dates, findings. Pure. */
import { ConfigError } from "../../profiles/input/faults";
import type { Plan } from "../../profiles/plan";
import type { Finding } from "../runs/findings";
import type { PlanChange } from "../runs/planChanges";
import type { Titles } from "./teardown";
import { formatDuration, plural } from "./units";

export interface PlanReport {
  readonly project: string;
  readonly stack: string;
  /** null: the files are not valid. */
  readonly plan: Plan | null;
  readonly titles: Titles;
  readonly findings: readonly Finding[];
  /** null: nothing was asked to be compared. */
  readonly base: ReportBase | null;
  /** Dates of clocks count from here, as if the run began now. */
  readonly assumedStart: Date;
}

export interface ReportBase {
  readonly ref: string;
  readonly commit: string;
  /** Why there is nothing to compare with, or null. */
  readonly why: string | null;
  readonly changes: readonly PlanChange[];
}

/** `invalid`: the files cannot be resolved. `blocked`: data, money or a secret is at stake. `review`: somebody should look. */
export interface Verdict {
  readonly state: "invalid" | "blocked" | "review" | "ok";
  readonly says: string;
}

export function verdictOf({ plan, findings, base }: PlanReport): Verdict {
  const count = (level: Finding["level"]): number => findings.filter((finding) => finding.level === level && !finding.ruleId.startsWith("edit-")).length;
  const [errors, warnings] = [count("error"), count("warning")];
  if (plan === null) return { state: "invalid", says: `the files are not valid: ${plural(errors, "fault")}` };
  if (errors > 0) return { state: "blocked", says: `${plural(errors, "mandatory finding")}: data, money or a secret is at stake` };
  const risky = base?.changes.filter(({ effect }) => effect === "data").length ?? 0;
  const parts = [
    ...(risky === 0 ? [] : [`${plural(risky, "change")} to what holds or guards data`]),
    ...(warnings === 0 ? [] : [plural(warnings, "advisory finding")]),
  ];
  return parts.length > 0 ? { state: "review", says: parts.join(", ") } : { state: "ok", says: "nothing that was looked at loses data, bills without a bound or leaks a secret" };
}

export interface DatedClock {
  /** ISO 8601, or null when the moment is not known in advance. */
  readonly at: string | null;
  readonly when: string;
  readonly statement: string;
  readonly lost: readonly string[];
}

/** Clocks as dates, in the order in which they strike: those that count from the end are dated from the end of the lease. */
export function datedClocks(plan: Plan, start: Date, titles: Titles): DatedClock[] {
  const leaseEnd = plan.budget.maxHours === null ? null : after(start, plan.budget.maxHours * 3600);
  const clocks = plan.clocks.map(({ seconds, look, from, statement, tiersLost }): DatedClock => {
    const origin = from === "launch" ? start : from === "finish" || from === "stop" ? leaseEnd : null;
    const at = seconds === null || origin === null ? null : after(origin, seconds).toISOString();
    const when = seconds === null ? (look === undefined ? "no timer" : `not known: ${look}`) : `${formatDuration(seconds)} after ${from === "unknown" ? "an event elsewhere" : from}`;
    return { at, when: at !== null && from !== "launch" ? `${when}, if that is when the lease ends` : when, statement, lost: tiersLost.map(titles.tier) };
  });
  return clocks.sort((a, b) => Date.parse(a.at ?? never) - Date.parse(b.at ?? never));
}

const never = "9999-12-31T00:00:00Z";

const after = (start: Date, seconds: number): Date => new Date(start.getTime() + seconds * 1000);

/** Findings of the files that cannot be resolved, as the errors a terminal shows: one per file, every fault with its line. */
export function configErrors(findings: readonly Finding[]): ConfigError[] {
  const files = [...new Set(findings.map(({ file }) => file))];
  return files.map((file) => {
    const faults = findings.filter((finding) => finding.file === file).map(({ where, what, line }) => ({ path: [where], message: what, line }));
    return new ConfigError(file, "file of this stack", faults);
  });
}

/** What a finding says in one line. */
export const sentenceOf = ({ where, what, ruleId }: Finding): string => (ruleId === "config" ? `${where} ${what}` : `${where}: ${what}`);
