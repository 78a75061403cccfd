/** Findings as SARIF 2.1.0 (OASIS), which code hosts show on the lines of a change. Pure. */
import type { Finding } from "../runs/findings";
import { sentenceOf } from "./planReport";

export interface SarifOptions {
  readonly version: string;
  /** Folder of the project in its repository, with a final slash, or empty. */
  readonly prefix: string;
  /** Description of a rule, by its id. */
  readonly descriptionOf: (ruleId: string) => string;
}

export function renderSarif(findings: readonly Finding[], { version, prefix, descriptionOf }: SarifOptions): object {
  const ids = [...new Set(findings.map(({ ruleId }) => ruleId))].sort();
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "holdfast", version, rules: ids.map((id) => ({ id, shortDescription: { text: descriptionOf(id) } })) } },
        // Lines and columns are counted in UTF-16 code units; only lines are used.
        columnKind: "utf16CodeUnits",
        results: findings.map((finding) => ({
          ruleId: finding.ruleId,
          ruleIndex: ids.indexOf(finding.ruleId),
          level: finding.level,
          message: { text: messageOf(finding) },
          locations: [{ physicalLocation: { artifactLocation: { uri: encodeURI(`${prefix}${finding.file}`), uriBaseId: "%SRCROOT%" }, region: { startLine: finding.line } } }],
        })),
      },
    ],
  };
}

const messageOf = (finding: Finding): string =>
  [sentenceOf(finding), ...(finding.why === null ? [] : [`Why: ${finding.why}.`]), ...(finding.instead === null ? [] : [`Instead: ${finding.instead}.`])].join("\n");
