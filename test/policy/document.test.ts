import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { withRules } from "../../policy/document";
import { rules } from "../../policy/rules";

const document = readFileSync(resolve(__dirname, "../../../docs/policies.md"), "utf8");

test("the list of rules in docs/policies.md is the pack's own (node dist/policy/document.js writes it)", () => {
  assert.equal(document, withRules(document));
  for (const rule of rules) assert.ok(document.includes(`\`${rule.name}\``), rule.name);
});

test("the document shows the check before a destroy", () => {
  assert.match(document, /pulumi stack export --file s\.json && pulumi policy analyze --policy-pack policy --file s\.json/);
});
