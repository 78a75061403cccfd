/** The list of rules for docs/policies.md, from the rules themselves. `node dist/policy/document.js` writes it. */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { concerns, type Rule } from "./rules";

const BEGIN = "<!-- rules: begin -->";
const END = "<!-- rules: end -->";

/** The document with its list brought up to date. Throws an Error when the marks are missing. */
export function withRules(document: string): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`the marks ${BEGIN} and ${END} are missing`);
  return `${before}${BEGIN}\n\n${renderRules()}\n${END}${after}`;
}

const renderRules = (): string => Object.entries(concerns).map(([concern, rules]) => `### ${concern}\n\n${rules.map(renderRule).join("\n")}`).join("\n");

function renderRule(rule: Rule): string {
  const judges = "validateStack" in rule ? "whole stack" : "each resource";
  const adds = "remediateResource" in rule ? ", can remediate" : "";
  const config = Object.entries(rule.configSchema?.properties ?? {}).map(([key, { default: value, description }]) => `- \`${key}\` (default \`${JSON.stringify(value)}\`): ${description}\n`);
  return `#### \`${rule.name}\`\n${rule.description} *${rule.enforcementLevel}, ${judges}${adds}; ${rule.gotchas.join(", ")}*\n${config.length === 0 ? "" : `\n${config.join("")}`}`;
}

if (require.main === module) {
  const file = resolve(__dirname, "../../docs/policies.md");
  writeFileSync(file, withRules(readFileSync(file, "utf8")));
}
