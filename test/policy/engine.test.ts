/** The pack in the hands of the real engine: previews of own resources, and exported states of everybody else's. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { rules } from "../../policy/rules";
import { packageRoot, ScratchStack } from "../engine/stack";
import { badOwnResources } from "./ownResources";
import { batchScripts } from "./batchScripts";
import { exportedState } from "./exportedState";
import type { StackEntry } from "./judging";
import { readCorpus, readScripts } from "./manifests";

const pack = join(packageRoot, "policy");
const seen = new Set<string>();
let scratch: ScratchStack;

before(async () => {
  scratch = await ScratchStack.create();
});
after(async () => {
  await scratch.close();
});

/** `rule (type: name)` of everything that is reported, whatever the level. */
const reported = (output: string): Set<string> => new Set([...output.matchAll(/- \[(?:mandatory|advisory)\]\s+(\S+)\s+\(\S+: ([^)]+)\)/g)].map(([, rule = "", name = ""]) => `${rule} (${name})`));

function expectAll(output: string, wanted: readonly { readonly rule: string; readonly name: string }[]): void {
  const found = reported(output);
  for (const { rule, name } of wanted) {
    assert.ok(found.has(`${rule} (${name})`), `${rule} says nothing to ${name}\n${output}`);
    seen.add(rule);
  }
}

function stateFile(entries: readonly StackEntry[]): string {
  const file = join(scratch.directory, "state.json");
  writeFileSync(file, exportedState(entries));
  return file;
}

/** One namespace and one name per file, so that manifests do not see each other's claims. */
const apart = (folder: "fine" | "bad"): { readonly rules: readonly string[]; readonly entries: readonly StackEntry[] }[] =>
  readCorpus(folder).map(({ file, comment, entries }) => ({
    rules: comment.replace(/^trips: /, "").split(", "),
    entries: entries.map((entry) => {
      const props = entry.props as { metadata: object };
      const namespace = file.replace(".yaml", "");
      return { ...entry, name: `${namespace}/${entry.name}`, props: { ...props, metadata: { ...props.metadata, namespace } } };
    }),
  }));

const analyze = (file: string, ...args: string[]) => scratch.pulumi("policy", "analyze", "--policy-pack", pack, "--file", file, ...args);

test("a run as TrainingRun builds it previews without a finding", async () => {
  const { exitCode, output } = await scratch.pulumi("preview", "--stack", scratch.stack, "--policy-pack", pack);
  assert.equal(exitCode, 0, output);
  assert.deepEqual([...reported(output)], [], output);
  assert.match(output, /holdfast@v/);
});

test("a program that never heard of Holdfast is judged by pointing at the folder, and every own rule fails where it should", async () => {
  const bad = badOwnResources();
  writeFileSync(join(scratch.directory, "bad.json"), JSON.stringify(bad));
  scratch.writeProgram(`const pulumi = require("@pulumi/pulumi");
const provider = "exports.handler=()=>({create:async i=>({id:'x',outs:i}),diff:async()=>({changes:false}),check:async(o,n)=>({inputs:n,failures:[]})})";
class Own extends pulumi.CustomResource { constructor(type, name, props, options) { super(type, name, { filesystemId: undefined, ...props, __provider: provider }, options); } }
const made = {};
const filled = (value) => Array.isArray(value) ? value.map(filled) : value && value.outputOf ? made[value.outputOf].filesystemId : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(inner)])) : value;
for (const { type, name, props, options } of require("./bad.json")) {
  made[name] = type.startsWith("holdfast:") ? new pulumi.ComponentResource(type, name, filled(props)) : new Own(type, name, filled(props), options);
}
`);
  const { exitCode, output } = await scratch.pulumi("preview", "--stack", scratch.stack, "--policy-pack", pack);
  assert.notEqual(exitCode, 0, output);
  expectAll(output, bad.flatMap(({ name, trips }) => trips.map((rule) => ({ rule, name }))));
  assert.match(output, /can't run policy 'storage-in-reach'.*during preview: string value at \.filesystem\.region/, "what is not known is named");
  assert.ok(!output.includes("changeme"), "no secret is printed");
});

test("manifests and batch scripts that are fine pass in an exported state, and a check before a destroy ends with 0", async () => {
  const { exitCode, output } = await analyze(stateFile([...apart("fine"), ...readScripts("fine")].flatMap(({ entries }) => entries)));
  assert.deepEqual([...reported(output)], [], output);
  assert.equal(exitCode, 0, output);
});

test("every rule for raw resources fails in an exported state, by name and by resource", async () => {
  const bad = [...apart("bad"), ...readScripts("bad").map(({ comment, entries }) => ({ rules: comment.replace(/^trips: /, "").split(", "), entries }))];
  const scripts = batchScripts();
  const config = join(scratch.directory, "policy.json");
  writeFileSync(config, JSON.stringify({ "slurm-walltime-fits": { partitions: { gpu: { maxHours: 8 } } }, "slurm-requeue-works": { partitions: { gpu: { preemptMode: "CANCEL" } } } }));
  const { exitCode, output } = await analyze(stateFile([...bad.flatMap(({ entries }) => entries), ...scripts.map(({ entry }) => entry)]), "--policy-pack-config", config);
  assert.notEqual(exitCode, 0);
  const found = [...reported(output)];
  for (const { rules: wanted, entries } of bad) {
    for (const rule of wanted) {
      assert.ok(entries.some(({ name }) => found.includes(`${rule} (${name})`)), `${rule} says nothing to ${entries.map(({ name }) => name).join(", ")}\n${output}`);
      seen.add(rule);
    }
  }
  expectAll(output, scripts.map(({ rule, entry }) => ({ rule, name: entry.name })));
  assert.ok(!output.includes("changeme"), "no secret is printed");
});

test("a rule is made mandatory, switched off or told to repair by config", async () => {
  const [tag] = apart("bad").filter(({ rules: [first] }) => first === "pinned-image");
  const [endless] = apart("bad").filter(({ rules: [first] }) => first === "gpu-job-has-deadline");
  assert.ok(tag && endless);
  const config = join(scratch.directory, "policy.json");
  const state = stateFile([...tag.entries, ...endless.entries]);
  const withConfig = async (content: object) => {
    writeFileSync(config, JSON.stringify(content));
    return analyze(state, "--policy-pack-config", config);
  };
  assert.match((await withConfig({ "pinned-image": "mandatory", "gpu-job-has-deadline": "disabled" })).output, /\[mandatory\]\s+pinned-image/);
  const off = await withConfig({ all: "disabled" });
  assert.equal(off.exitCode, 0, off.output);
  const repaired = await withConfig({ all: "disabled", "gpu-job-has-deadline": { enforcementLevel: "remediate", remedySeconds: 3600 } });
  assert.match(repaired.output, /\[remediate\]\s+gpu-job-has-deadline/);
});

test("every rule of the pack was seen to fail on the engine", () => {
  assert.deepEqual(rules.map((rule) => rule.name).filter((name) => !seen.has(name)), []);
});
