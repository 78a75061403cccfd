// Codes are what programs and readers of the ledger rely on: each is documented, and each can happen.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { problemCodes } from "../../../custody/verify/index.js";
import { withRefusals } from "../../../custody/verify/document.js";
import { fixtures } from "./forge.js";

const root = resolve(fixtures, "../../../..");

test("docs/checkpoints.md lists the codes as they are", () => {
  const document = readFileSync(join(root, "docs", "checkpoints.md"), "utf8");
  assert.equal(document, withRefusals(document), "run: npm run docs");
});

test("every code is given by some check, and by none under another name", () => {
  const folder = join(root, "custody", "verify");
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts") && name !== "codes.ts");
  const text = sources.map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
  for (const code of Object.keys(problemCodes)) assert.ok(text.includes(`"${code}"`), code);
});
