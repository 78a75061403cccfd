/** Shell as syntax trees. The parser is loaded when the first script is judged: most stacks have none. */
import { createRequire } from "node:module";
import type * as unbash from "unbash";
import type { ParsedScript, Statement, SyntaxNode, WordPart } from "unbash";

const load = createRequire(__filename);

const parser = (): typeof unbash => load("unbash") as typeof unbash;

const tree = (text: string): ParsedScript => parser().parse(text.replaceAll("\r\n", "\n"));

/**
 * What a text holds, as far as it can be read. A quote or a document that never ends swallows what follows, so such a text is
 * read line by line as well: a line too many is better than one that was not seen.
 */
export function statementsOf(text: string): readonly Statement[] {
  const { commands, errors = [] } = tree(text);
  return errors.length === 0 ? commands : [...commands, ...text.split("\n").flatMap((line) => tree(line).commands)];
}

/** The here-documents of a script, in their order, as they stand in it. */
export function documentsIn(text: string): string[] {
  const bodies: string[] = [];
  const { forEachChild } = parser();
  const look = (node: SyntaxNode): void => {
    if (node.type === "HereDoc") bodies.push(node.body.text);
    forEachChild(node, look);
  };
  if (text.includes("<<")) look(tree(text));
  return bodies;
}

/** The parts of a text that a shell would expand like words in double quotes. */
export function partsOf(text: string): readonly WordPart[] {
  const end = ["END", "END_OF_TEXT", "END_OF_THIS_TEXT"].find((word) => !text.includes(word)) ?? "END_OF_ALL_TEXTS";
  const [statement] = tree(`:<<${end}\n${text}\n${end}\n`).commands;
  const command = statement?.command;
  const [document] = command?.type === "Command" ? command.redirects : [];
  return document?.type === "HereDoc" ? (document.body.parts ?? [{ type: "Literal", pos: 0, end: 0, value: document.body.text, text: document.body.text }]) : [];
}
