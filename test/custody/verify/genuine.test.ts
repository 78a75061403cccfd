// Files that the real libraries wrote must pass: a false refusal keeps an instance billing.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { verifyFile, verifyTree } from "../../../custody/verify/index.js";
import { codes, fixtures } from "./forge.js";

const refused: Readonly<Record<string, string>> = {
  "legacy.pth": "legacy-pickle",
  "empty.pt": "empty",
  "objects.npy": "npy-object",
  "objects.npz": "npy-object",
};
const folders = readdirSync(fixtures, { withFileTypes: true }).filter((entry) => entry.isDirectory());

for (const folder of folders) {
  for (const name of readdirSync(join(fixtures, folder.name))) {
    const code = refused[name];
    test(`${folder.name}/${name} ${code === undefined ? "loads" : `is refused as ${code}`}`, async () => {
      const path = join(fixtures, folder.name, name);
      const verdict = await verifyFile(path);
      const bytes = readFileSync(path);
      assert.equal(verdict.sha256, createHash("sha256").update(bytes).digest("hex"));
      assert.equal(verdict.bytes, bytes.length);
      assert.equal(verdict.ok, code === undefined, JSON.stringify(verdict.problems));
      assert.ok(code === undefined || codes(verdict).every((found) => found === code), JSON.stringify(codes(verdict)));
    });
  }
}

test("a checkpoint of torch 1.13, 2.4 and 2.15 shows the same tensors, optimizer and RNG state included", async () => {
  const summaries = [];
  for (const version of ["1.13.0a0", "2.4.1", "2.15.0"]) summaries.push((await verifyFile(join(fixtures, `torch-${version}`, "checkpoint.pt"))).summary);
  assert.deepEqual(summaries[0], { tensors: 29, elements: 5339, bytes: 6204, dtypes: { float32: 26, int64: 1, uint8: 1, "numpy f8": 1 } });
  assert.deepEqual(summaries[1], summaries[0]);
  assert.deepEqual(summaries[2], summaries[0]);
});

test("a legacy pickle is refused with what to do about it", async () => {
  const verdict = await verifyFile(join(fixtures, "torch-1.13.0a0", "legacy.pth"));
  assert.match(verdict.problems[0]?.message ?? "", /torch\.save\(torch\.load\(PATH, map_location="cpu", weights_only=True\), PATH\)/);
});

test("a sharded checkpoint and its index pass together", async () => {
  const files = readdirSync(join(fixtures, "sharded")).map((path) => ({ path }));
  const verdict = await verifyTree(join(fixtures, "sharded"), files);
  assert.deepEqual(verdict.problems, []);
  assert.deepEqual(verdict.files.map(({ path }) => path), files.map(({ path }) => path));
});
