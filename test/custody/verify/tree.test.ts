// A tree as a manifest names it: nothing outside it, nothing missing, nothing swapped, whoever reads it and in whatever order.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import { runTasks } from "../../../custody/verify/pool.js";
import { sharedThreads, warmThreads } from "../../../custody/verify/threads.js";
import { verifyTree, type FileVerdict, type TreeProgress, type TreeVerdict } from "../../../custody/verify/index.js";
import { fixtures, float32, safetensors, temporaryFolder } from "./forge.js";

const megabyte = 1024 * 1024;

function problems(verdict: TreeVerdict): string[][] {
  return verdict.problems.map(({ path, code }) => [path, code]);
}

test("paths that leave the tree are refused, links inside it are followed", async (context) => {
  const outside = temporaryFolder(context);
  writeFileSync(join(outside, "secret.json"), "{}");
  const root = temporaryFolder(context);
  mkdirSync(join(root, "blobs"));
  writeFileSync(join(root, "blobs", "0123"), '{"a": 1, "a": 2}');
  writeFileSync(join(root, "a.json"), "{}");
  symlinkSync("blobs/0123", join(root, "linked.json"));
  symlinkSync(join(outside, "secret.json"), join(root, "file-link.json"));
  symlinkSync(outside, join(root, "folder-link"));
  symlinkSync(root, join(root, "self"));
  const paths = ["../x.json", "/etc/hostname", "a/../a.json", "./a.json", "a.json/", "", "a\0.json", "file-link.json", "folder-link/secret.json", "blobs", "none.json", "a.json/x", "linked.json", "self/a.json", "a.json", "a.json"];
  const verdict = await verifyTree(root, paths.map((path) => ({ path })));
  assert.equal(verdict.ok, false);
  assert.deepEqual(verdict.files.map(({ path }) => path), paths);
  assert.deepEqual(problems(verdict), [
    ["../x.json", "path"], ["/etc/hostname", "path"], ["a/../a.json", "path"], ["./a.json", "path"], ["a.json/", "path"], ["", "path"], ["a\0.json", "path"],
    ["file-link.json", "path-escapes"], ["folder-link/secret.json", "path-escapes"], ["blobs", "not-a-file"], ["none.json", "missing"], ["a.json/x", "missing"],
    ["linked.json", "duplicate-key"], ["a.json", "path"],
  ]);
});

test("a difference from the manifest is a problem of its file", async (context) => {
  const root = temporaryFolder(context);
  const text = Buffer.from('{"a": 1}');
  const sha256 = createHash("sha256").update(text).digest("hex");
  for (const name of ["good.json", "size.json", "hash.json"]) writeFileSync(join(root, name), text);
  const verdict = await verifyTree(root, [
    { path: "good.json", bytes: 8, sha256 },
    { path: "size.json", bytes: 9, sha256 },
    { path: "hash.json", bytes: 8, sha256: "0".repeat(64) },
    { path: "gone.json", bytes: 8, sha256 },
  ]);
  assert.deepEqual(problems(verdict), [["size.json", "size-mismatch"], ["hash.json", "sha256-mismatch"], ["gone.json", "missing"]]);
  assert.deepEqual(verdict.files.map(({ ok }) => ok), [true, false, false, false]);
});

test("a root that does not exist rejects; an empty list verifies nothing and says ok", async (context) => {
  await assert.rejects(verifyTree(join(temporaryFolder(context), "none"), []), /ENOENT/);
  assert.deepEqual(await verifyTree(temporaryFolder(context), []), { ok: true, files: [], problems: [] });
});

// --- threads ---

