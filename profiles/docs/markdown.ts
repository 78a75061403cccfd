/** Profiles as Markdown pages: one per platform and an index. Pure, and without the date, so that pages change with the data only. */
import { valueOr } from "../fact";
import { duration, explainProfile, type Cell, type Table } from "../explain";
import { tiersLostBy } from "../planning/teardown";
import type { Profile, Verb } from "../schema";

/** File name, below docs/platforms, to content. */
export type Pages = ReadonlyMap<string, string>;

export const INDEX = "README.md";

const generated = "<!-- Generated from profiles/ by `node dist/profiles/docs.js --write`. Do not edit. -->";

export function renderPages(profiles: readonly Profile[]): Pages {
  return new Map([[INDEX, renderIndex(profiles)], ...profiles.map((profile): [string, string] => [`${profile.id}.md`, renderPlatform(profile)])]);
}

function renderPlatform(profile: Profile): string {
  const explanation = explainProfile(profile);
  const status = explanation.provisioned ? "This version plans, provisions and tears down runs here." : "This version plans and judges runs here; it cannot create or tear down anything yet.";
  const parts = [
    generated,
    `# ${profile.title}`,
    profile.summary,
    `Platform id: \`${profile.id}\`. ${status} The same on a terminal: \`holdfast explain ${profile.id}\`.`,
    "## Before anything else",
    bullets(profile.announce),
    ...explanation.tables.flatMap((table) => [`## ${table.title}`, ...(LEADS[table.id] ?? []), renderTable(table)]),
    ...section("Where sources disagree", "The fact in the tables is the pessimistic reading: data is lost, the meter runs. What else is said:", explanation.disagreements),
    ...section("Notes", null, explanation.notes),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** What a table's words mean, where they do not say it themselves. */
const LEADS: Readonly<Record<string, readonly string[]>> = {
  survival: ['Paths hold `{name}`, `{user}` and `{durablePath}` for what is known later. "look: ..." means that it differs from machine to machine: it counts as lost until somebody looks.'],
  clocks: ["Timers that act without being asked, or whose absence costs money."],
};

function renderIndex(profiles: readonly Profile[]): string {
  const rows = profiles.map((profile) => {
    const end = endOf(profile);
    const durable = profile.tiers.find((tier) => tier.id === profile.durable.tier);
    const lost = end === null ? [] : tiersLostBy(profile, end).map((id) => profile.tiers.find((tier) => tier.id === id)?.title ?? id);
    const acting = profile.clocks.filter((clock) => clock.effect !== "bills").map((clock) => {
      const seconds = valueOr(clock.defaultSeconds, null);
      return seconds === null ? clock.id : `${clock.id} ${duration(seconds)}`;
    });
    return [
      `[${profile.title}](${profile.id}.md)`,
      explainProfile(profile).provisioned ? "planned, provisioned" : "planned",
      durable?.title ?? profile.durable.tier,
      end === null ? "" : end.verb,
      lost.length === 0 ? "nothing" : lost.join("; "),
      profile.meters.filter((meter) => end !== null && goesOn(end, meter.id)).map((meter) => meter.title).join("; ") || "nothing",
      acting.join(", ") || "none",
      gotchaRange(profile),
    ].map(escape);
  });
  return `${[
    generated,
    "# Platforms",
    "What each platform keeps, loses and goes on billing, as data: profiles/ holds it, plans and policies judge by it, these pages show it.",
    "Every fact has a source and the month in which it was last verified. What is unknown counts as lost and as billing. A fact that a plan relies on is pointed out when it is older than six months, and read pessimistically after twelve.",
    markdownTable(["platform", "can be", "checkpoints go to", "a run ends by", "which loses", "and leaves billing", "clocks that act by themselves", "gotchas"], rows),
    "Each page: what survives what, meters, verbs by tier and by meter, clocks, limits, the host, gotchas, sources, and where sources disagree.",
  ].join("\n\n")}\n`;
}

const endOf = (profile: Profile): Verb | null => {
  const name = profile.roles.find((role) => role.role === "instance")?.end.verb;
  return profile.verbs.find((verb) => verb.on === "instance" && verb.verb === name) ?? null;
};

function goesOn(verb: Verb, meter: string): boolean {
  const effect = verb.meters[meter];
  return effect !== undefined && effect.state !== "n/a" && !(effect.state === "known" && effect.value.effect === "stops");
}

function gotchaRange(profile: Profile): string {
  return profile.gotchas.length === 0 ? "none" : profile.gotchas.map((gotcha) => gotcha.id).join(" ");
}

function renderTable({ columns, rows }: Table): string {
  return markdownTable(columns.map(escape), rows.map((row) => row.map(renderCell)));
}

function renderCell({ text, kind }: Cell): string {
  const shown = escape(text);
  return kind === "bad" && text !== "" ? `**${shown}**` : shown;
}

const markdownTable = (columns: readonly string[], rows: readonly (readonly string[])[]): string =>
  [columns, columns.map(() => "---"), ...rows].map((row) => `| ${row.map((cell) => (cell === "" ? " " : cell)).join(" | ")} |`).join("\n");

const section = (title: string, lead: string | null, lines: readonly string[]): string[] => (lines.length === 0 ? [] : [`## ${title}`, ...(lead === null ? [] : [lead]), bullets(lines.map(escape))]);

const bullets = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join("\n");

/** Plain text inside a cell or a bullet: no column ends early, no tag and no emphasis begins. */
const escape = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("*", "\\*").replaceAll(/\s*\n\s*/g, " ");
