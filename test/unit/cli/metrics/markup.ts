/** A strict reader of the markup that the page is made of: every tag closed in order, every attribute quoted. For tests. */
import assert from "node:assert/strict";

export interface Element {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: (Element | string)[];
}

const empty: ReadonlySet<string> = new Set(["meta"]);

export function readMarkup(markup: string): Element {
  const root: Element = { tag: "", attributes: {}, children: [] };
  const open = [root];
  const body = markup.replace(/^<!doctype html>\n/, "").replace(/(<style>)[^]*?(<\/style>)/, "$1$2");
  for (const [token, closing, opening, attributes, text] of body.matchAll(/<\/([a-z0-9]+)>|<([a-z0-9]+)((?: [^<>]*?)?)\/?>|([^<]+)/gi)) {
    const at = open.at(-1);
    assert.ok(at, `nothing is open at ${token}`);
    if (closing !== undefined) {
      assert.equal(closing, at.tag, `</${closing}> closes <${at.tag}>`);
      open.pop();
    } else if (opening !== undefined) {
      const element: Element = { tag: opening, attributes: readAttributes(attributes ?? ""), children: [] };
      at.children.push(element);
      if (!token.endsWith("/>") && !empty.has(opening)) open.push(element);
    } else {
      at.children.push(decode(text ?? ""));
    }
  }
  assert.deepEqual(open, [root], "everything is closed");
  const rebuilt = body.replaceAll(/<\/([a-z0-9]+)>|<([a-z0-9]+)((?: [^<>]*?)?)\/?>|[^<]+/gi, "");
  assert.equal(rebuilt, "", "nothing but tags and text");
  return root;
}

function readAttributes(text: string): Record<string, string> {
  const rest = text.replaceAll(/ ([a-zA-Z0-9-]+)(?:="([^"]*)")?/g, "").trim();
  assert.equal(rest, "", `attributes: ${text}`);
  return Object.fromEntries([...text.matchAll(/ ([a-zA-Z0-9-]+)(?:="([^"]*)")?/g)].map(([, name, value]) => [name ?? "", decode(value ?? "")]));
}

const decode = (text: string): string => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");

export const all = (element: Element): Element[] => [element, ...element.children.flatMap((child) => (typeof child === "string" ? [] : all(child)))];
export const find = (root: Element, tag: string): Element[] => all(root).filter((element) => element.tag === tag);
export const textOf = (element: Element): string => element.children.map((child) => (typeof child === "string" ? child : textOf(child))).join("");

/** Rows of the table with this caption, cell by cell. */
export function rowsOf(root: Element, caption: string | RegExp): string[][] {
  const wanted = find(root, "table").find((table) => find(table, "caption").some((one) => (typeof caption === "string" ? textOf(one) === caption : caption.test(textOf(one)))));
  assert.ok(wanted, `a table about ${String(caption)}`);
  return find(wanted, "tr").map((row) => row.children.flatMap((cell) => (typeof cell === "string" ? [] : [textOf(cell)])));
}
