// Sharded checkpoints: index and shards must belong together, tensor by tensor, whichever library wrote them.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { verifyTree, type TreeVerdict } from "../../../custody/verify/index.js";
import { temporaryFolder } from "../verify/forge.js";
import { tries } from "../../effort.js";
import { checkpoints, lyingCheckpoints, writeCheckpoint, type Folder } from "./forge/shards.js";

/** Verifies the files in a folder of their own under the root. */
async function judgeFolder(root: string, number: number, files: Folder): Promise<TreeVerdict> {
  const folder = join(root, String(number));
  mkdirSync(folder);
  for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
  return verifyTree(root, [...files.keys()].map((name) => ({ path: `${number}/${name}` })));
}

test("shards: a checkpoint whose index and shards agree passes", async (context) => {
  const root = temporaryFolder(context);
  let number = 0;
  await fc.assert(fc.asyncProperty(checkpoints, async (checkpoint) => assert.deepEqual((await judgeFolder(root, number++, writeCheckpoint(checkpoint))).problems, [])), tries(60));
});

test("shards: whatever index and shards disagree about is named, at the index", async (context) => {
  const root = temporaryFolder(context);
  let number = 0;
  await fc.assert(
    fc.asyncProperty(lyingCheckpoints, async ({ what, index, files, codes }) => {
      const path = `${number}/${index}`;
      const { problems } = await judgeFolder(root, number++, files);
      assert.ok(problems.some((problem) => problem.path === path && codes.includes(problem.code)), `${what}: ${JSON.stringify(problems)}`);
    }),
    tries(200),
  );
});
