/** The page about teardown says what the tests try, and nothing else. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { documentPath, renderDocument } from "./document";
import { laterRows, table } from "./table";

test("docs/teardown.md is what the table says (write it anew with: node dist/test/engine/bypass/document.js --write)", () => {
  assert.equal(readFileSync(documentPath, "utf8"), renderDocument());
});

test("every row has a name of its own, a command, and a reason when it is not tried", () => {
  const ids = table.map(({ id }) => id);
  assert.deepEqual(ids, [...new Set(ids)]);
  for (const row of table) assert.ok(row.typed.length > 0 && row.when !== "", row.id);
  for (const row of laterRows) assert.ok(row.why.length > 20, row.id);
});
