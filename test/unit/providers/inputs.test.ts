/** Inputs of this machine, and where they will be on the instance. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve as resolvePath } from "node:path";
import { test, type TestContext } from "node:test";
import { parseStackConfig, type StackConfig } from "../../../profiles";
import { cellInputFiles, inputFiles, inputPlace } from "../../../providers/job/inputs";
import { hashInput } from "../../../providers/job/inputHash";
import { readJob } from "../../../providers/job/source";
import { planWith, thrownBy } from "../profiles/happy";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-input-"));
  t.after(() => { rmSync(path, { recursive: true }); });
  return path;
}

function dataSet(root: string): string {
  const data = join(root, "set");
  for (const [path, text] of [["b/ü x.txt", "1"], ["b.txt", "2"], ["B.txt", "3"], ["b-c.txt", "4"]] as const) {
    mkdirSync(join(data, path, ".."), { recursive: true });
    writeFileSync(join(data, path), text);
  }
  return data;
}

test("a folder has the same hash here, on the instance, and by the command in the docs", (t) => {
  const root = folder(t);
  const data = dataSet(root);
  const here = hashInput(data, join(root, "memory.json"));
  assert.deepEqual([here?.bytes, here?.files], [4, 4]);
  const script = '. "$1/files.sh"; . "$1/inputs.sh"; lists=$(mktemp -d); hash_content "$2" && printf %s "$found_sha256"; rm -rf "$lists"';
  assert.equal(execFileSync("sh", ["-c", script, "sh", resolvePath("remote/lib"), data], { encoding: "utf8" }), here?.sha256);
  const documented = /^\s*(\(cd .*sha256sum\))$/m.exec(readFileSync(resolvePath("docs/jobs.md"), "utf8"))?.[1] ?? "false";
  assert.equal(execFileSync("sh", ["-c", documented.replace("FOLDER", data)], { encoding: "utf8" }).split(" ")[0], here?.sha256);
});

test("data that was changed without a change of size is hashed again, large files that stayed are not", (t) => {
  const root = folder(t);
  const [path, memory] = [join(root, "big.bin"), join(root, "memory.json")];
  const long = new Date(Date.now() - 60_000);
  writeFileSync(path, Buffer.alloc(5 * 1024 * 1024, 1));
  utimesSync(path, long, long);
  const first = hashInput(path, memory)?.sha256;
  const remembered = JSON.parse(readFileSync(memory, "utf8")) as Record<string, { facts: string; sha256: string }>;
  assert.equal(remembered[path]?.sha256, first);
  writeFileSync(memory, JSON.stringify({ [path]: { ...remembered[path], sha256: "remembered" } }));
  assert.equal(hashInput(path, memory)?.sha256, "remembered");
  writeFileSync(path, Buffer.alloc(5 * 1024 * 1024, 2));
  utimesSync(path, long, long);
  assert.notEqual(hashInput(path, memory)?.sha256, "remembered");
});

test("what has no plain content is refused by name; nothing there is nothing", (t) => {
  const root = folder(t);
  const memory = join(root, "memory.json");
  assert.equal(hashInput(join(root, "none"), memory), null);
  mkdirSync(join(root, "empty"));
  assert.match(thrownBy(() => hashInput(join(root, "empty"), memory)), /holds no file/);
  mkdirSync(join(root, "links"));
  symlinkSync("/no/such/file", join(root, "links", "broken"));
  assert.match(thrownBy(() => hashInput(join(root, "links"), memory)), /broken is a broken link/);
  mkdirSync(join(root, "odd"));
  writeFileSync(join(root, "odd", "a\nb"), "");
  assert.match(thrownBy(() => hashInput(join(root, "odd"), memory)), /control character or a backslash/);
});

const config = (inputs: readonly Record<string, unknown>[]): StackConfig =>
  parseStackConfig({ platform: "lambda", job: { name: "digits", command: "true", code: "code", inputs }, budget: { maxHours: 1 }, capacity: { maxHourlyUsd: 1 } }, "Pulumi.dev.yaml");

test("a local input that is missing or not what the job says stops the update before anything is bought", (t) => {
  const root = folder(t);
  mkdirSync(join(root, "code"));
  writeFileSync(join(root, "x"), "x");
  const both = [{ name: "one", source: "nowhere" }, { name: "two", source: "x", sha256: "0".repeat(64) }];
  const message = thrownBy(() => readJob(config(both), root));
  assert.match(message, /job\.inputs\[0\]\.source = "nowhere": must be a file or folder of this machine \(looked at .*nowhere\)/);
  assert.match(message, /job\.inputs\[1\]\.sha256 = "0{64}": must be [0-9a-f]{64}, which x has/);
  // On another machine the hash is enough: a pull request is judged where the data is not.
  assert.equal(readJob(config([{ name: "one", source: "nowhere", sha256: "0".repeat(64) }]), root).inputs.size, 0);
});

test("an input that lies among the code is data: it is neither pushed twice nor part of what the code is", (t) => {
  const root = folder(t);
  mkdirSync(join(root, "code", "data"), { recursive: true });
  writeFileSync(join(root, "code", "train.py"), "1");
  const codeOf = (): ReturnType<typeof readJob>["code"] => readJob(config([{ name: "set", source: "code/data" }]), root).code;
  writeFileSync(join(root, "code", "data", "x"), "1");
  const first = codeOf();
  assert.deepEqual(first.without, ["data"]);
  writeFileSync(join(root, "code", "data", "x"), "2");
  assert.equal(codeOf().sha256, first.sha256);
});

test("places are named for content, keep the ending of the name, and are never taken for a run on the tier", () => {
  const plan = planWith({
    inputs: [
      { name: "web", source: "https://example.com/sets/digits%20v2.csv.gz?download=true", sha256: "a".repeat(64), mode: "cached" },
      { name: "set", source: "s3://bucket/sets/imagenet/" },
      { name: "there", source: "instance:/data/public", mode: "mount" },
      { name: "here", source: "../x y/it's.tar", sha256: "b".repeat(64) },
    ],
  });
  const places = plan.inputs.map((input) => inputPlace(input, plan, "/lambda/nfs/fs"));
  assert.equal(places[0]?.target, `/lambda/nfs/fs/.cache/holdfast/inputs/${"a".repeat(32)}/digits_v2.csv.gz`);
  assert.match(places[1]?.target ?? "", /^\/home\/ubuntu\/holdfast\/inputs\/from-[0-9a-f]{24}\/imagenet$/);
  assert.deepEqual(places[2], { entry: null, target: "/data/public", pushed: null });
  assert.match(places[3]?.pushed ?? "", new RegExp(`/inputs/${"b".repeat(32)}\\.pushed-[0-9a-f]{12}$`));
  assert.match(places[3]?.target ?? "", /\/it_s\.tar$/);
});

test("the spec says of a local input what it holds and not where it lay", () => {
  const plan = planWith({ inputs: [{ name: "here", source: "../private/x.tar", sha256: "b".repeat(64), token: null }], roster: [{ name: "a" }, { name: "b", inputs: [] }] });
  const files = inputFiles(plan, "/mnt");
  assert.ok(![...files.values()].join("").includes("private"));
  assert.match(files.get("inputs/here.env") ?? "", /^export HOLDFAST_INPUT_HERE=\/home\/ubuntu\/holdfast\/inputs\/b{32}\/x\.tar\n$/);
  assert.deepEqual(plan.cells.map((cell) => [...cellInputFiles(cell)]), [[["cells/a/inputs", "here\n"]], []]);
});
