/** The scheduled keeper on a machine that is thrown away after each pass: nobody is told twice, and no only copy is thrown away with it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative } from "node:path";
import { test } from "node:test";
import { parse, stringify } from "yaml";
import { ensureSigner } from "../../custody/signing/keys";
import { openCustody, trustEntry } from "../../custody";
import { actionlint } from "../pullRequest/actionlint";
import { packageRoot } from "../engine/stack";
import { atNight, destroysIn, toldIn, type Night } from "./night";
import { program, withProject } from "./project";

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly if?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

interface Workflow {
  readonly on: { readonly schedule: readonly { cron: string }[] };
  readonly concurrency: { readonly group: string; readonly "cancel-in-progress": boolean };
  readonly jobs: { readonly keeper: { readonly env: Readonly<Record<string, string>>; readonly steps: readonly Step[] } };
}

interface Passed {
  readonly code: number;
  readonly output: string;
  readonly summary: string;
  /** The checkout of this pass. */
  readonly root: string;
}

/** What GitHub has: the repository, the secrets, the cache; a machine of its own for each pass. */
class Schedule {
  private readonly top = mkdtempSync(join(tmpdir(), "holdfast-schedule-"));
  private readonly cache = join(this.top, "cache");
  private passes = 0;

  constructor(private readonly night: Night, readonly workflow: Workflow, readonly secrets: Record<string, string>) {}

  folder(name: string): string {
    return join(this.top, name);
  }

  /** The steps in their order, as the workflow says them. */
  pass(env: Readonly<Record<string, string>> = {}): Passed {
    const root = join(this.top, `machine-${this.passes += 1}`);
    cpSync(this.night.project.root, root, { recursive: true, filter: (path) => !/\/(\.holdfast|told|destroys|home|tier)$/.test(path) });
    const files = { GITHUB_ENV: join(this.top, "env"), GITHUB_STEP_SUMMARY: join(this.top, "summary") };
    for (const path of Object.values(files)) writeFileSync(path, "");
    const { env: ofJob, steps } = this.workflow.jobs.keeper;
    let output = "";
    let code = 0;
    try {
      for (const step of steps) {
        if (step.uses?.startsWith("actions/cache/restore@") === true && existsSync(this.cache)) cpSync(this.cache, root, { recursive: true });
        if (step.uses?.startsWith("actions/cache/save@") === true && (code === 0 || step.if === "always()")) this.save(root, step.with?.["path"] ?? "");
        if (step.run?.includes("$SCRIPTS/") !== true || code !== 0) continue;
        const given = Object.fromEntries(Object.entries(step.env ?? {}).map(([name, value]) => [name, value.replace(/^\$\{\{ secrets\.(\w+) \}\}$/, (_, secret: string) => this.secrets[secret] ?? "")]));
        const told = Object.fromEntries(readFileSync(files.GITHUB_ENV, "utf8").split("\n").filter(Boolean).map((line) => line.split("=", 2) as [string, string]));
        const outcome = spawnSync("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", step.run], {
          cwd: root, encoding: "utf8",
          env: { CI: "true", HOME: this.top, LANG: "C.UTF-8", PATH: [join(root, "bin"), dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter), ...files, ...told, ...ofJob, SCRIPTS: join(packageRoot, ".github", "scripts"), HOLDFAST: `${process.execPath} ${program}`, ...given, ...env },
        });
        output += `${outcome.stdout}${outcome.stderr}`;
        code = outcome.status ?? -1;
      }
    } finally {
      const agent = /^SSH_AGENT_PID=(\d+)$/m.exec(readFileSync(files.GITHUB_ENV, "utf8"))?.[1];
      if (agent !== undefined) process.kill(Number(agent));
    }
    return { code, output, summary: readFileSync(files.GITHUB_STEP_SUMMARY, "utf8"), root };
  }

  remove(): void {
    rmSync(this.top, { recursive: true, force: true });
  }

  private save(root: string, patterns: string): void {
    rmSync(this.cache, { recursive: true, force: true });
    for (const path of globSync(patterns.split("\n").filter(Boolean).map((pattern) => join(root, pattern)))) {
      const kept = join(this.cache, relative(root, path));
      mkdirSync(dirname(kept), { recursive: true });
      cpSync(path, kept);
    }
  }
}

/** A finished run of a person who shares the evidence, and a schedule whose key may pull. */
async function withSchedule(body: (schedule: Schedule, night: Night) => Promise<void> | void): Promise<void> {
  await atNight(async (night) => {
    const { project, machine } = night;
    const store = mkdtempSync(join(tmpdir(), "holdfast-shared-"));
    const keys = join(store, "ci-keys");
    const signer = ensureSigner(keys, "local");
    project.write("Pulumi.dev.yaml", `${readFileSync(join(project.root, "Pulumi.dev.yaml"), "utf8")}  holdfast:custody: {store: ${store}/team}\n`);
    const person = openCustody(project.root).signer();
    project.write("holdfast.trust.yaml", stringify({ v: 1, keys: [trustEntry({ name: "person", publicKey: person.publicKey }, ["pull", "approve"]), trustEntry({ name: "ci", publicKey: signer.publicKey }, ["pull"])] }));
    await project.holdfast("ls");
    const printed = await project.holdfast("keeper", "--print-workflow");
    const schedule = new Schedule(night, parse(printed.stdout) as Workflow, {
      HOLDFAST_SSH_KEY: readFileSync(machine.sshd.target.keyPath, "utf8").trim(), HOLDFAST_SIGNING_KEY: readFileSync(join(keys, "local.key"), "utf8").trim(), PULUMI_BACKEND_URL: "file:///srv/state",
    });
    try {
      await body(schedule, night);
    } finally {
      schedule.remove();
      rmSync(store, { recursive: true, force: true });
    }
  });
}

