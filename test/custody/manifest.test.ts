import assert from "node:assert/strict";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseManifest, RemoteUnreachable, sha256Hex, takeManifest, UserError } from "../../custody";
import { matchesGlob } from "../../custody/artifacts/glob";
import { parseListing, parseWriterStatus } from "../../custody/artifacts/listing";
import { closed, durableTier, state } from "./durableTier";
import { LocalRemote, SilentRemote } from "./localRemote";
import { clockAt, NOW, run, temporaryFolder, writeFiles } from "./support";

const clock = clockAt(NOW);
const userError = (code: string, pattern: RegExp) => (error: unknown): boolean => {
  assert.ok(error instanceof UserError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, pattern);
  return true;
};

test("everything below cells and logs is in the manifest, hashed where it lies; scratch is counted", async (context) => {
  const tier = durableTier(temporaryFolder(context));
  writeFiles(tier.directory, { "cells/a/cache/big.bin": "xxxx", "cells/a/cache/keep.json": "{}", "cells/a/old.bak": "yy", "cells/b/old.bak": "kept", "cells/a/checkpoints/step-20.safetensors.tmp": "half" });
  const manifest = await takeManifest(new LocalRemote(), { ...tier.options, clock });
  assert.deepEqual(manifest.files.map((file) => [file.path, file.bytes, file.cell]), [
    ["cells/a/cache/keep.json", 2, "a"], ["cells/a/checkpoints/step-10.safetensors", 84, "a"], ["cells/a/metrics.json", 14, "a"],
    ["cells/b/checkpoints/step-10.safetensors", 84, "b"], ["cells/b/metrics.json", 15, "b"], ["cells/b/old.bak", 4, "b"],
    ["logs/a.log", 11, undefined], ["logs/b.log", 0, undefined], ["logs/queue.log", 14, undefined],
  ]);
  assert.equal(manifest.files.find((file) => file.path === "cells/a/metrics.json")?.sha256, sha256Hex('{"loss": 0.5}\n'));
  assert.deepEqual(manifest.scratch, { files: 2, bytes: 6 });
  assert.deepEqual(manifest.cells.map((cell) => [cell.name, cell.state, cell.exit]), [["a", "complete", 0], ["b", "complete", 0]]);
  assert.equal(manifest.closed, true);
  assert.deepEqual(parseManifest(JSON.stringify(manifest), "copy"), manifest);
});

test("a queue without its closing marker is not closed, and neither is one that began meanwhile", async (context) => {
  const tier = durableTier(temporaryFolder(context));
  const remote = new LocalRemote();
  remote.afterExec = (argv, result) => {
    if (argv[1]?.endsWith("manifest.sh")) writeFileSync(join(tier.directory, "state", "closed.json"), closed(2));
    return result;
  };
  assert.equal((await takeManifest(remote, tier.options)).closed, false);
  writeFileSync(join(tier.directory, "state", "closed.json"), "");
  assert.equal((await takeManifest(new LocalRemote(), tier.options)).closed, false);
});

test("a cell of the roster that never started is pending; files that no state speaks of are nobody's", async (context) => {
  const tier = durableTier(temporaryFolder(context));
  writeFiles(tier.directory, { "cells/stray/x": "x", "cells/c/y": "y", "state/cells/c.json": "not json" });
  const manifest = await takeManifest(new LocalRemote(), { ...tier.options, cells: [...tier.options.cells, { name: "c", scratch: [] }, { name: "d", scratch: [] }] });
  assert.deepEqual(manifest.cells.map((cell) => [cell.name, cell.state]), [["a", "complete"], ["b", "complete"], ["d", "pending"]]);
});

