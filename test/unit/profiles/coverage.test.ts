import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { readRuleLinks } from "../../../policy/gotchaDocs";
import { profiles } from "../../../profiles";
import { coverage, gotchaIds, later, laterResources, type Cover } from "../../../profiles/coverage";
import { documentedOnly, gotchaDocument, handledBy } from "../../../profiles/docs/gotchas";
import { universalGotchas } from "../../../profiles/gotchas";

/** The sources' root: tests run from compiled files, in dist/ or elsewhere. */
const sourceRoot = [process.cwd(), __dirname].flatMap(selfAndAbove).find((folder) => existsSync(join(folder, "profiles", "coverage", "cover.ts"))) ?? assert.fail("the sources are not above the tests");
const readSource = (file: string): string => readFileSync(join(sourceRoot, file), "utf8");
const links = readRuleLinks(sourceRoot);
const known = new Set(gotchaIds);
const covers: readonly (readonly [string, Cover])[] = Object.entries(coverage).flatMap(([id, all]) => all.map((cover) => [id, cover] as const));

test("no gotcha of the sources is forgotten, and none is made up", () => {
  const stated = new Set([...Object.values(profiles).flatMap((profile) => profile.gotchas.map((gotcha) => gotcha.id)), ...universalGotchas.map((gotcha) => gotcha.id)]);
  assert.deepEqual([...stated].filter((id) => !known.has(id)), [], "stated and not in the list");
  assert.deepEqual(gotchaIds.filter((id) => !stated.has(id)), [], "in the list and stated nowhere");
  assert.equal(gotchaIds.length, 104);
});

test("something is done about every gotcha, or it is said why not", () => {
  assert.deepEqual(gotchaIds.filter((id) => handledBy(id, links).length === 0), []);
  const only = gotchaIds.filter((id) => documentedOnly(id, links));
  for (const id of only) assert.ok((coverage[id] ?? []).every((cover) => cover.by === "documentation" && cover.reason.length > 20), id);
});

test("the table and what waits for a platform name known gotchas only", () => {
  assert.deepEqual(Object.keys(coverage).filter((id) => !known.has(id)), []);
  for (const [platform, awaited] of Object.entries(later)) {
    const profile = profiles[platform];
    assert.ok(profile, `later names a platform ${platform} without a profile`);
    const own = profile.gotchas.map((gotcha) => gotcha.id);
    assert.deepEqual(Object.keys(awaited).filter((id) => !own.includes(id)), [], `${platform} has no such gotcha`);
  }
});

test("resources that wait for their platform are of platforms that wait", () => {
  for (const platform of Object.keys(laterResources)) assert.ok(platform in later && platform in profiles, platform);
});

test("code, checks and tests that the table names exist", () => {
  const faults: string[] = [];
  const preflight = readSource("remote/preflight.sh");
  for (const [id, cover] of covers) {
    if (cover.by === "documentation") continue;
    if (cover.by === "preflight") {
      if (!new RegExp(`\\b(ok|refuse) ${cover.check}\\b`).test(preflight)) faults.push(`${id}: remote/preflight.sh has no check ${cover.check}`);
    } else if (!existsSync(join(sourceRoot, cover.file))) faults.push(`${id}: there is no ${cover.file}`);
    const { file, name } = cover.test;
    if (!existsSync(join(sourceRoot, file))) faults.push(`${id}: there is no ${file}`);
    else if (name !== undefined && !readSource(file).includes(name)) faults.push(`${id}: ${file} has no test "${name}"`);
  }
  assert.deepEqual(faults, []);
});

test("a policy rule names known gotchas, and stands in a file and in a test", () => {
  const faults = links.flatMap((rule) => [
    ...(rule.gotchas.length === 0 ? [`${rule.name} names no gotcha`] : []),
    ...rule.gotchas.filter((id) => !known.has(id)).map((id) => `${rule.name} names an unknown gotcha ${id}`),
    ...(rule.tests.length === 0 ? [`no test below test/policy uses ${rule.name}`] : []),
  ]);
  assert.deepEqual(faults, []);
});

test("what a profile says about its gotchas names rules, checks and scripts that exist", () => {
  const preflight = readSource("remote/preflight.sh");
  const faults: string[] = [];
  for (const profile of Object.values(profiles)) {
    for (const { id, handled } of profile.gotchas) {
      for (const { by, ref } of handled) {
        if (by === "policy" && !links.some((rule) => rule.name === ref && rule.gotchas.includes(id))) faults.push(`${profile.id} ${id}: no rule ${ref} covers it`);
        if (by === "script" && !existsSync(join(sourceRoot, "remote", ref))) faults.push(`${profile.id} ${id}: there is no remote/${ref}`);
        if (by === "preflight" && !new RegExp(`\\b(ok|refuse) ${ref}\\b`).test(preflight)) faults.push(`${profile.id} ${id}: there is no check ${ref}`);
      }
    }
  }
  assert.deepEqual(faults, []);
});

test("a gotcha id that a preflight line prints is a known one", () => {
  const printed = [...readSource("remote/preflight.sh").matchAll(/refuse \w+ ([A-Z][A-Z0-9-]*\d)\b/g)].map(([, id = ""]) => id);
  assert.ok(printed.length > 10);
  assert.deepEqual(printed.filter((id) => !known.has(id)), []);
});

test("docs/gotchas.md is what the data says", () => {
  const written = readSource("docs/gotchas.md").split("\n");
  const expected = gotchaDocument(Object.values(profiles), links).split("\n");
  const first = expected.findIndex((line, index) => line !== written[index]);
  assert.ok(first === -1 && written.length === expected.length, `out of date from line ${first + 1}: npm run build && node dist/policy/gotchaDocs.js --write`);
});

function selfAndAbove(folder: string): string[] {
  return folder === dirname(folder) ? [folder] : [folder, ...selfAndAbove(dirname(folder))];
}
