/** A YAML file whose properties can be found again: which line says what. */
import { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument, type Document } from "yaml";

export type YamlPath = readonly (string | number)[];

export class YamlSource {
  private readonly lines = new LineCounter();
  private readonly document: Document;

  /** `file` names it in findings: its path relative to the project, with forward slashes. */
  constructor(
    readonly file: string,
    text: string,
  ) {
    this.document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false });
  }

  /** What is no YAML, with 1-based lines. */
  get errors(): readonly { readonly message: string; readonly line: number }[] {
    return this.document.errors.map((error) => ({ message: error.message, line: this.lines.linePos(error.pos[0]).line }));
  }

  get value(): unknown {
    return this.document.toJS() as unknown;
  }

  /** 1-based line of the deepest part of `path` that is written, and how many of its steps that are; line 1 for none. */
  locate(path: YamlPath): { readonly line: number; readonly depth: number } {
    let node: unknown = this.document.contents;
    let found = { line: 1, depth: 0 };
    for (const [index, step] of path.entries()) {
      const next = stepInto(node, step);
      if (next === null) break;
      node = next.node;
      if (next.offset !== null) found = { line: this.lines.linePos(next.offset).line, depth: index + 1 };
    }
    return found;
  }
}

/** The key's place for an entry of a map: a value may begin lines below it. */
function stepInto(node: unknown, step: string | number): { node: unknown; offset: number | null } | null {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
    return pair === undefined ? null : { node: pair.value, offset: isScalar(pair.key) ? (pair.key.range?.[0] ?? null) : null };
  }
  if (isSeq(node) && typeof step === "number" && step < node.items.length) {
    const item: unknown = node.items[step];
    return { node: item, offset: isNode(item) ? (item.range?.[0] ?? null) : null };
  }
  return null;
}