test("a complete cell without a file that its job says must be there says which; scratch and unfinished writes are no such file", async (context) => {
  const tier = durableTier(temporaryFolder(context));
  writeFiles(tier.directory, { "cells/a/cache/model.onnx": "x", "cells/a/report.html.tmp": "half" });
  const expected = ["checkpoints/*.safetensors", "metrics.json", "**/*.onnx", "report.html"];
  const cells = tier.options.cells.map((cell) => ({ ...cell, expected }));
  const { cells: found } = await takeManifest(new LocalRemote(), { ...tier.options, cells });
  assert.deepEqual(found.map(({ name, missing }) => [name, missing]), [["a", ["**/*.onnx", "report.html"]], ["b", ["**/*.onnx", "report.html"]]]);
  writeFileSync(join(tier.directory, "state", "cells", "b.json"), state("b", { state: "failed", exit: 1, cause: "train" }));
  const after = await takeManifest(new LocalRemote(), { ...tier.options, cells });
  assert.deepEqual(after.cells.map(({ missing }) => missing?.length), [2, undefined], "a failed cell is asked for anyway");
  assert.deepEqual(parseManifest(JSON.stringify(after), "copy"), after);
});

test("what an earlier plan of the run kept is kept, whatever a later one calls scratch", async (context) => {
  const tier = durableTier(temporaryFolder(context));
  const paths = async (former?: NonNullable<(typeof tier.options.cells)[number]["former"]>): Promise<string[]> => {
    const cells = [{ name: "a", scratch: ["checkpoints/**"], ...(former === undefined ? {} : { former }) }, { name: "b", scratch: [] }];
    return (await takeManifest(new LocalRemote(), { ...tier.options, cells })).files.filter(({ cell }) => cell === "a").map(({ path }) => path);
  };
  const all = ["cells/a/checkpoints/step-10.safetensors", "cells/a/metrics.json"];
  assert.deepEqual(await paths(), ["cells/a/metrics.json"]);
  assert.deepEqual(await paths([{ scratch: ["checkpoints/**"] }]), ["cells/a/metrics.json"]);
  assert.deepEqual(await paths([{ scratch: [] }, { scratch: ["checkpoints/**"] }]), all);
  assert.deepEqual(await paths([{ scratch: ["checkpoints/**"], keep: ["checkpoints/*.safetensors"] }]), all);
});

test("while the rest trains, the cells that are done are listed alone, and never as closed", async (context) => {
  const tier = durableTier(temporaryFolder(context));
  writeFileSync(join(tier.directory, "state", "cells", "b.json"), state("b", { state: "failed", exit: 1, cause: "train" }));
  const manifest = await takeManifest(new LocalRemote(), { ...tier.options, only: ["a"] });
  assert.deepEqual(manifest.files.map((file) => file.path), ["cells/a/checkpoints/step-10.safetensors", "cells/a/metrics.json", "logs/a.log"]);
  assert.deepEqual(manifest.cells.map((cell) => cell.name), ["a"]);
  assert.equal(manifest.closed, false);
});

test("what cannot be copied faithfully is refused by name", async (context) => {
  const tier = durableTier(temporaryFolder(context));
  symlinkSync("/etc/hostname", join(tier.directory, "cells", "a", "link"));
  await assert.rejects(takeManifest(new LocalRemote(), tier.options), userError("manifest-refused", /^digits\/dev\/sweep has files that cannot be copied faithfully: symlink cells\/a\/link\. Rename or remove them on the instance\.$/));
});

test("a machine that does not answer, or stops answering half-way, is never taken for an empty one", async (context) => {
  const tier = durableTier(temporaryFolder(context));
  await assert.rejects(takeManifest(new SilentRemote(), tier.options), RemoteUnreachable);
  for (const script of ["manifest.sh", "status.sh"]) {
    const remote = new LocalRemote();
    remote.afterExec = (argv, result) => (argv[1]?.endsWith(script) ? { ...result, exitCode: "unknown" } : result);
    await assert.rejects(takeManifest(remote, tier.options), RemoteUnreachable, script);
  }
});

test("a file that changed while it was hashed stops the manifest", async (context) => {
  const tier = durableTier(temporaryFolder(context));
  const remote = new LocalRemote();
  remote.afterExec = (argv, result) => (argv[1]?.endsWith("manifest.sh") ? { exitCode: 5, stdout: "changed cells/a/metrics.json\n", stderr: "" } : result);
  await assert.rejects(takeManifest(remote, tier.options), userError("manifest-changed", /^digits\/dev\/sweep is still being written: cells\/a\/metrics\.json changed while it was hashed\.$/));
});

test("a missing run directory is a fault, not an empty run", async (context) => {
  const tier = durableTier(temporaryFolder(context));
  await assert.rejects(takeManifest(new LocalRemote(), { ...tier.options, directory: `${tier.directory}-gone` }), userError("remote-command", /status\.sh ended with exit code 40/));
});