function largeTree(context: TestContext): { root: string; files: { path: string }[] } {
  const root = temporaryFolder(context);
  const sizes = [1, 20, 3, 17, 0, 2, 9];
  const files = sizes.map((size, index) => {
    const path = `${index}.safetensors`;
    const bytes = size * megabyte + 4 * index + 4;
    writeFileSync(join(root, path), safetensors({ [`t${index}`]: { dtype: "F32", shape: [bytes / 4], data_offsets: [0, bytes] } }, Buffer.alloc(bytes)));
    return { path };
  });
  writeFileSync(join(root, "bad.safetensors"), safetensors({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, float32([NaN])));
  return { root, files: [...files, { path: "bad.safetensors" }, { path: "none.safetensors" }] };
}

test("threads give the same verdicts in the same order as no threads, and progress ends complete", async (context) => {
  const { root, files } = largeTree(context);
  const verdicts: TreeVerdict[] = [];
  for (const workers of [1, 2, 3]) {
    const progress: TreeProgress[] = [];
    verdicts.push(await verifyTree(root, files, { workers, onProgress: (step) => progress.push(step) }));
    const last = progress.at(-1);
    assert.equal(last?.bytesDone, last?.bytesTotal);
    assert.equal(last?.filesDone, files.length - 1);
    assert.ok(progress.every((step, index) => step.bytesDone >= (progress[index - 1]?.bytesDone ?? 0)));
  }
  assert.deepEqual(verdicts[1], verdicts[0]);
  assert.deepEqual(verdicts[2], verdicts[0]);
  const one = verdicts[0];
  assert.ok(one);
  assert.deepEqual(problems(one), [["bad.safetensors", "non-finite"], ["none.safetensors", "missing"]]);
  for (const { path } of files.slice(0, 7)) {
    const verdict: FileVerdict | undefined = one.files.find((file) => file.path === path);
    assert.equal(verdict?.sha256, createHash("sha256").update(readFileSync(join(root, path))).digest("hex"));
  }
});

test("an abort ends all threads and rejects with its reason", async (context) => {
  const { root, files } = largeTree(context);
  const controller = new AbortController();
  await assert.rejects(verifyTree(root, files, { workers: 2, signal: controller.signal, onProgress: () => controller.abort(new Error("stopped by hand")) }), /stopped by hand/);
  await assert.rejects(verifyTree(root, files, { signal: AbortSignal.abort(new Error("before the start")) }), /before the start/);
});

test("a listener that throws fails the verification, not the process", async (context) => {
  const { root, files } = largeTree(context);
  const onProgress = (): void => {
    throw new Error("listener");
  };
  await assert.rejects(verifyTree(root, files, { workers: 2, onProgress }), /listener/);
});

test("threads that were started ahead, and those of a verification before, verify as new ones do, and one that died meanwhile is not used", async (context) => {
  const { root, files } = largeTree(context);
  const first = await verifyTree(root, files, { workers: 2 });
  warmThreads(64 * megabyte);
  assert.deepEqual(await verifyTree(root, files, { workers: 2 }), first);
  const [spare, other] = [sharedThreads.take(), sharedThreads.take()];
  for (const worker of [spare, other]) sharedThreads.keep(worker);
  await spare.terminate();
  assert.notEqual(sharedThreads.take(), spare);
  sharedThreads.keep(other);
  assert.deepEqual(await verifyTree(root, files, { workers: 2 }), first);
});

test("a process that has verified ends by itself, idle threads or not", (context) => {
  const { root, files } = largeTree(context);
  const code = `require(${JSON.stringify(require.resolve("../../../custody/verify/index.js"))}).verifyTree(${JSON.stringify(root)}, ${JSON.stringify(files)}, { workers: 2 }).then(({ files }) => console.log(files.length))`;
  assert.equal(execFileSync(process.execPath, ["-e", code], { encoding: "utf8" }), `${files.length}\n`);
});

test("a thread that dies fails the file it was reading and no other", async () => {
  const code = `
    const { parentPort } = require("node:worker_threads");
    parentPort.on("message", (tasks) => {
      for (const { index, path } of tasks) {
        if (path === "exits") process.exit(3);
        if (path === "throws") throw new Error("out of memory, say");
        parentPort.postMessage({ kind: "report", index, report: { verdict: { path, ok: true, problems: [] }, links: {} } });
      }
      parentPort.postMessage({ kind: "idle" });
    });`;
  const paths = ["a", "exits", "b", "throws", "c"];
  const tasks = paths.map((path, index) => ({ index, path, bytes: 7 * megabyte + index, options: {} }));
  const reports = new Map<string, string>();
  await runTasks(tasks, 2, { onBytes: () => undefined, onReport: ({ path }, { verdict }) => reports.set(path, verdict.problems[0]?.message ?? "ok") }, { take: () => new Worker(code, { eval: true }), keep: (worker) => void worker.terminate() });
  assert.deepEqual([...reports].sort(), [
    ["a", "ok"], ["b", "ok"], ["c", "ok"],
    ["exits", "The verifier could not finish with this file: its thread ended with code 3."],
    ["throws", "The verifier could not finish with this file: out of memory, say."],
  ]);
});

// --- sharded checkpoints ---

const shardFiles = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"].map((path) => ({ path }));

function sharded(context: TestContext, change: (root: string, index: { weight_map: Record<string, unknown> }) => void): string {
  const root = temporaryFolder(context);
  cpSync(join(fixtures, "sharded"), root, { recursive: true });
  const path = join(root, "model.safetensors.index.json");
  const index = JSON.parse(readFileSync(path, "utf8")) as { weight_map: Record<string, unknown> };
  change(root, index);
  writeFileSync(path, JSON.stringify(index));
  return root;
}

const first = "model-00001-of-00002.safetensors";
const second = "model-00002-of-00002.safetensors";
const brokenIndexes: Readonly<Record<string, readonly [(root: string, index: { weight_map: Record<string, unknown> }) => void, string]>> = {
  "a tensor in the wrong shard": [(_, index) => (index.weight_map["head.weight"] = first), "shard-wrong-tensor"],
  "a tensor that no shard has": [(_, index) => (index.weight_map["new.weight"] = first), "shard-missing-tensor"],
  "a tensor that the index does not know": [(_, index) => delete index.weight_map["head.weight"], "shard-unnamed-tensor"],
  "a shard that is not there": [(_, index) => (index.weight_map["new.weight"] = "model-00003-of-00003.safetensors"), "shard-missing"],
  "a shard outside the folder": [(_, index) => (index.weight_map["new.weight"] = "../other.safetensors"), "index-shard-name"],
  "a shard with an absolute name": [(_, index) => (index.weight_map["new.weight"] = "/other.safetensors"), "index-shard-name"],
  "a shard of another kind": [(_, index) => (index.weight_map["new.weight"] = "other.bin"), "index-shard-name"],
  "a shard that is no text": [(_, index) => (index.weight_map["new.weight"] = 3), "index-shard-name"],
  "no tensors": [(_, index) => (index.weight_map = {}), "empty"],
  "no weight_map": [(_, index) => delete (index as { weight_map?: unknown }).weight_map, "index-shape"],
  "a tensor in two shards": [(root) => cpSync(join(root, first), join(root, second)), "shard-shared-tensor"],
};
for (const [what, [change, code]] of Object.entries(brokenIndexes)) {
  test(`a shard index with ${what} is refused`, async (context) => {
    const verdict = await verifyTree(sharded(context, change), shardFiles);
    assert.equal(verdict.files[2]?.ok, false);
    assert.ok(verdict.problems.some((problem) => problem.code === code && problem.path === "model.safetensors.index.json"), JSON.stringify(verdict.problems));
    assert.deepEqual(verdict.files.slice(0, 2).map(({ ok }) => ok), [true, true]);
  });
}

test("a shard beside the index that the manifest forgot is missing", async (context) => {
  const root = sharded(context, () => undefined);
  const verdict = await verifyTree(root, shardFiles.slice(1));
  assert.deepEqual(problems(verdict), [["model.safetensors.index.json", "shard-missing"]]);
});

test("shards in a folder of the tree are found beside their index, not at the root", async (context) => {
  const root = temporaryFolder(context);
  cpSync(join(fixtures, "sharded"), join(root, "cell", "last"), { recursive: true });
  const verdict = await verifyTree(root, shardFiles.map(({ path }) => ({ path: `cell/last/${path}` })));
  assert.deepEqual(verdict.problems, []);
});
