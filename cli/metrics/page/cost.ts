/** What the run has cost, what it costs now, and what it would cost if it were forgotten. Pure. */
import { formatTime, formatUsd } from "../../render/units";
import { HOURS_PER_MONTH } from "../../../profiles";
import type { Dossier } from "./dossier";
import { facts, html, nothing, table, type Html } from "./html";

export function costSection({ cost, plan, view, clocks, titles }: Dossier): Html {
  const left = view.leftovers.map(({ monthlyUsd }) => monthlyUsd ?? 0).reduce((sum, usd) => sum + usd, 0);
  return html`<section aria-labelledby="cost"><h2 id="cost">Cost</h2>
${facts([
    ["So far", `${formatUsd(cost.usdSoFar)}${cost.incomplete ? " at least: a price is unknown" : ""}`],
    ["Per hour, of what stands", formatUsd(cost.usdPerHour)],
    ["Forgotten for a month", `${formatUsd(cost.usdPerHour * HOURS_PER_MONTH + left)} by the prices of what stands${left > 0 ? `, ${formatUsd(left)} of it for what is kept` : ""}${plan?.cost.forgottenMonthUsd ? `; as planned, with storage as it fills, up to ${formatUsd(plan.cost.forgottenMonthUsd)}` : ""}`],
    ...(plan === null
      ? []
      : ([
          ["As it was planned", `at most ${formatUsd(plan.cost.hourlyUsdBound)} per hour${plan.cost.worstCaseUsd === null ? ", without an upper bound" : `, ${formatUsd(plan.cost.worstCaseUsd)} in the worst case`}`],
          ["Budget", [...(plan.budget.maxUsd === null ? [] : [formatUsd(plan.budget.maxUsd)]), ...(plan.budget.maxHours === null ? [] : [`${plan.budget.maxHours} h`])].join(" and ") || "none"],
        ] as const)),
  ])}
${table({
  caption: "What was billed, by list price",
  columns: [{ title: "what" }, { title: "name" }, { title: "from" }, { title: "until" }, { title: "price", right: true }],
  rows: cost.resources.map(({ role, name, since, until, hourlyUsd, monthlyUsd }) => [titles.role(role), name, formatTime(since), until === null ? html`<span class="warn">stands</span>` : formatTime(until), hourlyUsd !== null ? `${formatUsd(hourlyUsd)}/h` : monthlyUsd !== null ? `${formatUsd(monthlyUsd)}/month` : "-"]),
})}
${view.leftovers.length === 0 ? nothing : table({ caption: "Kept on purpose", columns: [{ title: "what" }, { title: "name" }, { title: "per month", right: true }, { title: "remove with" }], rows: view.leftovers.map(({ kind, name, monthlyUsd, remove }) => [kind, name, monthlyUsd === null ? "unknown" : formatUsd(monthlyUsd), html`<code>${remove}</code>`]) })}
${clocks.length === 0 ? nothing : table({ caption: "Clocks that act without being asked", columns: [{ title: "clock" }, { title: "when" }, { title: "what" }, { title: "loses" }], rows: clocks.map(({ title, at, statement, tiersLost }) => [title, at === null ? "no timer" : formatTime(at), statement, tiersLost.length === 0 ? "-" : html`<span class="bad">${tiersLost.map(titles.tier).join(", ")}</span>`]) })}
</section>`;
}
