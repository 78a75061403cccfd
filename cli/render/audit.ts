/** What bills, for a person. Pure. */
import type { Billable } from "../../providers/platformContract";
import type { AuditedRun } from "../runs/audit";
import type { Paint, Tone } from "./paint";
import { renderTable } from "./table";
import { formatUsd, plural } from "./units";

type Options = { readonly paint: Paint; readonly width: number | undefined; readonly indent?: number };

export function renderAudit(audited: readonly AuditedRun[], options: Options): string {
  const { paint } = options;
  const rows = audited.flatMap(({ run, report, orphaned, adopted }) => [
    ...report.unexpected.map((billable) => row(paint, run, billable, "bad", "unexpected")),
    ...report.standing.map((billable) => (orphaned.includes(billable) ? row(paint, run, billable, "bad", "in no state") : row(paint, run, billable, adopted ? "warn" : "good", adopted ? "adopted" : "standing"))),
    ...report.kept.map((billable) => row(paint, run, billable, "warn", "kept")),
  ]);
  const others = dedupe(audited.flatMap(({ report }) => report.others));
  const intents = audited.flatMap(({ run, report }) => report.openIntents.map((intent) => `${run}: launch ${intent} was never confirmed; the next pulumi up resolves it`));
  const removals = audited.flatMap(({ report }) => report.unexpected.map((billable) => `  ${paint("faint", "next:")} ${billable.remove}`));
  const lost = audited.filter(({ orphaned }) => orphaned.length > 0);
  const adoptions = lost.map(({ run }) => `  ${paint("faint", "next:")} pulumi up (takes what ${run} owns back into the state; no destroy reaches it until then)`);
  const foreign = audited.filter(({ adopted, report }) => adopted && report.standing.length > 0).map(({ run, endpoint }) =>
    paint("faint", `${run} was adopted, not made by Holdfast, which ends nothing of it${endpoint.api === "none" ? "; nobody can be asked whether it still stands, or what it bills" : ""}: whoever made it ends it.`));
  const ended = audited.filter(({ report }) => report.missing.length > 0).map(({ run, report }) =>
    paint("warn", `${run}: ${report.missing.map(({ role, name }) => `${role} ${name}`).join(", ")} ${report.missing.length === 1 ? "is" : "are"} not at the vendor any more, and nobody here ended ${report.missing.length === 1 ? "it" : "them"}; the next pulumi up takes note of it`));
  const spent = audited.map(({ run, report }) => `${run}: ${report.usdSoFar === null ? "no price known" : `${formatUsd(report.usdSoFar)} by list price until now`}`);
  return [
    rows.length === 0 ? paint("good", "Nothing bills for this project's runs.") : renderTable(["run", "as", "what", "name", "region", "per hour", "per month"], rows, { ...options, right: [5, 6] }),
    ...(others.length === 0 ? [] : [paint("faint", `Besides, the account holds ${plural(others.length, "thing")} not made by these runs: ${others.map((other) => `${other.kind} ${other.name}`).join(", ")}`)]),
    ...foreign,
    ...ended,
    ...intents.map((line) => paint("warn", line)),
    ...removals,
    ...adoptions,
    ...spent,
  ].join("\n");
}

function row(paint: Paint, run: string, billable: Billable, tone: Tone, word: string): string[] {
  const price = (usd: number | null): string => (usd === null ? "-" : formatUsd(usd));
  return [run, paint(tone, word), billable.kind, billable.name, billable.region ?? "-", price(billable.hourlyUsd), price(billable.monthlyUsd)];
}

const dedupe = (billables: readonly Billable[]): Billable[] => [...new Map(billables.map((billable) => [billable.id, billable])).values()];
