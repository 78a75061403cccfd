// Reads the one kind of Python literal that an npy header may be: dicts, lists, tuples, strings, whole numbers, True, False, None.
import { quote } from "../verdict.js";

export type PythonLiteral = null | boolean | number | string | PythonTuple | PythonLiteral[] | Map<string, PythonLiteral>;

export class PythonTuple {
  constructor(readonly items: readonly PythonLiteral[]) {}
}

const maxDepth = 16;

/** Throws SyntaxError, with the position, for anything else. */
export function readPythonLiteral(text: string): PythonLiteral {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  #at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): PythonLiteral {
    if (depth > maxDepth) this.#fail("nested too deep");
    this.#space();
    switch (this.text.charAt(this.#at)) {
      case "{":
        return this.#dict(depth);
      case "[":
        return this.#items("]", depth).items;
      case "(": {
        const { items, comma } = this.#items(")", depth);
        const [only] = items;
        return items.length === 1 && !comma && only !== undefined ? only : new PythonTuple(items);
      }
      case "'":
      case '"':
        return this.#string();
      default:
        return this.#atom();
    }
  }

  end(): void {
    this.#space();
    if (this.#at < this.text.length) this.#fail("more text follows");
  }

  #dict(depth: number): Map<string, PythonLiteral> {
    const members = new Map<string, PythonLiteral>();
    this.#at += 1;
    while (!this.#take("}")) {
      this.#space();
      const key = this.#string();
      if (members.has(key)) this.#fail(`key ${JSON.stringify(key)} appears twice`);
      if (!this.#take(":")) this.#fail("expected ':'");
      members.set(key, this.value(depth + 1));
      if (this.#take(",")) continue;
      if (!this.#take("}")) this.#fail("expected ',' or '}'");
      break;
    }
    return members;
  }

  #items(close: string, depth: number): { items: PythonLiteral[]; comma: boolean } {
    const items: PythonLiteral[] = [];
    let comma = false;
    this.#at += 1;
    while (!this.#take(close)) {
      items.push(this.value(depth + 1));
      comma = this.#take(",");
      if (comma) continue;
      if (!this.#take(close)) this.#fail(`expected ',' or '${close}'`);
      break;
    }
    return { items, comma };
  }

  #string(): string {
    // Python refuses a NUL anywhere, and line ends inside a text; no header needs the other control characters.
    const match = /(?:'((?:[^'\\\u0000-\u001f]|\\[^\u0000-\u001f])*)'|"((?:[^"\\\u0000-\u001f]|\\[^\u0000-\u001f])*)")/y;
    match.lastIndex = this.#at;
    const found = match.exec(this.text);
    if (found === null) this.#fail("expected a text in quotes");
    this.#at = match.lastIndex;
    return (found[1] ?? found[2] ?? "").replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))/g, (whole, x?: string, u?: string, one?: string) => {
      const code = x ?? u;
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
      if (one === "\\" || one === "'" || one === '"') return one;
      return this.#fail(`unknown escape ${quote(whole)}`);
    });
  }

  #atom(): PythonLiteral {
    // Python 2 wrote long integers with an L. Python 3 has no numbers with leading zeros.
    const match = /(True|False|None)\b|(-?(?:0|[1-9][0-9]*))L?(?![0-9A-Za-z_.])/y;
    match.lastIndex = this.#at;
    const found = match.exec(this.text);
    if (found === null) this.#fail("expected a literal");
    this.#at = match.lastIndex;
    if (found[2] !== undefined) return Number(found[2]);
    return found[1] === "None" ? null : found[1] === "True";
  }

  #take(character: string): boolean {
    this.#space();
    if (this.text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #space(): void {
    while (/[ \t\r\n]/.test(this.text[this.#at] ?? "")) this.#at += 1;
  }

  #fail(message: string): never {
    throw new SyntaxError(`${message} at character ${this.#at}`);
  }
}
