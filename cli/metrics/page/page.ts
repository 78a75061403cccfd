/** The page: one file, no script, nothing fetched; what a person attaches to a report about a run. Pure. */
import { formatDuration, formatTime, formatUsd, plural } from "../../render/units";
import type { Dossier } from "./dossier";
import { badge, html, nothing, type Html } from "./html";
import { cellSection } from "./cells";
import { costSection } from "./cost";
import { curveSection } from "./curves";
import { evidenceSection, evidenceVerdict } from "./evidence";
import { survivalSection } from "./survival";
import { style } from "./style";

export function renderPage(dossier: Dossier): string {
  // The style sheet is ours; everything else went through the templates.
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="generator" content="holdfast ${dossier.version}">
<title>${dossier.run}</title>
<style>@@style@@</style>
</head>
<body>
${header(dossier)}
<main>
${curveSection(dossier)}
${cellSection(dossier)}
${survivalSection(dossier)}
${evidenceSection(dossier)}
${costSection(dossier)}
</main>
<footer><p>Made by holdfast ${dossier.version} on ${formatTime(dossier.at)} from the run's ledger${dossier.seenAt === null ? "" : html`, what its machine said on ${formatTime(dossier.seenAt)}`}${dossier.metrics.from === null ? "" : html`, and curves from ${dossier.metrics.from.kind === "machine" ? "its machine" : "the pulled copy"}`}. All times are UTC, all prices list prices.</p></footer>
</body>
</html>
`;
  return page.markup.replace("@@style@@", () => style);
}

function header(dossier: Dossier): Html {
  const { run, platform, plan, view, problems } = dossier;
  const state = dossier.state === "live" ? badge(dossier.activity === "training" ? "good" : "warn", dossier.activity) : badge("plain", "ended");
  return html`<header>
<h1>${run}</h1>
<p>${state} <span class="quiet">on ${platform.title}${platform.api === "sandbox" ? ", in the embedded sandbox" : ""}, declared ${formatTime(view.declaredAt)}${plan === null ? "" : `, ${plural(plan.cells.length, "cell")} planned`}</span></p>
${problems.map((problem) => html`<p class="warn">${problem}</p>`)}
${cards(dossier)}
</header>`;
}

function cards(dossier: Dossier): Html {
  const { cells, cost, evidence } = dossier;
  const count = (state: string): number => cells.filter((cell) => cell.state === state).length;
  const failed = count("failed");
  const verdict = evidenceVerdict(dossier);
  const end = dossier.view.auditClosed?.at ?? dossier.at;
  const ran = (Date.parse(end) - Date.parse(dossier.view.declaredAt)) / 1000;
  return html`<dl class="cards">
<div><dt>Cells complete</dt><dd>${count("complete")} of ${cells.length}${failed > 0 ? html`<small class="bad">${failed} failed</small>` : nothing}</dd></div>
<div><dt>Artifacts</dt><dd><span class="${verdict.kind}">${verdict.word}</span><small>${verdict.says}</small></dd></div>
<div><dt>Cost so far</dt><dd>${formatUsd(cost.usdSoFar)}${cost.incomplete ? "+" : ""}<small>${formatUsd(cost.usdPerHour)} per hour now</small></dd></div>
<div><dt>Since it was declared</dt><dd>${formatDuration(ran)}<small>${evidence.ledger.entries} ledger lines</small></dd></div>
</dl>`;
}
