// Generated safetensors files: the true ones pass, the lying ones are named for their lie.
import { test } from "node:test";
import fc from "fast-check";
import { temporaryFolder } from "../verify/forge.js";
import { tries } from "../../effort.js";
import { lyingSafetensors, safetensorsFiles } from "./forge/safetensors.js";
import { assertAccepted, assertRefused, judge } from "./specimen.js";

test("safetensors: any names, dtypes, shapes and order of keys pass, and are counted right", async (context) => {
  const folder = temporaryFolder(context);
  await fc.assert(fc.asyncProperty(safetensorsFiles, async (specimen) => assertAccepted(await judge(folder, specimen.name, specimen.bytes), specimen)), tries(190));
});

test("safetensors: no lie of the header loads, and each is named", async (context) => {
  const folder = temporaryFolder(context);
  await fc.assert(fc.asyncProperty(lyingSafetensors, async (lie) => assertRefused(await judge(folder, lie.name, lie.bytes), lie)), tries(580));
});
