/** A git repository with a project in a subfolder, and the scripts of the workflow run in it as GitHub would. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import type { TestContext } from "node:test";

export const root = resolve(__dirname, "..", "..", "..");
const program = join(root, "dist", "cli", "main.js");

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StepOutcome extends Outcome {
  /** What the step wrote to GITHUB_OUTPUT. */
  readonly outputs: string;
}

export interface Sarif {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly { readonly id: string }[] } };
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly locations: readonly { readonly physicalLocation: { readonly artifactLocation: { readonly uri: string }; readonly region: { readonly startLine: number } } }[];
    }[];
  }[];
}

export const STACK = `config:
  holdfast:platform: lambda
  holdfast:job: job/job.yaml
  holdfast:storage: {create: {region: us-east-1}}
  holdfast:teardown: {verb: terminate, storage: keep, require: pulled}
  holdfast:capacity: {candidates: [gpu_1x_a10], maxHourlyUsd: 1}
  holdfast:budget: {maxHours: 2, maxUsd: 5}
`;

export const JOB = `name: digits
command: python3 train.py
code: .
resources: {gpu: {count: 1}}
roster:
  - {name: a, args: []}
  - {name: b, args: []}
`;

export class Repository {
  readonly top = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-pr-")));
  readonly project = join(this.top, "infra");
  readonly out = join(this.top, ".holdfast-check");

  /** `main` has a good stack; the branch `change` is checked out. */
  constructor(t: TestContext) {
    t.after(() => {
      rmSync(this.top, { recursive: true, force: true });
    });
    this.git("init", "--quiet", "--initial-branch=main");
    this.write("infra/Pulumi.yaml", "name: lab\nruntime: nodejs\n");
    this.write("infra/Pulumi.dev.yaml", STACK);
    this.write("infra/job/job.yaml", JOB);
    this.write("infra/job/train.py", "print('training')\n");
    this.commit("a good stack");
    this.git("checkout", "--quiet", "-b", "change");
  }

  write(path: string, content: string): string {
    const target = join(this.top, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
    return target;
  }

  commit(message: string): void {
    this.git("add", "--all");
    this.git("-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "commit", "--quiet", "--message", message);
  }

  git(...args: readonly string[]): string {
    return execFileSync("git", [...args], { cwd: this.top, encoding: "utf8", env: { PATH: process.env["PATH"], HOME: this.top, GIT_CONFIG_NOSYSTEM: "1" } });
  }

  holdfast(...args: readonly string[]): Outcome {
    return this.spawn(process.execPath, [program, ...args], {});
  }

  /** A script of the workflow alone. */
  script(name: string, env: NodeJS.ProcessEnv = {}): StepOutcome {
    return this.step(join(root, ".github", "scripts", name), { HOLDFAST: `${process.execPath} ${program}`, STACK: "dev", OUT: this.out, BASE: "main", ...env });
  }

  /** A step's shell lines in the project's folder; its outputs come back as text. */
  step(run: string, env: NodeJS.ProcessEnv): StepOutcome {
    const output = join(this.top, "outputs.txt");
    rmSync(output, { force: true });
    const outcome = this.spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", run], { GITHUB_OUTPUT: output, ...env });
    return { ...outcome, outputs: existsSync(output) ? readFileSync(output, "utf8") : "" };
  }

  comment(): string {
    return readFileSync(join(this.out, "comment.md"), "utf8");
  }

  sarif(): Sarif {
    return JSON.parse(readFileSync(join(this.out, "plan.sarif"), "utf8")) as Sarif;
  }

  /** A program on the PATH of scripts, written in sh or for node. */
  fake(name: string, content: string): void {
    const path = this.write(`bin/${name}`, content);
    chmodSync(path, 0o755);
  }

  private spawn(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Outcome {
    const path = [join(this.top, "bin"), dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter);
    const { status, stdout, stderr } = spawnSync(command, [...args], { cwd: this.project, encoding: "utf8", env: { PATH: path, HOME: this.top, LANG: "C.UTF-8", GIT_CONFIG_NOSYSTEM: "1", ...env } });
    return { code: status ?? -1, stdout, stderr };
  }
}
