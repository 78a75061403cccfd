import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { actionlint } from "./actionlint";
import { Repository, root, STACK, type Outcome } from "./repository";

const folder = join(root, ".github");
const workflows = readdirSync(join(folder, "workflows")).map((name) => join(folder, "workflows", name));
const scripts = readdirSync(join(folder, "scripts")).map((name) => join(folder, "scripts", name));

/** A GitHub with comments in a file: `gh api` as the script calls it, every call recorded. */
const GH = `#!/usr/bin/env node
const fs = require("node:fs");
const args = process.argv.slice(2);
const after = (flag) => args.includes(flag) ? args[args.indexOf(flag) + 1] : null;
const store = process.env.HOME + "/comments.json";
const comments = fs.existsSync(store) ? JSON.parse(fs.readFileSync(store, "utf8")) : [];
const method = after("--method") ?? "GET";
const path = args.find((word) => word.startsWith("repos/"));
fs.appendFileSync(process.env.HOME + "/calls.txt", method + " " + path + "\\n");
if (method === "GET") {
  if (!after("--jq").includes('.user.type == "Bot"') || !after("--jq").includes("startswith(env.marker)")) throw new Error("the filter changed: " + after("--jq"));
  for (const { id, user, body } of comments) if (user.type === "Bot" && body.startsWith(process.env.marker)) console.log(id);
} else {
  const body = fs.readFileSync(after("--field").replace(/^body=@/, ""), "utf8");
  const id = Number(path.split("/").at(-1));
  if (method === "PATCH") comments.find((comment) => comment.id === id).body = body;
  else comments.push({ id: comments.length + 101, user: { type: "Bot" }, body });
  fs.writeFileSync(store, JSON.stringify(comments));
}
`;

interface Step {
  readonly name?: string;
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Job {
  readonly env?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

const jobsOf = (file: string): Job[] => Object.values((parse(readFileSync(file, "utf8")) as { jobs: Record<string, Job> }).jobs);

/** The steps of the reusable workflow in a shell, in their order, as GitHub would; the action steps are left out. */
function runWorkflow(repository: Repository, secrets: Readonly<Record<string, string>> = {}): { steps: Record<string, Outcome>; failed: string | null } {
  const [job] = jobsOf(join(folder, "workflows", "holdfast.yml"));
  assert.ok(job);
  const outputs: Record<string, string> = {};
  const values: Record<string, string> = {
    "inputs.stack": "dev", "inputs.scripts": join(folder, "scripts"), "inputs.pulumi": "pulumi", "inputs.policy-pack": "policy", "inputs.policy-pack-config": "",
    "inputs.holdfast": `${process.execPath} ${join(root, "dist", "cli", "main.js")}`, "inputs.directory": "infra", "github.workspace": repository.top,
    "github.event.pull_request.base.sha": repository.git("rev-parse", "main").trim(), "github.event.pull_request.number": "7", "github.repository": "example/lab", "github.token": "none",
  };
  const filled = (text: string): string =>
    text.replaceAll(/\$\{\{ ([^}]+?) \}\}/g, (_, name: string) => {
      if (name.startsWith("secrets.")) return secrets[name.slice("secrets.".length)] ?? "";
      const value = /^steps\./.test(name) ? outputs[name] : values[name];
      assert.ok(value !== undefined, `nobody knows ${name}`);
      return value;
    });
  const environment = (env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value)]));
  const steps: Record<string, Outcome> = {};
  for (const step of job.steps.filter(({ run }) => run?.includes("$SCRIPTS/"))) {
    const result = repository.step(filled(step.run ?? ""), { ...environment(job.env), ...environment(step.env) });
    steps[step.name ?? ""] = result;
    const code = /^code=(\d+)$/m.exec(result.outputs)?.[1];
    if (code !== undefined && step.id !== undefined) outputs[`steps.${step.id}.outputs.code`] = code;
    if (result.code !== 0) return { steps, failed: step.name ?? "" };
  }
  return { steps, failed: null };
}

const commentsOf = (repository: Repository): { id: number; body: string }[] => JSON.parse(readFileSync(join(repository.top, "comments.json"), "utf8")) as { id: number; body: string }[];
const callsOf = (repository: Repository): string[] => readFileSync(join(repository.top, "calls.txt"), "utf8").trim().split("\n");

