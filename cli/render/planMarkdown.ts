/** A check of a stack's files as one comment of a pull request, in GitHub's Markdown. Pure. */
import { runId } from "../../custody/formats";
import type { Plan } from "../../profiles/plan";
import type { Finding } from "../runs/findings";
import type { PlanChange } from "../runs/planChanges";
import { datedClocks, sentenceOf, verdictOf, type PlanReport, type ReportBase, type Verdict } from "./planReport";
import { plannedRows } from "./teardown";
import { formatTime, formatUsd, plural } from "./units";

/** GitHub refuses comments of more than 65,536 characters. */
const MOST_CHARACTERS = 60_000;
const MOST_ROWS = 40;

/** The first line of the comment, by which it is found again and updated in place. */
export const markerOf = ({ project, stack }: Pick<PlanReport, "project" | "stack">): string => `<!-- holdfast:plan ${project}/${stack} -->`;

export function renderMarkdown(report: PlanReport): string {
  const { plan, base } = report;
  const verdict = verdictOf(report);
  const parts = [
    `${markerOf(report)}\n### Holdfast: ${escape(plan === null ? `${report.project}/${report.stack}` : `${runId(plan.run)} on ${plan.platform}`)}`,
    `**${words[verdict.state]}**: ${escape(verdict.says)}.`,
    ...findingParts(report.findings.filter(({ ruleId }) => !ruleId.startsWith("edit-"))),
    ...(plan === null || base === null ? [] : [changePart(base)]),
    ...(plan === null ? [] : planParts(plan, report)),
  ];
  const text = `${parts.join("\n\n")}\n`;
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, text.lastIndexOf("\n", MOST_CHARACTERS))}\n\n*Cut here: the rest is in \`holdfast plan\`.*\n`;
}

const words: Readonly<Record<Verdict["state"], string>> = { invalid: "Not valid", blocked: "Blocked", review: "Look at this", ok: "Nothing found" };

function planParts(plan: Plan, { titles, assumedStart }: PlanReport): string[] {
  const rows = plannedRows(plan, titles).map(({ role, verb, kept, lost, billing }) => [
    role,
    `\`${verb}\``,
    kept.join(", ") || "-",
    lost.length === 0 ? "-" : `**${escape(lost.join(", "))}**`,
    billing.map(({ meter, usdPerMonth }) => `${meter}${usdPerMonth === null ? "" : ` ${formatUsd(usdPerMonth)}/month`}`).join(", ") || "-",
  ]);
  const clocks = datedClocks(plan, assumedStart, titles).map(({ at, when, statement, lost }) => [at === null ? "no date" : formatTime(at), when, statement, lost.join(", ") || "-"]);
  const { cost } = plan;
  return [
    `#### At the end of the run\n\n${table(["what", "verb", "keeps", "loses", "goes on billing"], rows, new Set([3]))}\n\n${endOf(plan)}`,
    `#### Cost, as bounds\n\n${table(
      ["per hour", "worst case", "forgotten for a day", "forgotten for a month"],
      [[formatUsd(cost.hourlyUsdBound), cost.worstCaseUsd === null ? "not bounded" : formatUsd(cost.worstCaseUsd), formatUsd(cost.forgottenDayUsd), formatUsd(cost.forgottenMonthUsd)]],
    )}`,
    ...(clocks.length === 0 ? [] : [`#### Clocks, if the run began ${formatTime(assumedStart.toISOString())}\n\n${table(["date", "when", "what", "loses"], clocks)}`]),
    ...(plan.warnings.length === 0 ? [] : [`<details><summary>${plural(plan.warnings.length, "warning")}</summary>\n\n${plan.warnings.map((warning) => `- ${escape(warning)}`).join("\n")}\n\n</details>`]),
  ];
}

function endOf({ teardown, disposable }: Plan): string {
  if (disposable !== null) return "A destroy asks only for the run's name: it was declared disposable.";
  return teardown.require === "pulled" ? "A destroy asks for every artifact pulled, loaded and receipted, and for an approval." : "A destroy asks for every artifact loaded on the durable storage and receipted, and for an approval.";
}

function changePart({ ref, commit, why, changes }: ReportBase): string {
  const short = commit.slice(0, 10);
  const title = `#### Changes against ${ref === commit ? short : `${escape(ref)} (${short})`}`;
  if (why !== null) return `${title}\n\nNothing to compare: ${escape(why)}.`;
  if (changes.length === 0) return `${title}\n\nNone that reaches a resource.`;
  return `${title}\n\n${table(["property", "before", "after", "what it does"], changes.map(changeRow), new Set([0, 3]))}\n\nThis compares files; what stands is not looked at.`;
}

function changeRow({ path, before, after, effect, says }: PlanChange): string[] {
  const text = escape(says);
  return [`\`${path.filter((step) => typeof step === "string").join(".")}\``, short(before), short(after), effect === "data" ? `**holds data**: ${text}` : text];
}

const short = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}...` : text);

function findingParts(findings: readonly Finding[]): string[] {
  if (findings.length === 0) return [];
  const rows = findings.slice(0, MOST_ROWS).map((finding) => [
    finding.level === "error" ? "mandatory" : "advisory",
    `${finding.file}:${finding.line}`,
    `\`${finding.ruleId}\``,
    `${escape(sentenceOf(finding))}${finding.why === null ? "" : `<br>Why: ${escape(finding.why)}`}${finding.instead === null ? "" : `<br>Instead: ${escape(finding.instead)}`}`,
  ]);
  const rest = findings.length - rows.length;
  return [`#### Findings\n\n${table(["level", "where", "rule", "what"], rows, new Set([2, 3]))}${rest === 0 ? "" : `\n\n...and ${rest} more: \`holdfast plan\`.`}`];
}

/** Columns in `ready` hold Markdown of ours already; everything else was typed by somebody. */
function table(head: readonly string[], rows: readonly (readonly string[])[], ready: ReadonlySet<number> = new Set()): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const body = rows.map((row) => line(row.map((cell, column) => (ready.has(column) || /^`[^`]*`$/.test(cell) ? cell : escape(cell)))));
  return [line(head), line(head.map(() => "---")), ...body].join("\n");
}

/**
 * What was typed cannot end a table cell, become a tag or a link, or call people: names in a pull request are a stranger's words.
 */
const escape = (text: string): string =>
  text
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("@", "@\u200b")
    .replaceAll(/[\\`*_[\]|~#]/g, "\\$&");
