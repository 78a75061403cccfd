/** docs/gotchas.md: every gotcha, what is done about it, and the code and test that show it. Pure. */
import { coverage, gotchaIds, later, laterResources, type Cover, type TestLink } from "../coverage";
import { universalGotchas } from "../gotchas";
import type { Profile } from "../schema";

/** A policy rule and where it stands; files from the project's root. */
export interface RuleLink {
  readonly name: string;
  readonly description: string;
  readonly level: string;
  readonly gotchas: readonly string[];
  readonly file: string;
  readonly tests: readonly string[];
}

/** The whole page, ending in a newline. `rules` in the order of the pack. */
export function gotchaDocument(profiles: readonly Profile[], rules: readonly RuleLink[]): string {
  const chapters = [...chaptersOf(profiles), { title: "Everywhere", entries: universalGotchas }];
  const lines = [
    "<!-- Generated from profiles/ and policy/rules/ by `node dist/policy/gotchaDocs.js --write`. Do not edit. -->",
    "",
    "# Gotchas",
    "",
    "What goes wrong with GPU training runs, by the ids that messages, policies and profiles use, and what is done about it here.",
    "A test fails when one of them is missing here, or when the code or the test that is named does not exist.",
    "",
    summary(rules),
    "",
    ...chapters.flatMap(({ title, entries }) => [`## ${title}`, "", ...entries.flatMap((entry) => section(entry.id, entry.statement, rules))]),
    ...waiting(profiles),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

/** What a reader finds for one gotcha, as Markdown list items. */
export function handledBy(id: string, rules: readonly RuleLink[]): string[] {
  const ofRules = rules.filter((rule) => rule.gotchas.includes(id)).map((rule) => `- Policy rule ${code(rule.name, rule.file)}, ${rule.level}: ${lowerFirst(rule.description)}${testsOf(rule)}`);
  const ofTable = (coverage[id] ?? []).map(coverLine);
  const awaited = Object.entries(later).flatMap(([platform, awaiting]) => (awaiting[id] === undefined ? [] : [`- Later, with ${platform}: ${awaiting[id]}.`]));
  return [...ofRules, ...ofTable, ...awaited];
}

const testsOf = ({ tests }: RuleLink): string => (tests.length === 0 ? "" : ` (tests: ${tests.map((file) => link(file.replace(/^.*\/|\.test\.ts$/g, ""), file)).join(", ")})`);

interface Chapter {
  readonly title: string;
  readonly entries: readonly { readonly id: string; readonly statement: string }[];
}

/** A gotcha that platforms share stands with the first of them; the others are named in the chapter's title. */
function chaptersOf(profiles: readonly Profile[]): Chapter[] {
  const bySeries = new Map<string, { titles: string[]; entries: Map<string, string> }>();
  for (const profile of profiles) {
    for (const { id, statement } of profile.gotchas) {
      const series = id.replace(/(-[A-Z]+|\d+)$/, "");
      const chapter = bySeries.get(series) ?? { titles: [], entries: new Map<string, string>() };
      bySeries.set(series, chapter);
      if (!chapter.titles.includes(profile.title)) chapter.titles.push(profile.title);
      chapter.entries.set(id, chapter.entries.get(id) ?? statement);
    }
  }
  return [...bySeries.values()].map(({ titles, entries }) => ({
    title: titles.join(", "),
    entries: [...entries].map(([id, statement]) => ({ id, statement })).sort((a, b) => gotchaIds.indexOf(a.id) - gotchaIds.indexOf(b.id)),
  }));
}

const section = (id: string, statement: string, rules: readonly RuleLink[]): string[] => [`### ${id}`, "", statement, "", ...handledBy(id, rules), ""];

function coverLine(cover: Cover): string {
  switch (cover.by) {
    case "preflight":
      return `- Preflight check ${code(cover.check, "remote/preflight.sh")}: ${cover.how} (${testLink(cover.test)})`;
    case "plan":
    case "provider":
    case "script":
    case "custody":
      return `- ${NAMES[cover.by]} ${code(cover.file, cover.file)}: ${cover.how} (${testLink(cover.test)})`;
    case "documentation":
      return `- Documentation only: ${cover.reason}`;
  }
}

const NAMES = { plan: "Plan", provider: "Provider", script: "Remote script", custody: "Custody" } as const;

function summary(rules: readonly RuleLink[]): string {
  const covers = (id: string): readonly Cover[] => coverage[id] ?? [];
  const count = (having: (id: string) => boolean): number => gotchaIds.filter(having).length;
  const rows = [
    ["a policy rule", count((id) => rules.some((rule) => rule.gotchas.includes(id)))],
    ["a check before the start", count((id) => covers(id).some((cover) => cover.by === "preflight"))],
    ["the plan", count((id) => covers(id).some((cover) => cover.by === "plan"))],
    ["a provider, a remote script or custody", count((id) => covers(id).some((cover) => ["provider", "script", "custody"].includes(cover.by)))],
    ["documentation only, with the reason", count((id) => documentedOnly(id, rules))],
    ["more to come with its platform", count((id) => Object.values(later).some((awaited) => id in awaited))],
  ] as const;
  return [`Of ${gotchaIds.length} gotchas, how many are dealt with by (one can have several):`, "", "| by | gotchas |", "|---|---|", ...rows.map(([by, gotchas]) => `| ${by} | ${gotchas} |`)].join("\n");
}

/** Nothing enforces it, now or later. */
export function documentedOnly(id: string, rules: readonly RuleLink[]): boolean {
  const covers = coverage[id] ?? [];
  return covers.length > 0 && covers.every((cover) => cover.by === "documentation") && !rules.some((rule) => rule.gotchas.includes(id)) && !Object.values(later).some((awaited) => id in awaited);
}

function waiting(profiles: readonly Profile[]): string[] {
  const platforms = Object.entries(later);
  if (platforms.length === 0) return [];
  const title = (platform: string): string => profiles.find((profile) => profile.id === platform)?.title ?? platform;
  const rows = platforms.map(([platform, awaited]) => `| ${title(platform)} | ${Object.keys(awaited).join(" ")} |`);
  return ["## Waiting for their platform", "", "These platforms can be planned, explained and judged, and not provisioned yet. What their providers owe stands in one file, " + code("profiles/coverage/later.ts", "profiles/coverage/later.ts") + ".", "", "| platform | gotchas |", "|---|---|", ...rows, "", "Their own resources do not exist yet, so no rule judges them outside of a run. To be judged then:", "", ...Object.entries(laterResources).map(([platform, resources]) => `- ${title(platform)}: ${resources}`), ""];
}

const link = (text: string, file: string): string => `[${text}](../${file})`;
const code = (text: string, file: string): string => link(`\`${text}\``, file);
const testLink = ({ file, name }: TestLink): string => (name === undefined ? link("test", file) : `${link("test", file)}: ${name}`);
const lowerFirst = (sentence: string): string => sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, "");