test("one comment is written once, and updated in place by every later push", (t) => {
  const repository = new Repository(t);
  repository.fake("gh", GH);
  repository.write("comments.json", JSON.stringify([{ id: 5, user: { type: "User" }, body: "<!-- holdfast:plan lab/dev -->\nforged by a person" }, { id: 6, user: { type: "Bot" }, body: "another bot's" }]));
  repository.write("infra/Pulumi.dev.yaml", STACK.replace(/ {2}holdfast:budget.*\n/, ""));
  const bad = runWorkflow(repository);
  assert.equal(bad.failed, "Verdict", "a finding blocks only after the comment was written");
  assert.equal(bad.steps["Verdict"]?.code, 3);
  assert.match(commentsOf(repository).at(-1)?.body ?? "", /\*\*Blocked\*\*: 1 mandatory finding/);
  repository.write("infra/Pulumi.dev.yaml", STACK);
  const good = runWorkflow(repository);
  assert.equal(good.failed, null, JSON.stringify(good.steps));
  const comments = commentsOf(repository);
  assert.deepEqual(comments.map(({ id }) => id), [5, 6, 103]);
  assert.match(comments.at(-1)?.body ?? "", /\*\*Nothing found\*\*[\s\S]*#### Preview\n\nNone: no backend is given/);
  assert.match(comments[0]?.body ?? "", /forged by a person/);
  const at = "repos/example/lab/issues";
  assert.deepEqual(callsOf(repository), [`GET ${at}/7/comments`, `POST ${at}/7/comments`, `GET ${at}/7/comments`, `PATCH ${at}/comments/103`]);
});

test("files that cannot be read end the job with 2, and the comment says which lines", (t) => {
  const repository = new Repository(t);
  repository.fake("gh", GH);
  repository.write("infra/Pulumi.dev.yaml", STACK.replace("platform: lambda", "platform: lamda"));
  const { failed, steps } = runWorkflow(repository);
  assert.deepEqual([failed, steps["Verdict"]?.code], ["Verdict", 2]);
  assert.match(commentsOf(repository)[0]?.body ?? "", /\*\*Not valid\*\*[\s\S]*Pulumi\.dev\.yaml:2[\s\S]*did you mean lambda/);
});

test("with a backend the preview runs with the pack, and what it refuses ends the job", (t) => {
  const repository = new Repository(t);
  repository.fake("gh", GH);
  repository.fake("pulumi", '#!/bin/sh\nprintf "%s|%s\\n" "$*" "$PULUMI_BACKEND_URL" >"$HOME/pulumi.txt"\necho "policy violation: \\`\\`\\`"\nexit 255\n');
  const { failed, steps } = runWorkflow(repository, { PULUMI_BACKEND_URL: "file:///srv/state" });
  assert.equal(failed, "Verdict");
  assert.match(steps["Verdict"]?.stdout ?? "", /preview: failed, exit code 255/);
  assert.equal(readFileSync(join(repository.top, "pulumi.txt"), "utf8"), "preview --stack dev --policy-pack policy --non-interactive --color never|file:///srv/state\n");
  const body = commentsOf(repository)[0]?.body ?? "";
  assert.match(body, /#### Preview\n\n\*\*Failed\*\*, exit code 255\.[\s\S]*```\npolicy violation: \n+```/);
  assert.match(body, /on lambda\n\n\*\*The preview failed\*\*/);
});

test("a generated page that was edited by hand, or is out of date, ends the check and is named", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-pages-"));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const git = (...args: string[]): string => execFileSync("git", args, { cwd: folder, encoding: "utf8", env: { ...process.env, GIT_CONFIG_NOSYSTEM: "1", HOME: folder } });
  for (const file of execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root, encoding: "utf8" }).trim().split("\n")) {
    if (existsSync(join(root, file))) cpSync(join(root, file), join(folder, file));
  }
  cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true, filter: (path) => path !== join(root, "dist", "test") });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  if (existsSync(join(root, "toolchain", "node", "node_modules"))) symlinkSync(join(root, "toolchain", "node", "node_modules"), join(folder, "toolchain", "node", "node_modules"));
  git("init", "--quiet", "--initial-branch=main");
  const commit = (): void => {
    git("add", "--all");
    git("-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "commit", "--quiet", "--message", "as it is");
  };
  const check = () => spawnSync(join(folder, ".github", "scripts", "generated-pages.sh"), { cwd: folder, encoding: "utf8" });
  commit();
  const clean = check();
  assert.equal(clean.status, 0, `${clean.stdout}${clean.stderr}`);
  const pages = ["docs/platforms/lambda.md", "docs/gotchas.md", "docs/policies.md"];
  for (const page of pages) writeFileSync(join(folder, page), readFileSync(join(folder, page), "utf8").replace(/LAM1\b/, "LAM99"));
  commit();
  const stale = check();
  assert.equal(stale.status, 1, stale.stdout);
  for (const words of [...pages, "next: npm run docs"]) assert.ok(stale.stdout.includes(words), `${words}\n${stale.stdout}`);
});

test("a verdict that nobody gave is no pass", (t) => {
  const repository = new Repository(t);
  repository.script("plan.sh");
  assert.equal(repository.script("verdict.sh").code, 1);
  assert.equal(repository.script("verdict.sh", { PLAN_CODE: "0" }).code, 1);
});

test("every action is of a fixed major version, no step pastes what a stranger typed into a shell, and every script can be run", () => {
  for (const file of workflows) {
    for (const { uses, run } of jobsOf(file).flatMap(({ steps }) => steps)) {
      if (uses !== undefined) assert.match(uses, /^(actions|github)\/[\w/-]+@v\d+$/, file);
      assert.doesNotMatch(run ?? "", /\$\{\{/, file);
      for (const [path] of (run ?? "").matchAll(/\.github\/scripts\/[\w.-]+/g)) assert.ok(existsSync(join(root, path)), path);
      for (const [, name] of (run ?? "").matchAll(/\$SCRIPTS\/([\w.-]+)/g)) assert.ok(existsSync(join(folder, "scripts", name ?? "")), name);
    }
  }
  for (const script of scripts) accessSync(script, constants.X_OK);
});

test("the workflows are what GitHub accepts (actionlint)", (t) => {
  const found = actionlint(workflows);
  if ("skipped" in found) t.skip(found.skipped);
  else assert.equal(found.code, 0, found.output);
});

test("the scripts of the workflows have no fault that shellcheck knows", (t) => {
  const found = spawnSync("shellcheck", scripts, { encoding: "utf8" });
  if (found.error !== undefined) {
    t.skip("shellcheck was not run: it is not installed here");
    return;
  }
  assert.equal(found.status, 0, found.stdout);
});
