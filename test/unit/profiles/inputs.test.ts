import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlanInput } from "../../../profiles/plan";
import { codeSha256, configWith, jobWith, planWith, run, thrownBy } from "./happy";
import { profileFor, resolve } from "../../../profiles";

const digest = "a".repeat(64);
const inputs = (...changes: Record<string, unknown>[]): string => thrownBy(() => jobWith({ inputs: changes }));

test("an address with a password, a signature or a key is refused, and never repeated", () => {
  const secret = "hunter2-0123456789";
  for (const source of [`https://me:${secret}@example.com/x`, `https://example.com/x?X-Amz-Signature=${secret}`, `https://example.com/x?token=${secret}`, `https://example.com/x?a=1&api_key=${secret}`, `s3://KEY:${secret}@bucket/x`]) {
    const message = inputs({ name: "data", source });
    assert.match(message, /inputs\[0\]\.source (holds credentials|is signed or carries a key|is not s3)/, source);
    assert.ok(!message.includes(secret), message);
  }
  assert.ok(!inputs({ name: "data", source: { url: secret } }).includes(secret));
  assert.doesNotThrow(() => jobWith({ inputs: [{ name: "data", source: "https://example.com/x?download=true", token: "WANDB_API_KEY" }] }));
});

test("a token is named, sent over https only, and has its value among the secrets", () => {
  assert.match(inputs({ name: "data", source: "https://example.com/x", token: "HF_TOKEN" }), /inputs\[0\]\.token must also stand in secrets: \[HF_TOKEN\]/);
  assert.match(inputs({ name: "data", source: "http://example.com/x", sha256: digest, token: "WANDB_API_KEY" }), /inputs\[0\]\.token is sent to https URLs only/);
});

test("what nobody pinned is neither taken over plain http nor shared by runs", () => {
  assert.match(inputs({ name: "data", source: "http://example.com/x" }), /is plain http: anybody on the way can change it/);
  assert.match(inputs({ name: "data", source: "https://example.com/x", mode: "cached" }), /inputs\[0\]\.sha256 is missing: the cache is shared by runs/);
  assert.doesNotThrow(() => jobWith({ inputs: [{ name: "data", source: "https://example.com/x", mode: "cached", sha256: digest }] }));
});

test("a source that nothing fetches, or a mount of what is not there, is refused at once", () => {
  assert.match(inputs({ name: "data", source: "ftp://example.com/x" }), /begins with ftp:, which nothing here fetches/);
  assert.match(inputs({ name: "data", source: "https://example.com/x", mode: "mount" }), /is for a path that is on the instance already/);
  assert.match(inputs({ name: "data", source: "data/x", mode: "mount" }), /must be an absolute path on the instance/);
  assert.match(inputs({ name: "data", source: "instance:/data/../etc" }), /has \.\. in it/);
});

test("two inputs never share a variable, and a cell asks only for what there is", () => {
  assert.match(inputs({ name: "val-set", source: "a" }, { name: "val_set", source: "b" }), /inputs\[1\]\.name = "val_set": must be unique, inputs\[0\] is in HOLDFAST_INPUT_VAL_SET already/);
  const message = thrownBy(() => jobWith({ inputs: [{ name: "data", source: "a" }], roster: [{ name: "a", inputs: ["dta"] }] }));
  assert.match(message, /roster\[0\]\.inputs\[0\] = "dta": the job has no input of that name \(it has: data\)/);
});

const found = { source: "data/x", sha256: digest, bytes: 5e9, files: 3 };
const planned = (job: Record<string, unknown>, sha256 = digest): ReturnType<typeof planWith> =>
  resolve(jobWith(job), profileFor("lambda"), { run, config: configWith(), codeSha256, inputs: new Map([["data", { ...found, sha256 }]]) });

test("a cell that reads other data is another cell; the same data from another place is the same", () => {
  const sha = (job: Record<string, unknown>, digestHere?: string): (string | null)[] => planned(job, digestHere).cells.map((cell) => cell.inputsSha256);
  const roster = [{ name: "a", inputs: ["data"] }, { name: "b", inputs: [] }, { name: "c" }];
  const base = sha({ roster, inputs: [{ name: "data", source: "x" }] });
  assert.equal(base[1], null);
  assert.equal(base[2], base[0]);
  assert.deepEqual(sha({ roster, inputs: [{ name: "data", source: "elsewhere/x", mode: "cached" }] }), base);
  assert.deepEqual(sha({ roster, inputs: [{ name: "data", source: "https://example.com/x", sha256: digest }] }), base);
  assert.notDeepEqual(sha({ roster, inputs: [{ name: "data", source: "x" }] }, "b".repeat(64)), base);
  assert.notDeepEqual(sha({ roster, inputs: [{ name: "data", source: "https://example.com/x" }], }), sha({ roster, inputs: [{ name: "data", source: "https://example.com/y" }] }).map(String));
});

test("cached inputs count against the room of the durable tier, copied ones do not", () => {
  const room = (mode: string): number | undefined => planned({ checkpoint: { bytes: 1e9 }, inputs: [{ name: "data", source: "x", mode }] }).disk?.inputBytes;
  assert.equal(room("cached"), 5e9);
  assert.equal(room("copy"), 0);
});

test("the plan says where an input comes from, where the payload finds it and how long it may take", () => {
  const [input] = planned({ inputs: [{ name: "data", source: "../x", maxHours: 0.5 }] }).inputs;
  const expected: PlanInput = { name: "data", variable: "HOLDFAST_INPUT_DATA", kind: "local", source: "data/x", mode: "copy", sha256: digest, bytes: 5e9, files: 3, token: null, maxSeconds: 1800 };
  assert.deepEqual(input, expected);
});

test("a data set of very many files is warned about before it is moved one by one", () => {
  const warnings = (files: number): string => resolve(jobWith({ inputs: [{ name: "data", source: "x" }] }), profileFor("lambda"), { run, config: configWith(), codeSha256, inputs: new Map([["data", { ...found, files }]]) }).warnings.join("\n");
  assert.match(warnings(250_000), /inputs\.data: 250000 files are slow to move and to read; pack them.*\(U25\)/);
  assert.doesNotMatch(warnings(1000), /U25/);
});
