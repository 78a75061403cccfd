/** A YAML file whose properties can be found again: which line says what. */
import { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument, visit, type Document } from "yaml";
import { messageOf } from "../../custody/userError";

export type YamlPath = readonly (string | number)[];

export class YamlSource {
  private readonly lines = new LineCounter();
  private readonly document: Document;
  /** What its nodes stand for, or why an alias of it leads nowhere or too far. */
  private readonly read: { readonly value: unknown; readonly fault: string | null };

  /** `file` names it in findings: its path relative to the project, with forward slashes. */
  constructor(
    readonly file: string,
    text: string,
  ) {
    this.document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false });
    this.read = valueOf(this.document);
  }

  /** What is no YAML, with 1-based lines. */
  get errors(): readonly { readonly message: string; readonly line: number }[] {
    const errors = this.document.errors.map((error) => ({ message: error.message, line: this.lines.linePos(error.pos[0]).line }));
    return this.read.fault === null || errors.length > 0 ? errors : [{ message: this.read.fault, line: this.lineOfAlias(this.read.fault) }];
  }

  get value(): unknown {
    return this.read.value;
  }

  private lineOfAlias(fault: string): number {
    let line = 1;
    visit(this.document, {
      Alias: (_, alias) => {
        if (!fault.endsWith(`: ${alias.source}`)) return undefined;
        line = this.lines.linePos(alias.range?.[0] ?? 0).line;
        return visit.BREAK;
      },
    });
    return line;
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

function valueOf(document: Document): { value: unknown; fault: string | null } {
  try {
    return { value: document.toJS() as unknown, fault: null };
  } catch (error) {
    return { value: null, fault: messageOf(error) };
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
