import assert from "node:assert/strict";
import { test } from "node:test";
import { rules } from "../../policy/rules";
import { judgeByAll, tripped } from "./judging";
import { readCorpus, readScripts } from "./manifests";

const fine = readCorpus("fine");
const bad = readCorpus("bad");

test("there are enough manifests to tell noise from findings", () => {
  assert.ok(fine.length >= 30, `${fine.length}`);
  assert.ok(bad.length >= 20, `${bad.length}`);
  assert.ok(readScripts("fine").length >= 15 && readScripts("bad").length >= 20);
});

for (const { file, comment, entries } of fine) {
  test(`a manifest that is fine is left alone: ${file}: ${comment}`, async () => {
    assert.ok(entries.length > 0);
    assert.deepEqual(await judgeByAll(entries), []);
  });
}

for (const { file, comment, entries } of bad) {
  test(`a manifest that loses something names it: ${file}`, async () => {
    const expected = /^trips: (.+)$/.exec(comment)?.[1]?.split(", ").sort();
    assert.ok(expected, "the first line says which rules it trips");
    for (const name of expected) assert.ok(rules.some((rule) => rule.name === name), name);
    assert.deepEqual(await tripped(entries), expected);
  });
}

for (const { file, comment, entries } of readScripts("fine")) {
  test(`a batch script that is fine is left alone: ${file}: ${comment}`, async () => {
    for (const entry of entries) assert.deepEqual(await judgeByAll([entry]), []);
  });
}

for (const { file, comment, entries } of readScripts("bad")) {
  test(`a batch script that loses something names it: ${file}`, async () => {
    const expected = /^trips: (.+)$/.exec(comment)?.[1]?.split(", ").sort();
    for (const entry of entries) assert.deepEqual(await tripped([entry]), expected);
  });
}
