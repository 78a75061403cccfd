/** `node dist/profiles/docs.js --write | --check`: docs/platforms/ from the profiles, or whether it is still what they say. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { renderPages, type Pages } from "./docs/markdown";
import { profiles } from "./registry";

/** Pages in the folder that are missing, different or no longer made, by file name. */
export function outdatedPages(folder: string, pages: Pages): string[] {
  const there = new Set(pagesIn(folder));
  const differing = [...pages].filter(([name, content]) => !there.has(name) || readFileSync(join(folder, name), "utf8") !== content).map(([name]) => name);
  return [...differing, ...[...there].filter((name) => !pages.has(name))].sort();
}

/** Writes every page and removes those that are no longer made. */
export function writePages(folder: string, pages: Pages): void {
  mkdirSync(folder, { recursive: true });
  for (const name of pagesIn(folder)) if (!pages.has(name)) rmSync(join(folder, name));
  for (const [name, content] of pages) writeFileSync(join(folder, name), content);
}

function pagesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".md"));
  } catch {
    return [];
  }
}

function main(argument: string | undefined): number {
  const folder = resolve(__dirname, "../../docs/platforms");
  const pages = renderPages(Object.values(profiles));
  switch (argument ?? "") {
    case "--write":
      writePages(folder, pages);
      process.stdout.write(`${pages.size} pages in docs/platforms\n`);
      return 0;
    case "--check": {
      const outdated = outdatedPages(folder, pages);
      if (outdated.length === 0) return 0;
      process.stderr.write(`docs/platforms is not what the profiles say: ${outdated.join(", ")}\nnext: node dist/profiles/docs.js --write\n`);
      return 1;
    }
    default:
      process.stderr.write("usage: node dist/profiles/docs.js --write | --check\n");
      return 2;
  }
}

if (require.main === module) process.exitCode = main(process.argv[2]);
