/** Writes docs/teardown.md from the table: `node dist/test/engine/bypass/document.js --write`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../stack";
import type { Followed, Refused, Row } from "./row";
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
  const later = rows.filter((row) => row.kind === "later");
  const tried = rows.filter((row) => row.kind !== "later");
  return [
    tried.length === 0 ? "" : rendered(["what is tried", "you type", "refused by", "still stands", "in the ledger"], tried.map((row) => [row.when, typed(row), refuser(row), stands(row), ledger(row)])),
    later.length === 0 ? "" : rendered(["what is tried", "you type", "why not yet"], later.map((row) => [row.when, typed(row), row.why])),
  ].join("");
}

const rendered = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`).join("");

const typed = (row: Row): string => row.typed.map((line) => `\`${line}\``).join("<br>");

function refuser(row: Refused | Followed): string {
  if (row.kind === "followed") return row.by.length === 0 ? "nobody" : row.by.join(", then ");
  return row.mayPass === undefined ? row.by : `${row.by}; not always: ${row.mayPass}`;
}

const stands = (row: Refused | Followed): string => (row.kind === "followed" ? row.stands : "everything");

function ledger(row: Refused | Followed): string {
  if (row.kind === "followed") return row.ledger;
  if (row.noted !== undefined) return "a note of what was found";
  return row.codes.length === 0 ? "nothing" : `refused: ${row.codes.map((code) => `\`${code}\``).join(", ")}`;
}

if (require.main === module) {
  if (process.argv.includes("--write")) {
    writeFileSync(documentPath, renderDocument());
  } else if (readFileSync(documentPath, "utf8") !== renderDocument()) {
    console.error("docs/teardown.md is out of date; next: node dist/test/engine/bypass/document.js --write");
    process.exitCode = 1;
  }
}
