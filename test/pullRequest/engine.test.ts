/** The preview's step in the hands of the real engine: a project as a user would have it, its program, its backend and the pack. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { JOB, Repository, root, STACK, type StepOutcome } from "./repository";

const PROGRAM = 'const { runFromStackConfig } = require("holdfast");\nrunFromStackConfig();\n';
/** A run made in code, beside the files: what only a preview sees. */
const RAW = `const pulumi = require("@pulumi/pulumi");
${PROGRAM}class Own extends pulumi.CustomResource { constructor(type, name, props, options) { super(type, name, { ...props, __provider: "exports.handler=()=>({create:async i=>({id:'x',outs:i}),check:async(o,n)=>({inputs:n,failures:[]})})" }, options); } }
new Own("pulumi-nodejs:dynamic/holdfast:LambdaInstance", "forgotten", { verb: "terminate", tiersLost: ["local"], image: { family: "lambda-stack-24-04" }, filesystem: { id: "fs", region: "us-east-1" } }, { deleteBeforeReplace: true });
`;

interface Project {
  readonly repository: Repository;
  readonly preview: (env?: NodeJS.ProcessEnv) => StepOutcome;
}

function project(t: TestContext): Project {
  const repository = new Repository(t);
  const modules = join(repository.project, "node_modules");
  for (const folder of [modules, join(repository.top, "state"), join(repository.top, "pulumi-home")]) mkdirSync(folder);
  symlinkSync(root, join(modules, "holdfast"));
  symlinkSync(join(root, "node_modules", "@pulumi"), join(modules, "@pulumi"));
  repository.write("infra/Pulumi.yaml", "name: lab\nruntime: {name: nodejs, options: {typescript: false}}\nmain: index.js\n");
  repository.write("infra/package.json", '{"name": "lab", "version": "0.0.0", "main": "index.js"}\n');
  repository.write("infra/index.js", PROGRAM);
  const engine = {
    PULUMI_BACKEND_URL: `file://${join(repository.top, "state")}`, PULUMI_HOME: join(repository.top, "pulumi-home"), PULUMI_CONFIG_PASSPHRASE: "",
    PULUMI_SKIP_UPDATE_CHECK: "true", PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true", POLICY_PACK: "node_modules/holdfast/policy",
  };
  const made = repository.step("pulumi stack init dev --non-interactive", engine);
  assert.equal(made.code, 0, made.stderr);
  return { repository, preview: (env = {}) => repository.script("preview.sh", { ...engine, ...env }) };
}

test("a branch that is fine previews on the real engine with the pack, and the comment says so", (t) => {
  const { repository, preview } = project(t);
  assert.equal(repository.script("plan.sh").outputs, "code=0\n");
  const outcome = preview();
  const printed = readFileSync(join(repository.out, "preview.txt"), "utf8");
  assert.equal(outcome.outputs, "code=0\n", printed);
  assert.match(printed, /holdfast@v\d/, "the pack was loaded");
  assert.match(printed, /TrainingRun/);
  assert.match(repository.comment(), /#### Preview\n\nNo mandatory policy found anything\.[\s\S]*TrainingRun/);
  assert.equal(repository.script("verdict.sh", { PLAN_CODE: "0", PREVIEW_CODE: "0" }).code, 0);
});

test("what only the program shows fails the preview, and the comment says so at its top and at its end", (t) => {
  const { repository, preview } = project(t);
  repository.write("infra/index.js", RAW);
  assert.equal(repository.script("plan.sh").outputs, "code=0\n", "the files alone are fine");
  const outcome = preview();
  const code = /^code=(\d+)$/m.exec(outcome.outputs)?.[1] ?? "";
  assert.notEqual(code, "0");
  assert.equal(outcome.code, 0, "the comment is written before the job fails");
  assert.match(repository.comment(), /on lambda\n\n\*\*The preview failed\*\*: see below\.[\s\S]*\*\*Failed\*\*, exit code [\s\S]*- \[mandatory\] {2}budget-or-lease-set [\s\S]*- \[mandatory\] {2}run-has-gate-and-audit [\s\S]*<details>/);
  assert.equal(repository.script("verdict.sh", { PLAN_CODE: "0", PREVIEW_CODE: code }).code, 1);

  const config = repository.write("infra/policy.json", JSON.stringify({ all: "disabled" }));
  const lenient = preview({ POLICY_CONFIG: config });
  assert.equal(lenient.outputs, "code=0\n", readFileSync(join(repository.out, "preview.txt"), "utf8"));
});

test("a secret in the job fails plan and preview alike, and neither prints it", (t) => {
  const { repository, preview } = project(t);
  repository.write("infra/Pulumi.dev.yaml", STACK);
  repository.write("infra/job/job.yaml", `${JOB}env: {DB_PASS: hunter2hunter2}\n`);
  assert.equal(repository.script("plan.sh").outputs, "code=3\n");
  assert.doesNotMatch(preview().outputs, /^code=0$/m);
  const comment = repository.comment();
  assert.match(comment, /\| mandatory \| job\/job.yaml:8 \| `no-secret-literals` \|[\s\S]*\[mandatory\] {2}no-secret-literals/);
  assert.doesNotMatch(comment, /hunter2/);
});
