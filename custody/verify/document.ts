/** The list of refusals in docs/checkpoints.md, from the codes themselves. `node dist/custody/verify/document.js` writes it. */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { problemCodes } from "./codes.js";

const BEGIN = "<!-- refusals: begin -->";
const END = "<!-- refusals: end -->";

/** The document with its list brought up to date. Throws an Error when the marks are missing. */
export function withRefusals(document: string): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`the marks ${BEGIN} and ${END} are missing`);
  const rows = Object.entries(problemCodes).map(([code, meaning]) => `| \`${code}\` | ${meaning} |\n`);
  return `${before}${BEGIN}\n| code | because |\n|---|---|\n${rows.join("")}${END}${after}`;
}

if (require.main === module) {
  const file = resolve(__dirname, "../../../docs/checkpoints.md");
  writeFileSync(file, withRefusals(readFileSync(file, "utf8")));
}
