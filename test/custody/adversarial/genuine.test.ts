// A second opinion: whatever the verifier accepts, sound or damaged, the format's own library must load.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { fixtures, temporaryFolder, zip } from "../verify/forge.js";
import { tries } from "../../effort.js";
import { flipped, mangled } from "./forge/damage.js";
import { jsonFiles } from "./forge/json.js";
import { npyFiles, npzFiles } from "./forge/numpy.js";
import { safetensorsFiles } from "./forge/safetensors.js";
import { partsOf, torchEntries, torchFiles, torchModels } from "./forge/torch.js";
import { findPython, Oracle } from "./oracle.js";
import { judge, type Specimen } from "./specimen.js";

type Sample = Pick<Specimen, "name" | "bytes">;
const genuine = (paths: readonly string[]): fc.Arbitrary<Sample> => fc.constantFrom(...paths.map((path) => ({ name: basename(path), bytes: readFileSync(join(fixtures, path)) })));

/** Archives whose pickle was damaged before the archive was written: every CRC is right. */
const rewritten: fc.Arbitrary<Sample> = torchModels.chain((model) => {
  const parts = partsOf(model);
  return fc.oneof(flipped(parts.pickle), mangled(parts.pickle)).map(({ bytes }) => ({ name: "checkpoint.pt", bytes: zip(torchEntries(model, { ...parts, pickle: bytes })) }));
});

const kinds: Readonly<Record<string, { readonly files: fc.Arbitrary<Sample>; readonly runs: number; readonly damaged?: true }>> = {
  safetensors: { files: fc.oneof(safetensorsFiles, genuine(["safetensors/model.safetensors"])), runs: 180 },
  npy: { files: fc.oneof(npyFiles, genuine(["numpy-2.4.6/structured.npy", "numpy-1.24.2/version3.npy", "numpy-1.24.2/big_endian.npy"])), runs: 300 },
  npz: { files: fc.oneof(npzFiles, genuine(["numpy-2.4.6/optimizer.npz", "numpy-1.24.2/compressed.npz"])), runs: 120 },
  torch: { files: fc.oneof(torchFiles, genuine(["torch-1.13.0a0/checkpoint.pt", "torch-1.13.0a0/state_dict.bin"])), runs: 120 },
  "pickles that were damaged before they were packed": { files: rewritten, runs: 180, damaged: true },
  json: { files: jsonFiles, runs: 120 },
};

const python = findPython();
let oracle: Oracle | undefined;
before(async () => {
  if (python !== undefined) oracle = await Oracle.start(python);
});
after(() => oracle?.close());

for (const [kind, { files, runs, damaged = false }] of Object.entries(kinds)) {
  test(`${kind}: what the verifier accepts, Python loads, before and after damage`, { skip: python === undefined ? "there is no python3 to ask" : false }, async (context) => {
    if (oracle === undefined) throw new Error("the Python process did not start");
    const { libraries } = oracle;
    const missing = Object.keys(libraries).filter((name) => libraries[name] === false);
    if (missing.length > 0) context.diagnostic(`${python ?? ""} has no ${missing.join(", no ")}: its standard library is asked instead`);
    const ask = oracle.ask.bind(oracle);
    const folder = temporaryFolder(context);
    const samples = damaged ? files.map((file) => ({ ...file, what: "whole" })) : files.filter(({ bytes }) => bytes.length > 0).chain((file) => fc.oneof({ weight: 1, arbitrary: fc.constant({ what: "whole", bytes: file.bytes }) }, { weight: 4, arbitrary: flipped(file.bytes) }, { weight: 2, arbitrary: mangled(file.bytes) }).map(({ what, bytes }) => ({ what, name: file.name, bytes })));
    let asked = 0;
    await fc.assert(
      fc.asyncProperty(samples, async ({ what, name, bytes }) => {
        const { ok, format, problems } = await judge(folder, name, bytes);
        assert.ok(ok || damaged || what !== "whole", JSON.stringify(problems));
        if (!ok || format === "opaque") return;
        asked += 1;
        const opinion = await ask(join(folder, name), format);
        // What the functions of a library make of strange arguments is theirs to say; how opcodes are read is not.
        const excused = damaged && !/UnicodeDecodeError|UnpicklingError|EOFError|could not convert|truncated/.test(opinion.reason);
        assert.ok(opinion.loads || excused, `${what}: ${opinion.by} refuses what was accepted: ${opinion.reason}`);
      }),
      tries(runs),
    );
    assert.ok(asked > runs / 30, `only ${asked} files were accepted at all`);
  });
}
