/** Writes docs/teardown.md from the table: `node dist/test/engine/bypass/document.js --write`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../stack";
import type { Row } from "./row";
import { sections } from "./table";

export const documentPath = join(packageRoot, "docs", "teardown.md");

const introduction = `# Teardown: every way around the gate

\`pulumi destroy\` of a run is refused until its artifacts were pulled, proven to load, and a person approved that very loss. This page
lists what else one might type, what refuses it, what still stands afterwards and what the ledger keeps. Every row is tried by the tests
on the real engine against real instances (\`npm test bypass\`); this page is generated from the table they use
(\`node dist/test/engine/bypass/document.js --write\`).

Three locks, from the outside in:

1. **The gate** depends on everything of its run, so it is deleted first, in a destroy, in the removal of the run from the program and in
   a replacement of its file system. Its delete is the decision; nothing else happens before it.
2. **The provider's own lock**: the delete of instance, file system and job asks for the same decision again, unless the gate
   has just granted it. It holds where the gate is gone, or is not asked.
3. **Checks of the program and of its options** stop an update before anything is registered: a renamed run, inherited \`retainOnDelete\`
   or \`deletedWith\`, a missing \`deleteBeforeReplace\`.

In the commands, \`{instance}\` and the like stand for the resource's URN (\`pulumi stack --show-urns\`), \`NAME\` for the instance's name.
A refusal ends with the commands to type next. Codes are those of \`holdfast ledger\`; where the ledger column says "nothing", the refusal comes before
anything is asked.
`;

/** The whole page. Pure. */
export function renderDocument(): string {
  return `${introduction}${sections.map(({ title, text, rows }) => `\n## ${title}\n\n${text}\n\n${renderRows(rows)}`).join("")}`;
}

function renderRows(rows: readonly Row[]): string {
  if (rows.every((row) => row.kind === "later")) return rendered(["what is tried", "you type", "why not yet"], rows.map((row) => [row.when, typed(row), row.kind === "later" ? row.why : ""]));
  return rendered(["what is tried", "you type", "refused by", "still stands", "in the ledger"], rows.map((row) => [row.when, typed(row), refuser(row), stands(row), ledger(row)]));
}

const rendered = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`).join("");

const typed = (row: Row): string => row.typed.map((line) => `\`${line}\``).join("<br>");

function refuser(row: Row): string {
  switch (row.kind) {
    case "refused": return row.mayPass === undefined ? row.by : `${row.by}; not always: ${row.mayPass}`;
    case "followed": return row.by.length === 0 ? "nobody" : row.by.join(", then ");
    case "later": return "";
    default: return row satisfies never;
  }
}

function stands(row: Row): string {
  return row.kind === "followed" ? row.stands : "everything";
}

function ledger(row: Row): string {
  if (row.kind === "followed") return row.ledger;
  if (row.kind === "refused" && row.codes.length > 0) return `refused: ${row.codes.map((code) => `\`${code}\``).join(", ")}`;
  return "nothing";
}

if (require.main === module) {
  if (process.argv.includes("--write")) {
    writeFileSync(documentPath, renderDocument());
  } else if (readFileSync(documentPath, "utf8") !== renderDocument()) {
    console.error("docs/teardown.md is out of date; next: node dist/test/engine/bypass/document.js --write");
    process.exitCode = 1;
  }
}