test("a scheduled pass ends no run whose only copy would go with the machine; with a folder that lasts it does, and tells each thing once", async () => {
  await withSchedule(async (schedule, { machine, project }) => {
    const first = schedule.pass();
    assert.equal(first.code, 3, first.output);
    assert.match(first.output, /a copy on this machine would not last[^]*::error title=Holdfast keeper::A person is needed/);
    assert.match(first.summary, /lab\/dev\/digits/);
    assert.equal(destroysIn(first.root), 0);
    assert.deepEqual(toldIn(first.root).map(({ kind }) => kind).sort(), ["clock.warning", "run.finished"]);
    assert.equal(existsSync(join(first.root, ".holdfast", "pulled")), false, "nothing is copied to a machine that is thrown away");

    const second = schedule.pass();
    assert.deepEqual([second.code, toldIn(second.root)], [3, []], second.output);

    const copies = schedule.folder("share");
    const third = schedule.pass({ COPIES: copies });
    assert.equal(third.code, 0, third.output);
    assert.equal(destroysIn(third.root), 1);
    assert.deepEqual(toldIn(third.root).map(({ kind }) => kind), ["run.ended"]);
    assert.ok(existsSync(join(copies, "lab", "dev", "digits", "cells", "b", "checkpoints", "step-000001.safetensors")));
    for (const secret of Object.values(schedule.secrets)) assert.equal(third.output.includes(secret.split("\n")[1] ?? secret), false);
    // The person's own checkout learns of it.
    await project.holdfast("ls");
    assert.ok(machine.run.view().auditClosed);
    const after = schedule.pass({ COPIES: copies });
    assert.deepEqual([after.code, toldIn(after.root)], [0, []], after.output);
  });
});

test("a schedule without a backend, or without a shared store, says so instead of watching nothing", async () => {
  await withSchedule((schedule) => {
    const { PULUMI_BACKEND_URL: _, ...others } = schedule.secrets;
    for (const name of Object.keys(schedule.secrets)) if (!(name in others)) Reflect.deleteProperty(schedule.secrets, name);
    const blind = schedule.pass();
    assert.deepEqual([blind.code, /Neither PULUMI_BACKEND_URL nor PULUMI_ACCESS_TOKEN is among the secrets/.test(blind.output)], [2, true], blind.output);
    schedule.secrets["PULUMI_BACKEND_URL"] = "file:///srv/state";
    const alone = schedule.pass({ HOLDFAST_CUSTODY_STORE: "none" });
    assert.notEqual(alone.code, 0, alone.output);
    assert.match(alone.output, /There is no custody store/);
  });
});

test("the printed workflow is what GitHub accepts, fits the project's folder, and never cuts a teardown off", async (t) => {
  await withProject(async (project) => {
    const folder = project.write("infra/Pulumi.yaml", "name: lab\nruntime: nodejs\n");
    mkdirSync(join(project.root, ".git"));
    const { stdout, code } = await project.holdfastWith({ cwd: dirname(folder) }, "keeper", "digits", "lab/dev/other", "--print-workflow");
    assert.equal(code, 0);
    assert.doesNotMatch(stdout, /@[A-Z]+@/);
    const workflow = parse(stdout) as Workflow & { readonly jobs: { readonly keeper: { readonly defaults: { readonly run: { readonly "working-directory": string } } } } };
    const { keeper } = workflow.jobs;
    assert.deepEqual([keeper.defaults.run["working-directory"], keeper.env["RUNS"], workflow.concurrency], ["infra", "digits lab/dev/other", { group: "holdfast-keeper", "cancel-in-progress": false }]);
    for (const { uses, run } of keeper.steps) {
      if (uses !== undefined) assert.match(uses, /^actions\/[\w/-]+@v\d+$/);
      assert.doesNotMatch(run ?? "", /\$\{\{/);
      for (const [, name] of (run ?? "").matchAll(/\$SCRIPTS\/([\w.-]+)/g)) assert.ok(existsSync(join(packageRoot, ".github", "scripts", name ?? "")), name);
    }
    const refused = await project.holdfast("keeper", "di$(gits)", "--print-workflow");
    assert.equal(refused.code, 2, refused.stderr);
    const found = actionlint([project.write(".github/workflows/holdfast-keeper.yml", stdout)]);
    if ("skipped" in found) t.diagnostic(found.skipped);
    else assert.equal(found.code, 0, found.output);
  });
});
