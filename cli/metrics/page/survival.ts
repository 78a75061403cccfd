/** What of the run survives what, by the platform's profile and the plan. Pure. */
import { formatUsd } from "../../render/units";
import { plannedRows, type TeardownRow } from "../../render/teardown";
import type { Cell, Table } from "../../../profiles";
import type { Dossier } from "./dossier";
import { facts, html, nothing, table, type Html } from "./html";

export function survivalSection({ plan, survival, titles }: Dossier): Html {
  if (plan === null) return nothing;
  return html`<section aria-labelledby="survival"><h2 id="survival">What survives what</h2>
${survival === null ? nothing : matrix(survival)}
${facts([
    ["Artifacts lie on", `${titles.tier(plan.durable.tier)}: ${plan.durable.runDirectoryTemplate}`],
    ["A checkpoint every", `${plan.checkpoint.everySeconds} s${plan.checkpoint.source === "override" ? ", as the job says" : ""}`],
    ["Storage at the end", plan.teardown.storage === "delete" ? "deleted with the run" : "kept, and billed on"],
    ["The end asks for", plan.disposable === null ? (plan.teardown.require === "pulled" ? "a pulled, loaded and receipted copy, and an approval" : "artifacts loaded where they lie and receipted, and an approval") : "the run's name only: it was declared disposable"],
  ])}
<h3>At the end of the run</h3>
${table({
  caption: "What each deletion keeps, loses and leaves billing",
  columns: [{ title: "what" }, { title: "verb" }, { title: "keeps" }, { title: "loses" }, { title: "goes on billing" }],
  rows: plannedRows(plan, titles).map(({ role, verb, kept, lost, billing }) => [role, verb, words(kept, "good"), words(lost, "bad"), billingText(billing)]),
})}
</section>`;
}

/** Tier, path and the four events; room and place are in the profile's own page. */
function matrix({ columns, rows }: Table): Html {
  return table({
    caption: "Tiers of storage against what can happen to the instance",
    columns: columns.slice(0, 6).map((title) => ({ title })),
    rows: rows.map((row) => row.slice(0, 6).map(fate)),
  });
}

const kinds = { plain: "", good: "good", bad: "bad", unknown: "warn", none: "quiet" } as const;
const fate = ({ text, kind }: Cell): Html => html`<span class="${kinds[kind]}">${text}</span>`;

const words = (list: readonly string[], kind: "good" | "bad"): Html | string => (list.length === 0 ? "-" : html`<span class="${kind}">${list.join(", ")}</span>`);

const billingText = (billing: TeardownRow["billing"]): Html | string =>
  billing.length === 0 ? "-" : html`<span class="warn">${billing.map(({ meter, usdPerMonth }) => `${meter}${usdPerMonth === null ? "" : ` ${formatUsd(usdPerMonth)}/month`}`).join(", ")}</span>`;
