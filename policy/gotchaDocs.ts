/** `node dist/policy/gotchaDocs.js --write | --check`: docs/gotchas.md from profiles and rules, or whether it is still what they say. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { gotchaDocument, type RuleLink } from "../profiles/docs/gotchas";
import { profiles } from "../profiles/registry";
import { rules } from "./rules";

/**
 * Where the pack's rules and their tests stand, read from the sources below `root`: a rule's file exports it under a name;
 * its tests are those that use this name, and the test of the manifests whose first line says that they trip it. Throws an
 * Error for a rule that no file exports.
 */
export function readRuleLinks(root: string): RuleLink[] {
  const sources = readSources(root, join("policy", "rules"), ".ts");
  const tests = readSources(root, join("test", "policy"), ".test.ts");
  const corpus = [...readSources(root, join("test", "policy", "corpus", "bad"), ".yaml"), ...readSources(root, join("test", "policy", "corpus", "slurm", "bad"), ".sh")];
  const tripped = new Set(corpus.flatMap(({ text }) => /^# trips: (.+)/m.exec(text)?.[1]?.split(", ") ?? []));
  return rules.map((rule) => {
    const quoted = `name: "${rule.name}"`;
    const home = sources.find(({ text }) => text.includes(quoted));
    const exported = home === undefined ? undefined : new RegExp(`export const (\\w+) = (?:(?!export const)[^])*?${quoted}`).exec(home.text)?.[1];
    if (home === undefined || exported === undefined) throw new Error(`no file below policy/rules exports a rule ${rule.name}`);
    const uses = new RegExp(`\\b${exported}\\b`);
    const naming = tests.filter(({ text }) => uses.test(text) || text.includes(`"${rule.name}"`)).map(({ file }) => file);
    if (tripped.has(rule.name)) naming.push(CORPUS_TEST);
    return { name: rule.name, description: rule.description, level: rule.enforcementLevel ?? "advisory", gotchas: rule.gotchas, file: home.file, tests: naming };
  });
}

const CORPUS_TEST = "test/policy/corpus.test.ts";

interface Source {
  /** From the root, with slashes. */
  readonly file: string;
  readonly text: string;
}

const readSources = (root: string, folder: string, ending: string): Source[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ file: relative(root, path).split(sep).join("/"), text: readFileSync(path, "utf8") }));

function main(argument: string): number {
  const root = resolve(__dirname, "../..");
  const page = join(root, "docs", "gotchas.md");
  const content = gotchaDocument(Object.values(profiles), readRuleLinks(root));
  switch (argument) {
    case "--write":
      writeFileSync(page, content);
      process.stdout.write("docs/gotchas.md written\n");
      return 0;
    case "--check":
      if (existsSync(page) && readFileSync(page, "utf8") === content) return 0;
      process.stderr.write("docs/gotchas.md is not what profiles and rules say\nnext: node dist/policy/gotchaDocs.js --write\n");
      return 1;
    default:
      process.stderr.write("usage: node dist/policy/gotchaDocs.js --write | --check\n");
      return 2;
  }
}

if (require.main === module) process.exitCode = main(process.argv[2] ?? "");
