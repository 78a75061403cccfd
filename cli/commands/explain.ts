/** holdfast explain: what a platform keeps, loses and bills, as tables. */
import { Command } from "commander";
import type { Cell, Explanation, Table } from "../../profiles";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import type { Tone } from "../render/paint";
import { renderTable } from "../render/table";
import type { Session } from "../terminal";

export function explainCommand(cli: Cli): Command {
  return new Command("explain")
    .summary("a platform's profile: what is kept, lost, billed")
    .description("show a platform's profile: survival, verbs, meters, clocks, limits, traps")
    .argument("[platform]", "for example lambda; without it the platforms are listed")
    .option("--verb <verb>", "only what this verb keeps, loses and bills, for example terminate")
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast explain lambda", "everything"], ["holdfast explain lambda --verb terminate", "one verb"]))
    .action(cli.action((session, [platform]: [string | undefined], options: { verb?: string }) => explain(session, platform, options)));
}

async function explain(session: Session, platform: string | undefined, options: { verb?: string }): Promise<ExitCode | undefined> {
  const { explainProfile, isProvisioned, profileFor, profiles } = await import("../../profiles/index.js");
  if (platform === undefined) {
    const known = Object.values(profiles).map(({ id, title, summary }) => ({ platform: id, title, provisioned: isProvisioned(id), summary }));
    if (session.json) session.printJson({ platforms: known });
    else session.print(renderTable(["platform", "what it is", "can be", ""], known.map((entry) => [entry.platform, entry.title, entry.provisioned ? "planned and provisioned" : "planned", entry.summary]), { paint: session.paint, width: session.width }));
    return undefined;
  }
  const explanation = explainProfile(profileFor(platform), { ...options, now: session.clock.now() });
  if (session.json) session.printJson(explanation);
  else session.print(renderExplanation(session, explanation));
  return undefined;
}

const tones: Readonly<Record<Cell["kind"], Tone | null>> = { plain: null, good: "good", bad: "bad", unknown: "warn", none: "faint" };

function renderExplanation(session: Session, explanation: Explanation): string {
  const { paint } = session;
  const announce = explanation.announce.map((line) => `  ${paint("warn", "!")} ${line}`);
  const planned = explanation.provisioned ? [] : [paint("warn", "This version plans and judges runs on this platform; it cannot create or tear down anything there yet.")];
  const stale = explanation.stale.length === 0 ? [] : [`${paint("strong", "Not verified for long")}\n${explanation.stale.map((line) => `  ${paint("warn", "!")} ${line}`).join("\n")}`];
  const disagreements = explanation.disagreements.length === 0 ? [] : [`${paint("strong", "Sources disagree; the pessimistic reading is used")}\n${explanation.disagreements.map((line) => `  ${line}`).join("\n")}`];
  return [[paint("strong", explanation.title), explanation.summary, ...planned, ...announce].join("\n"), ...explanation.tables.map((table) => renderProfileTable(session, table)), ...disagreements, ...stale].join("\n\n");
}

/** A pipe gets whole lines; on a terminal the widest columns wrap. */
function renderProfileTable(session: Session, table: Table): string {
  const rows = table.rows.map((row) => row.map((cell) => paintCell(session, cell)));
  return `${session.paint("strong", table.title)}\n${renderTable(table.columns, rows, { paint: session.paint, width: session.width ?? 160, indent: 2 })}`;
}

function paintCell(session: Session, cell: Cell): string {
  const tone = tones[cell.kind];
  return tone === null ? cell.text : session.paint(tone, cell.text);
}
