/** docs/formats.md is what people write readers after: its examples and tables must be true. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { manifestDigest, parseLedger, parseManifest, parseTrust, REFUSAL_CODES } from "../../custody";
import { ledgerKinds } from "../../custody/ledgerSchema";
import { approvalSchema, breakGlassSchema, grantSchema, receiptSchema, standingSchema } from "../../custody/signing/documents";
import { PREDICATE, readEnvelope } from "../../custody/signing/dsse";
import { parseCustodyId } from "../../custody/store";
import { run } from "./support";

const page = readFileSync("docs/formats.md", "utf8");

/** The block whose fence says `language name`. */
function example(language: string, name: string): string {
  const found = new RegExp("^```" + `${language} ${name}\n([^]*?)\n` + "```$", "m").exec(page);
  return found?.[1] ?? assert.fail(`no example of ${name}`);
}

/** First column of the table under a heading. */
function tableUnder(heading: string): string[] {
  const section = page.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`)) ?? assert.fail(heading);
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? "");
}

test("the examples are accepted by the readers", () => {
  const manifest = parseManifest(example("json", "manifest"), "docs");
  assert.ok(page.includes(`Its digest, \`${manifestDigest(manifest)}\``));
  const { entries } = parseLedger(`${example("jsonl", "ledger")}\n`, run, "docs");
  assert.deepEqual(entries.map((entry) => entry.kind), ["run.declared", "manifest.taken"]);
  assert.match(parseCustodyId(example("json", "custody"), "docs"), /^cst_/);
  assert.equal(parseTrust(example("yaml", "trust"), "docs").keys.size, 1);
  assert.equal(readEnvelope(example("json", "envelope")).signatures.length, 1);
  for (const [name, schema] of [["receipt", receiptSchema], ["approval", approvalSchema], ["standing", standingSchema], ["breakGlass", breakGlassSchema], ["grant", grantSchema]] as const) {
    const parsed = schema.safeParse(JSON.parse(example("json", name)));
    assert.equal(parsed.error?.message, undefined, name);
  }
});

test("every ledger kind, refusal code and predicate type is documented", () => {
  assert.deepEqual(tableUnder("Ledger").sort(), ledgerKinds.toSorted());
  assert.deepEqual(tableUnder("Refusal codes").sort(), REFUSAL_CODES.toSorted());
  for (const type of Object.values(PREDICATE)) assert.ok(page.includes(`\`${type}\``), type);
});
