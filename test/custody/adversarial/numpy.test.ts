// Generated npy and npz files: the true ones pass, the lying ones are named for their lie.
import { test } from "node:test";
import fc from "fast-check";
import { temporaryFolder } from "../verify/forge.js";
import { tries } from "../../effort.js";
import { lyingNpy, lyingNpzEntries, npyFiles, npzFiles } from "./forge/numpy.js";
import { assertAccepted, assertRefused, judge } from "./specimen.js";

test("npy and npz: any types, shapes, versions, spellings and forms of archive pass, and are counted right", async (context) => {
  const folder = temporaryFolder(context);
  await fc.assert(fc.asyncProperty(npyFiles, async (specimen) => assertAccepted(await judge(folder, specimen.name, specimen.bytes), specimen)), tries(190));
  await fc.assert(fc.asyncProperty(npzFiles, async (specimen) => assertAccepted(await judge(folder, specimen.name, specimen.bytes), specimen)), tries(140));
});

test("npy and npz: no lie of a header loads, and each is named", async (context) => {
  const folder = temporaryFolder(context);
  await fc.assert(fc.asyncProperty(lyingNpy, async (lie) => assertRefused(await judge(folder, lie.name, lie.bytes), lie)), tries(380));
  await fc.assert(fc.asyncProperty(lyingNpzEntries, async (lie) => assertRefused(await judge(folder, lie.name, lie.bytes), lie)), tries(140));
});
