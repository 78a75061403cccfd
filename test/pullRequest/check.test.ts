import assert from "node:assert/strict";
import { test } from "node:test";
import { JOB, Repository, STACK } from "./repository";

test("a good branch is told what it keeps, loses and costs, and ends with 0", (t) => {
  const repository = new Repository(t);
  repository.write("infra/job/job.yaml", `${JOB}  - {name: c, args: []}\n`);
  const plan = repository.script("plan.sh");
  assert.equal(plan.outputs, "code=0\n", plan.stderr);
  const comment = repository.comment();
  assert.match(comment, /^<!-- holdfast:plan lab\/dev -->\n### Holdfast: lab\/dev\/digits on lambda\n\n\*\*Nothing found\*\*/);
  assert.match(comment, /\| instance \| `terminate` \| regional file system \| \*\*instance's own NVMe disk\*\* \|/);
  assert.match(comment, /\| \$1\.00 \| \$2\.\d\d \| \$24\.\d\d \| \$750\.00 \|/);
  assert.match(comment, /\| \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \| 2 h after launch \|/);
  assert.match(comment, /\| `job\.roster` \| none \| c \| appended to the queue \|/);
  assert.doesNotMatch(comment, /#### Findings|holds data/);
  assert.deepEqual(repository.sarif().runs[0]?.results, []);
  assert.equal(repository.script("verdict.sh", { PLAN_CODE: "0", PREVIEW_CODE: "0" }).code, 0);
});

test("a branch without a bound, with a key in the job, is blocked on the lines where that was typed", (t) => {
  const repository = new Repository(t);
  repository.write("infra/Pulumi.dev.yaml", STACK.replace(/ {2}holdfast:budget.*\n/, ""));
  const key = ["sk", "abcdefghijklmnopqrstuvwxyz123456"].join("-");
  repository.write("infra/job/job.yaml", `${JOB}env: {WANDB_API_KEY: "${key}"}\n`);
  const plan = repository.script("plan.sh");
  assert.equal(plan.outputs, "code=3\n", plan.stderr);
  const comment = repository.comment();
  assert.match(comment, /\*\*Blocked\*\*: 2 mandatory findings/);
  assert.match(comment, /\| mandatory \| job\/job.yaml:8 \| `no-secret-literals` \|/);
  assert.match(comment, /\| mandatory \| Pulumi.dev.yaml:2 \| `budget-or-lease-set` \|/);
  assert.match(comment, /not bounded/);
  const { version, runs } = repository.sarif();
  assert.equal(version, "2.1.0");
  const [run] = runs;
  const results = (run?.results ?? []).map(({ ruleId, level, locations }) => [ruleId, level, locations[0]?.physicalLocation.artifactLocation.uri, locations[0]?.physicalLocation.region.startLine]);
  assert.deepEqual(results, [
    ["no-secret-literals", "error", "infra/job/job.yaml", 8],
    ["budget-or-lease-set", "error", "infra/Pulumi.dev.yaml", 2],
  ]);
  for (const { ruleId, ruleIndex } of run?.results ?? []) assert.equal(run?.tool.driver.rules[ruleIndex]?.id, ruleId);
  assert.doesNotMatch(`${comment}${JSON.stringify(runs)}`, new RegExp(key), "a secret that was found is not spread further");
  assert.equal(repository.script("verdict.sh", { PLAN_CODE: "3", PREVIEW_CODE: "0" }).code, 3);
});

test("an edit that replaces the storage that holds checkpoints is named, with its line", (t) => {
  const repository = new Repository(t);
  repository.write("infra/Pulumi.dev.yaml", STACK.replace("us-east-1", "us-west-1").replace("storage: keep", "storage: delete").replace("gpu_1x_a10", "gpu_1x_a6000"));
  repository.script("plan.sh");
  const comment = repository.comment();
  assert.match(comment, /\*\*Look at this\*\*: 2 changes to what holds or guards data/);
  assert.match(comment, /\| `storage` \| us-east-1 \| us-west-1 \| \*\*holds data\*\*: .*the durable storage is replaced/);
  assert.match(comment, /\| `teardown.storage` \| keep \| delete \| \*\*holds data\*\*/);
  assert.match(comment, /\| `capacity.candidates` \|.*holdfast approve --replace instance/);
  const results = repository.sarif().runs[0]?.results.map(({ ruleId, level, locations }) => [ruleId, level, locations[0]?.physicalLocation.region.startLine]);
  assert.deepEqual(results, [["edit-loses-data", "warning", 4], ["edit-loses-data", "warning", 5], ["edit-replaces-machine", "note", 6]]);
});

test("comparing touches neither the checkout nor its index", (t) => {
  const repository = new Repository(t);
  repository.write("infra/job/job.yaml", `${JOB}env: {A: "1"}\n`);
  repository.git("add", "--all");
  repository.write("infra/job/train.py", "print('edited')\n");
  const before = repository.git("status", "--porcelain");
  const { code, stdout } = repository.holdfast("plan", "--base", "main");
  assert.equal(code, 0);
  assert.match(stdout, /job\.command +a, b +a, b +other command, arguments/);
  assert.equal(repository.git("status", "--porcelain"), before);
  assert.equal(repository.git("worktree", "list").trim().split("\n").length, 1);
});

test("a revision that git does not know is no empty comparison", (t) => {
  const repository = new Repository(t);
  const { code, stderr } = repository.holdfast("plan", "--base", "origin/gone");
  assert.equal(code, 2);
  assert.match(stderr, /no revision origin\/gone[\s\S]*next: git fetch origin gone/);
  assert.equal(repository.holdfast("plan", "--base=--output=x").code, 2);
});

test("a stack that the base does not have yet has nothing to lose there", (t) => {
  const repository = new Repository(t);
  repository.write("infra/Pulumi.prod.yaml", STACK);
  const { code, stdout } = repository.holdfast("plan", "--stack", "prod", "--base", "main", "--format", "markdown");
  assert.equal(code, 0);
  assert.match(stdout, /Nothing to compare: the stack has no config there yet/);
});

const TEN_MISTAKES = `name: Digits!
command: ""
comand: python3 train.py
resources: {gpu: {count: 0}}
checkpoint: {costSeconds: -1, directory: /tmp}
env: {A: 1}
roster:
  - {name: a, args: [1]}
  - {name: a, args: []}
  - {name: "b c", args: []}
`;

test("ten mistakes in a job file are ten findings in one run, each with its line, and the platform's is beside them", (t) => {
  const repository = new Repository(t);
  repository.write("infra/job/job.yaml", TEN_MISTAKES);
  repository.write("infra/Pulumi.dev.yaml", STACK.replace("platform: lambda", "platform: lamda"));
  const plan = repository.script("plan.sh");
  assert.equal(plan.outputs, "code=2\n");
  const results = repository.sarif().runs[0]?.results ?? [];
  const lines = (uri: string): (number | undefined)[] => results.filter(({ locations }) => locations[0]?.physicalLocation.artifactLocation.uri === uri).map(({ locations }) => locations[0]?.physicalLocation.region.startLine);
  assert.deepEqual(lines("infra/job/job.yaml"), [1, 2, 3, 4, 5, 5, 6, 8, 9, 10]);
  assert.deepEqual(lines("infra/Pulumi.dev.yaml"), [2]);
  assert.match(repository.comment(), /\*\*Not valid\*\*: the files are not valid: 11 faults/);
  assert.match(repository.comment(), /did you mean lambda\?/);
  const text = repository.holdfast("plan");
  assert.equal(text.code, 2);
  assert.match(text.stderr, /line 3: job\.comand is not known, did you mean command\?/);
  assert.match(text.stderr, /line 2: platform = "lamda"/);
});

test("a job file that is empty, leads nowhere or is not there is a fault at its own line, never a crash", (t) => {
  const repository = new Repository(t);
  const said = (text: string): string => {
    repository.write("infra/job/job.yaml", text);
    const { code, stderr } = repository.holdfast("plan");
    assert.equal(code, 2, stderr);
    return stderr;
  };
  assert.match(said(""), /job\.yaml is not a valid file of this stack, one fault:\n {2}line 1: job = null: must be a map/);
  assert.match(said("- a\n"), /job\.yaml is not a valid file of this stack/);
  assert.match(said("name: x\n# why\ncommand: *missing\n"), /job\.yaml is not a valid file[^]*line 3: \(document\) Unresolved alias[^]*missing/);
  repository.write("infra/Pulumi.dev.yaml", STACK.replace("job/job.yaml", "job/none.yaml"));
  const { code, stderr } = repository.holdfast("plan");
  assert.equal(code, 2);
  assert.match(stderr, /Pulumi\.dev\.yaml is not[^]*line \d+: job cannot be used: the job file .*none\.yaml does not exist/);
});

test("what looks like a secret in a job is printed in no format, since logs and artifacts keep it", (t) => {
  const repository = new Repository(t);
  const value = ["3f9a1c2b4d5e6f708192", "a3b4c5d6e7f809a1b2c3"].join("");
  repository.write("infra/job/job.yaml", `name: digits\ncommand: python3 train.py\nenv: {WANDB_API_KEY: ${value}, EPOCHS: "3"}\nroster:\n  - {name: a}\n  - {name: b, args: ["--api-key", "${value}"]}\n`);
  for (const format of ["text", "json", "markdown", "sarif"]) {
    const { code, stdout, stderr } = repository.holdfast("plan", "--format", format);
    assert.equal(code, 3, stderr);
    assert.match(stdout, /no-secret-literals/);
    assert.ok(!`${stdout}${stderr}`.includes(value.slice(0, 12)), format);
  }
  const plan = JSON.parse(repository.holdfast("plan", "--format", "json").stdout) as { environment: Record<string, string>; cells: { command: string }[] };
  assert.deepEqual([plan.environment["EPOCHS"], plan.environment["WANDB_API_KEY"]], ["3", "(not shown: it looks like a secret)"]);
  assert.deepEqual([plan.cells[0]?.command, plan.cells[1]?.command.includes("not shown")], ["python3 train.py", true]);
});

test("a level of the pack's config holds for the check too, and a misspelt rule is refused", (t) => {
  const repository = new Repository(t);
  repository.write("infra/Pulumi.dev.yaml", STACK.replace(/ {2}holdfast:budget.*\n/, ""));
  repository.write("infra/policy.json", JSON.stringify({ "budget-or-lease-set": "advisory" }));
  assert.equal(repository.script("plan.sh", { POLICY_CONFIG: "policy.json" }).outputs, "code=0\n");
  assert.match(repository.comment(), /\| advisory \| Pulumi.dev.yaml:2 \| `budget-or-lease-set` \|/);
  repository.write("infra/policy.json", JSON.stringify({ "budget-or-leese-set": "advisory" }));
  const { code, stderr } = repository.holdfast("plan", "--policy-pack-config", "policy.json");
  assert.equal(code, 2);
  assert.match(stderr, /budget-or-leese-set is no rule of the pack/);
});

test("words of a stranger cannot forge the comment: no tag, no link, no call, no second row", (t) => {
  const repository = new Repository(t);
  repository.write("infra/Pulumi.dev.yaml", STACK.replace("platform: lambda", 'platform: "<img src=x> | [a](https://example.com) @everybody\\n# x"'));
  repository.script("plan.sh");
  const comment = repository.comment();
  assert.doesNotMatch(comment, /<img|[^\\]\[a\]|@everybody|^# x/m);
  assert.match(comment, /&lt;img/);
});

test("where there is not even a plan, the comment says so under the same marker", (t) => {
  const repository = new Repository(t);
  const plan = repository.script("plan.sh", { BASE: "gone" });
  assert.equal(plan.outputs, "code=2\n");
  assert.match(repository.comment(), /^<!-- holdfast:plan lab\/dev -->\n[\s\S]*\*\*Not judged\*\*, exit code 2[\s\S]*no revision gone/);
  assert.deepEqual(repository.sarif().runs[0]?.results, []);
});

test("JSON holds the plan's own keys, and what was found under check", (t) => {
  const repository = new Repository(t);
  const { code, stdout } = repository.holdfast("plan", "--base", "main", "--json");
  assert.equal(code, 0);
  const value = JSON.parse(stdout) as { v: number; platform: string; check: { verdict: { state: string }; clocks: { at: string | null }[]; base: { commit: string } } };
  assert.deepEqual([value.v, value.platform, value.check.verdict.state], [1, "lambda", "ok"]);
  assert.ok(value.check.clocks.some(({ at }) => at !== null));
  assert.match(value.check.base.commit, /^[0-9a-f]{40}$/);
});
