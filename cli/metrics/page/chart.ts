/** A figure as one inline SVG: no script, readable without colours, light and dark. Pure. */
import type { Curve, Figure, Point } from "../curve";
import { thinned } from "../curve";
import type { Scale } from "../scale";
import { axisOf, formatTick, scaleOf } from "../scale";
import { plural } from "../../render/units";
import { formatMetric } from "../series";
import type { Html } from "./html";
import { html } from "./html";

const size = { width: 760, height: 300, left: 58, right: 14, top: 12, bottom: 40 } as const;
/** That the style sheet knows; after them they begin anew, with another dash. */
const colours = 8;

/** `id` is unique on the page. */
export function chart(figure: Figure, id: string, log: boolean): Html {
  const values = figure.curves.flatMap(({ points }) => points.flatMap(({ y }) => (y === null ? [] : [y])));
  const y = scaleOf(values, { count: 5, log, round: true });
  const x = axisOf(figure.curves.flatMap(({ points }) => points.map((point) => point.x)), 7);
  const axis = figure.axis === "step" ? "step" : "seconds since the cell began";
  return html`<svg viewBox="0 0 ${size.width} ${size.height}" role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">${figure.metric} over ${axis}</title>
<desc id="${id}-desc">${describe(figure)}</desc>
<g class="grid">${y.ticks.map((tick) => html`<line x1="${size.left}" x2="${size.width - size.right}" y1="${down(y, tick)}" y2="${down(y, tick)}"/><text x="${size.left - 8}" y="${down(y, tick)}" dy="0.32em" text-anchor="end">${formatTick(tick)}</text>`)}
${x.ticks.map((tick) => html`<line x1="${across(x, tick)}" x2="${across(x, tick)}" y1="${size.top}" y2="${size.height - size.bottom}"/><text x="${across(x, tick)}" y="${size.height - size.bottom + 18}" text-anchor="middle">${formatTick(tick)}</text>`)}
<text x="${size.width - size.right}" y="${size.height - 4}" text-anchor="end">${axis}${log ? ", values logarithmic" : ""}</text></g>
${figure.curves.map((curve, index) => line(curve, index, { x, y }))}
</svg>`;
}

/** Colour, dash and name of each curve. */
export function legend({ curves }: Figure): Html {
  return html`<ul class="legend">${curves.map(({ cell }, index) => html`<li><svg viewBox="0 0 30 10" aria-hidden="true"><path class="${lineClass(index)}" d="M1 5H29"/></svg>${cell}</li>`)}</ul>`;
}

/** Neighbours differ in colour and in dash: not everybody tells the colours apart, and paper may have none. */
const lineClass = (index: number): string => `curve c${index % colours} d${(index + Math.floor(index / colours)) % 4}`;

const across = (x: Scale, value: number): string => (size.left + x.place(value) * (size.width - size.left - size.right)).toFixed(1);
const down = (y: Scale, value: number): string => (size.top + (1 - y.place(value)) * (size.height - size.top - size.bottom)).toFixed(1);

function line({ cell, points }: Curve, index: number, scales: { x: Scale; y: Scale }): Html {
  const drawn = thinned(points, 1000);
  const last = drawn.findLast(({ y }) => y !== null && Number.isFinite(scales.y.place(y)));
  const end = last?.y === null || last?.y === undefined ? null : html`<circle class="end c${index % colours}" r="3" cx="${across(scales.x, last.x)}" cy="${down(scales.y, last.y)}"><title>${cell}: ${formatMetric(last.y)} at ${last.x}</title></circle>`;
  return html`<path class="${lineClass(index)}" d="${pathOf(drawn, scales)}"><title>${cell}</title></path>${end}`;
}

/** A gap where a value is missing; a value alone between two gaps is a dot. */
function pathOf(points: readonly Point[], { x, y }: { x: Scale; y: Scale }): string {
  let path = "";
  let open = false;
  for (const { x: at, y: value } of points) {
    if (value === null || !Number.isFinite(y.place(value))) {
      open = false;
      continue;
    }
    path += `${open ? "L" : "M"}${across(x, at)} ${down(y, value)}${open ? "" : "h0"}`;
    open = true;
  }
  return path;
}

/** For those who do not see it: what a glance would say. */
function describe({ curves, notFinite }: Figure): string {
  const sentences = curves.slice(0, 12).map(({ cell, points }) => {
    const finite = points.filter(({ y }) => y !== null);
    const [first, last] = [finite[0], finite.at(-1)];
    return first?.y === null || first === undefined || last?.y === null || last === undefined ? `${cell}: no finite value.` : `${cell}: from ${formatMetric(first.y)} to ${formatMetric(last.y)}.`;
  });
  return [...sentences, ...(curves.length > 12 ? [`And ${plural(curves.length - 12, "cell")} more.`] : []), ...(notFinite > 0 ? [`Not finite: ${plural(notFinite, "value")}.`] : []), "The same data stands in the table below."].join(" ");
}
