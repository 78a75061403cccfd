// Checkpoints that would run something when loaded: refused by the name of what would run, and nothing runs.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { temporaryFolder } from "../verify/forge.js";
import { tries } from "../../effort.js";
import { bareEvilPickle, evilFiles, evilWays, namelessWays, withPayload } from "./forge/evil.js";
import { partsOf, torchEntries, torchModels } from "./forge/torch.js";
import { lyingTensors } from "./forge/torchLies.js";
import { archiveOf, writeZip } from "./forge/zip.js";
import { assertRefused, judge } from "./specimen.js";

test("torch: no tensor loads that the archive does not hold, and each lie is named", async (context) => {
  const folder = temporaryFolder(context);
  await fc.assert(fc.asyncProperty(lyingTensors, async (lie) => assertRefused(await judge(folder, lie.name, lie.bytes), lie)), tries(580));
});

test("pickle: whatever a checkpoint would call, however and wherever, is refused by its name and never runs", async (context) => {
  const folder = temporaryFolder(context);
  const ran = join(folder, "ran");
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(evilFiles(`mkdir ${ran}`), async ({ what, module, name, bytes }) => {
      const { problems } = await judge(folder, "evil.pt", bytes);
      const refusals = problems.filter(({ code }) => code === "pickle-global");
      const spelled = JSON.stringify(`${module}.${name}`).slice(1, -1);
      assert.ok(refusals.some(({ message }) => message.replaceAll("\\\\", "\\").includes(spelled)), `${what}: ${JSON.stringify(problems)}`);
      assert.equal(existsSync(ran), false, what);
      seen.add(what.split(",")[0] ?? "");
    }),
    tries(580),
  );
  assert.equal(seen.size, evilWays.length, "every way was tried");
});

test("pickle: opcodes that bring objects from outside are refused", async (context) => {
  const folder = temporaryFolder(context);
  const files = fc.tuple(torchModels, fc.constantFrom(...Object.entries(namelessWays))).chain(([model, [what, payload]]) =>
    archiveOf(torchEntries(model, partsOf(model, withPayload(model, payload)))).map((archive) => ({ what, name: "evil.pt", bytes: writeZip(archive), codes: ["pickle-opcode" as const] })),
  );
  await fc.assert(fc.asyncProperty(files, async (lie) => assertRefused(await judge(folder, lie.name, lie.bytes), lie)), tries(50));
});

const python = (args: readonly string[]): string => execFileSync("python3", args, { encoding: "utf8" });
/** Ways that only leave the function's name behind, for whoever uses the object later. */
const uncalled = new Set(["the function as an attribute's rebuilder", "the function as a default factory", "the function as a tensor's hook", "only the name, not called", "a numpy array's state", "a call as an argument of an honest one"]);

test("pickle: the ways are real ones: Python runs what the verifier refused", (context) => {
  const folder = temporaryFolder(context);
  const calling = evilWays.filter(({ what }) => !uncalled.has(what));
  calling.forEach((way, index) => writeFileSync(join(folder, `${index}.pkl`), bareEvilPickle(way, "os", "mkdir", join(folder, `ran-${index}`), 4)));
  python(["-c", `
import glob, pickle, sys
for path in glob.glob(sys.argv[1] + "/*.pkl"):
    try:
        pickle.load(open(path, "rb"))
    except Exception:
        pass  # what the call gave may not be what the rest of the pickle needs
`, folder]);
  const ran = readdirSync(folder).filter((name) => name.startsWith("ran-")).length;
  // NEWOBJ and NEWOBJ_EX create objects of classes: os.mkdir is none, and Python refuses to.
  assert.equal(ran, calling.filter(({ what }) => !what.startsWith("NEWOBJ")).length, readdirSync(folder).join(" "));
});
