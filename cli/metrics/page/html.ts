/** HTML from templates: whatever is put into one is text, unless it came out of a template itself. Nothing else builds markup. Pure. */
import { knownKind } from "../../../policy/secretLooks";
import { printable } from "../../render/paint";

/** Markup that a template made. */
export class Html {
  constructor(readonly markup: string) {}
}

type Part = Html | string | number | null | undefined | readonly Part[];

export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(literals.map((literal, index) => `${literal}${index < parts.length ? markupOf(parts[index]) : ""}`).join(""));
}

export const nothing = new Html("");

function markupOf(part: Part): string {
  if (part === null || part === undefined) return "";
  if (part instanceof Html) return part.markup;
  if (typeof part === "object") return part.map(markupOf).join("");
  return escapeText(String(part));
}

/** Also safe in a quoted attribute. What looks like a key does not get into a page that is passed around. */
export function escapeText(text: string): string {
  const kind = knownKind(text);
  const safe = printable(kind === null ? text : `[left out: looks like ${kind}]`);
  return safe.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}

export interface Column {
  readonly title: string;
  /** Figures. */
  readonly right?: boolean;
}

export interface TableOptions {
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Part[])[];
}

/** The first cell of a row is its heading. Wide tables scroll by themselves, not the page. */
export function table({ caption, columns, rows }: TableOptions): Html {
  const align = (index: number): string => (columns[index]?.right === true ? "figure" : "");
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption>
<thead><tr>${columns.map(({ title }, index) => html`<th scope="col" class="${align(index)}">${title}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${row.map((cell, index) => (index === 0 ? html`<th scope="row">${cell}</th>` : html`<td class="${align(index)}">${cell}</td>`))}</tr>
`)}</tbody></table></div>`;
}

/** Names and values. */
export function facts(entries: readonly (readonly [string, Part])[]): Html {
  return html`<dl>${entries.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** A word whose colour says what the word says. */
export const badge = (kind: "good" | "warn" | "bad" | "plain", word: string): Html => html`<span class="badge ${kind}">${word}</span>`;
