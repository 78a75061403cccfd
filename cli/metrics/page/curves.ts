/** The curves, each with the same figures as a table. Pure. */
import { formatDuration, plural } from "../../render/units";
import type { Figure, Point } from "../curve";
import { summaryOf, thinned } from "../curve";
import { formatMetric } from "../series";
import { chart, legend } from "./chart";
import type { Dossier } from "./dossier";
import { html, nothing, table, type Html } from "./html";

export function curveSection({ metrics }: Dossier): Html {
  const drawn = metrics.figures.filter(({ curves }) => curves.length > 0);
  if (drawn.length === 0) return html`<section aria-labelledby="curves"><h2 id="curves">Curves</h2><p class="quiet">No cell has written any.</p></section>`;
  const unreadable = metrics.cells.filter((cell) => cell.unreadable > 0).map(({ cell, unreadable: lines }) => html`<p class="warn">${cell}: ${plural(lines, "line")} cannot be read.</p>`);
  return html`<section aria-labelledby="curves"><h2 id="curves">Curves</h2>
${unreadable}
${drawn.map((figure, index) => html`<figure><h3>${figure.metric.replaceAll("_", " ")}</h3>
${chart(figure, `figure${index}`, metrics.log)}
<figcaption>${figure.curves.length > 1 ? legend(figure) : nothing}${summaryTable(figure)}
<details><summary>${figure.metric.replaceAll("_", " ")} as a table</summary>${rowTable(figure)}</details></figcaption></figure>`)}
</section>`;
}

function summaryTable(figure: Figure): Html {
  const at = ({ x, y }: Point): Html => html`${formatMetric(y)} <span class="quiet">at ${figure.axis === "step" ? x : formatDuration(x)}</span>`;
  return table({
    caption: `${figure.metric}: figures of each cell`,
    columns: [{ title: "cell" }, { title: "last", right: true }, { title: "lowest", right: true }, { title: "highest", right: true }, { title: "rows", right: true }],
    rows: figure.curves.map(summaryOf).map(({ cell, last, lowest, highest, rows, notFinite }) => [
      cell,
      last === null ? html`<span class="bad">not finite</span>` : formatMetric(last),
      lowest === null ? "-" : at(lowest),
      highest === null ? "-" : at(highest),
      notFinite === 0 ? rows : html`${rows}, <span class="bad">${notFinite} not finite</span>`,
    ]),
  });
}

/** About this many rows: enough to follow a curve by reading. */
const rowsShown = 24;

function rowTable({ curves, axis, metric }: Figure): Html {
  const places = [...new Set(curves.flatMap(({ points }) => thinned(points, rowsShown).map(({ x }) => x)))].sort((a, b) => a - b);
  const every = Math.max(1, Math.ceil(places.length / (rowsShown * 2)));
  const shown = places.filter((_, index) => index % every === 0 || index === places.length - 1);
  const values = curves.map(({ points }) => new Map(points.map(({ x, y }) => [x, y])));
  return table({
    caption: `${metric}: ${shown.length} of the places that are drawn`,
    columns: [{ title: axis === "step" ? "step" : "time", right: true }, ...curves.map(({ cell }) => ({ title: cell, right: true }))],
    rows: shown.map((x) => [axis === "step" ? x : formatDuration(x), ...values.map((known) => (known.has(x) ? formatMetric(known.get(x) ?? null) : ""))]),
  });
}