const sha = "a".repeat(64);
for (const [what, line] of [
  ["an absolute path", `${sha} 1 1 /etc/passwd`],
  ["a path that leads out", `${sha} 1 1 cells/../../etc/passwd`],
  ["a path outside cells and logs", `${sha} 1 1 custody/ledger.jsonl`],
  ["an empty part", `${sha} 1 1 cells//x`],
  ["a name that is no UTF-8", `${sha} 1 1 cells/a/\ufffd`],
  ["a control character", `${sha} 1 1 cells/a/\u0007`],
  ["a short hash", `abc 1 1 cells/a/x`],
  ["a negative size", `${sha} -1 1 cells/a/x`],
  ["no path", `${sha} 1 1 `],
  ["something else", "warning: clock skew"],
] as const) {
  test(`a listing with ${what} is refused`, () => {
    assert.throws(() => parseListing(`${line}\n`, "m"), userError("manifest-malformed", /^m: the list of artifacts cannot be used: /));
  });
}

test("a listing that was cut off or says something twice is refused", () => {
  assert.throws(() => parseListing(`${sha} 1 1 cells/a/x`, "m"), userError("manifest-malformed", /its last line was cut off/));
  assert.throws(() => parseListing(`${sha} 1 1 cells/a/x\n${sha} 1 1 cells/a/x\n`, "m"), userError("manifest-malformed", /cells\/a\/x is listed twice/));
  assert.deepEqual(parseListing(`${sha} 1 -5 cells/a/x y\n`, "m"), [{ path: "cells/a/x y", bytes: 1, sha256: sha, mtimeSeconds: -5 }]);
});

test("a state that is not understood never passes for a quiet one", () => {
  for (const text of ["", "null", "{}", '{"writer":"none"}', '{"writer":"none","cells":[{"cell":"../x","state":"complete"}]}', '{"writer":5,"cells":[]}']) {
    assert.throws(() => parseWriterStatus(text, "m"), userError("status-malformed", /unknown what the run is doing/), text);
  }
});

for (const [pattern, yes, no] of [
  ["*.bak", ["x.bak", ".bak"], ["a/x.bak", "x.bak2", "xbak"]],
  ["**/*.bak", ["x.bak", "a/x.bak", "a/b/x.bak"], ["x.bakk"]],
  ["cache/**", ["cache/x", "cache/a/b"], ["cache", "xcache/a"]],
  ["cache/", ["cache/x", "cache/a/b"], ["cachex/a"]],
  ["step-?.npz", ["step-1.npz"], ["step-10.npz", "step-/.npz"]],
  ["./a+b(c).txt", ["a+b(c).txt"], ["aab(c).txt"]],
  ["**", ["x", "a/b"], []],
] as const) {
  test(`the pattern ${pattern} matches what it says and nothing else`, () => {
    assert.deepEqual(yes.filter((path) => !matchesGlob(path, pattern)), []);
    assert.deepEqual(no.filter((path) => matchesGlob(path, pattern)), []);
  });
}

for (const [what, change, pattern] of [
  ["an unknown version", { v: 2 }, /it has version 2; this Holdfast knows version 1/],
  ["a path that leads out", { files: [{ path: "cells/../x", bytes: 1, sha256: sha }] }, /files\.0\.path: is not a relative path under cells\/ or logs\//],
  ["a file twice", { files: [{ path: "logs/x", bytes: 1, sha256: sha }, { path: "logs/x", bytes: 1, sha256: sha }] }, /it lists a file twice/],
  ["a half byte", { files: [{ path: "logs/x", bytes: 0.5, sha256: sha }] }, /files\.0\.bytes/],
] as const) {
  test(`a kept manifest with ${what} is refused`, () => {
    const manifest = { v: 1, run, takenAt: NOW, place: { tier: "t", directory: "/d", resource: "r" }, cells: [], files: [], scratch: { files: 0, bytes: 0 }, closed: true };
    assert.throws(() => parseManifest(JSON.stringify({ ...manifest, ...change }), "m.json"), userError("manifest-invalid", pattern));
  });
}
