/** What a check found, for a terminal: changes against a base and findings with their lines. Pure. */
import type { Finding } from "../runs/findings";
import type { Paint } from "./paint";
import { printable } from "./paint";
import { sentenceOf, verdictOf, type PlanReport, type ReportBase } from "./planReport";
import { renderTable, wrapWords } from "./table";

interface Rendering {
  readonly paint: Paint;
  readonly width: number | undefined;
}

/** Follows the plan's own sections. */
export function renderCheck(report: PlanReport, rendering: Rendering): string {
  const { paint } = rendering;
  const verdict = verdictOf(report);
  const tone = { invalid: "bad", blocked: "bad", review: "warn", ok: "good" } as const;
  const findings = report.findings.filter(({ ruleId }) => !ruleId.startsWith("edit-"));
  return [
    ...(report.base === null ? [] : [`${paint("strong", `Changes against ${report.base.ref}`)}\n${renderChanges(report.base, rendering)}`]),
    ...(findings.length === 0 ? [] : [`${paint("strong", "Findings")}\n${findings.map((finding) => renderFinding(finding, rendering)).join("\n")}`]),
    `${paint("strong", "Verdict")}\n  ${paint(tone[verdict.state], verdict.says)}`,
  ].join("\n\n");
}

function renderChanges({ why, changes }: ReportBase, { paint, width }: Rendering): string {
  if (why !== null) return printable(`  nothing to compare: ${why}`);
  if (changes.length === 0) return "  none that reaches a resource";
  const rows = changes.map(({ path, before, after, effect, says }) => [path.join("."), before, after, effect === "data" ? paint("bad", says) : effect === "machine" ? paint("warn", says) : says]);
  return renderTable(["property", "before", "after", "what it does"], rows, { paint, width, indent: 2 });
}

function renderFinding(finding: Finding, { paint, width }: Rendering): string {
  const below = (text: string): string => `    ${wrapWords(text, (width ?? Infinity) - 4).replaceAll("\n", "\n    ")}`;
  const lines = [
    `  ${finding.level === "error" ? paint("bad", "mandatory") : paint("warn", "advisory")} ${finding.file}:${finding.line} ${paint("faint", `(${finding.ruleId})`)}`,
    below(sentenceOf(finding)),
    ...(finding.why === null ? [] : [below(`Why: ${finding.why}.`)]),
    ...(finding.instead === null ? [] : [below(`Instead: ${finding.instead}.`)]),
  ];
  return printable(lines.join("\n"));
}
