import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { profiles } from "../../../profiles";
import { outdatedPages, writePages } from "../../../profiles/docs";
import { duration } from "../../../profiles/explain";
import { INDEX, renderPages } from "../../../profiles/docs/markdown";

const pages = renderPages(Object.values(profiles));

test("the pages about platforms say what the profiles say", () => {
  const folder = resolve(__dirname, "../../../../docs/platforms");
  assert.deepEqual(outdatedPages(folder, pages), [], "run: npm run build && node dist/profiles/docs.js --write");
});

test("a page that was edited, is missing or has lost its platform is noticed, and writing repairs it", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-docs-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  assert.equal(outdatedPages(join(folder, "none"), pages).length, pages.size);
  writePages(folder, pages);
  assert.deepEqual(outdatedPages(folder, pages), []);
  writeFileSync(join(folder, "lambda.md"), "edited");
  writeFileSync(join(folder, "gone.md"), "of a platform that is no more");
  rmSync(join(folder, "ssh.md"));
  assert.deepEqual(outdatedPages(folder, pages), ["gone.md", "lambda.md", "ssh.md"]);
  writePages(folder, pages);
  assert.deepEqual(outdatedPages(folder, pages), []);
});

test("every page has its matrix, its gotchas and its sources, and tables whose rows are as wide as their head", () => {
  for (const profile of Object.values(profiles)) {
    const page = pages.get(`${profile.id}.md`) ?? "";
    for (const heading of ["## What survives what", "## What each verb keeps and loses", "## What each verb stops billing", "## Danger clocks", "## Gotchas", "## Sources"]) assert.ok(page.includes(heading), `${profile.id}: ${heading}`);
    for (const gotcha of profile.gotchas) assert.ok(page.includes(`| ${gotcha.id} |`), gotcha.id);
    let width: number | null = null;
    for (const line of page.split("\n")) {
      const columns = line.startsWith("|") ? line.replaceAll("\\|", "").split("|").length : null;
      assert.ok(columns === null || width === null || columns === width, `${profile.id}: ${line}`);
      width = columns;
    }
  }
});

test("the index links every page", () => {
  const index = pages.get(INDEX) ?? "";
  for (const id of Object.keys(profiles)) assert.ok(index.includes(`](${id}.md)`), id);
  assert.ok(readFileSync(resolve(__dirname, "../../../../docs/platforms", INDEX), "utf8").startsWith("<!-- Generated"));
});

test("no page shows a number of seconds that nobody can read", () => {
  for (const [name, page] of pages) assert.doesNotMatch(page, /\d\.\d{2,} (days|h|min|s)\b/, name);
  for (const [seconds, text] of [[300, "5 min"], [5400, "1.5 h"], [90, "1.5 min"], [2_147_483_647, "24855.1 days"], [0.5, "0.5 s"], [172_800, "2 days"]] as const) assert.equal(duration(seconds), text);
});
