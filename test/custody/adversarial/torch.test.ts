// Generated torch archives: the true ones pass, whatever the form of their pickle and zip.
import { test } from "node:test";
import fc from "fast-check";
import { temporaryFolder } from "../verify/forge.js";
import { tries } from "../../effort.js";
import { torchArchives, torchFiles } from "./forge/torch.js";
import { lyingArchives } from "./forge/zip.js";
import { assertAccepted, assertRefused, judge } from "./specimen.js";

test("torch: any state, views, protocols, spellings of the pickle and forms of archive pass, and are counted right", async (context) => {
  const folder = temporaryFolder(context);
  await fc.assert(fc.asyncProperty(torchFiles, async (specimen) => assertAccepted(await judge(folder, specimen.name, specimen.bytes), specimen)), tries(240));
});

test("torch: no lie of the archive loads, and each is named", async (context) => {
  const folder = temporaryFolder(context);
  await fc.assert(fc.asyncProperty(lyingArchives("checkpoint.pt", torchArchives), async (lie) => assertRefused(await judge(folder, lie.name, lie.bytes), lie)), tries(380));
});
