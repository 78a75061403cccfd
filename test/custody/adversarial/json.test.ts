// Generated JSON files: the true ones pass, the almost true ones are named for what is wrong.
import { test } from "node:test";
import fc from "fast-check";
import { temporaryFolder } from "../verify/forge.js";
import { tries } from "../../effort.js";
import { jsonFiles, lyingJson } from "./forge/json.js";
import { assertAccepted, assertRefused, judge } from "./specimen.js";

test("json: any values in any spelling pass", async (context) => {
  const folder = temporaryFolder(context);
  await fc.assert(fc.asyncProperty(jsonFiles, async (specimen) => assertAccepted(await judge(folder, specimen.name, specimen.bytes), specimen)), tries(190));
});

test("json: no duplicate key, NaN, or half a value passes, and each is named", async (context) => {
  const folder = temporaryFolder(context);
  await fc.assert(fc.asyncProperty(lyingJson, async (lie) => assertRefused(await judge(folder, lie.name, lie.bytes), lie)), tries(290));
});
