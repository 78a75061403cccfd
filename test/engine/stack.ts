/**
 * A scratch Pulumi project on the real engine: its own backend, PULUMI_HOME, custody and sandbox, with Holdfast installed as a
 * package beside it. Every test has its own, so tests neither see nor disturb each other.
 */
import { execa } from "execa";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { stringify } from "yaml";
import { openCustody } from "../../custody";
import type { RunCustody } from "../../custody";
import { resetSandbox } from "../../sandbox";
import { until } from "./until";

/** Root of the package under test. */
export const packageRoot = resolve(__dirname, "..", "..", "..");

export interface CommandResult {
  readonly exitCode: number;
  /** stdout and stderr as a person would see them, in order. */
  readonly output: string;
}

export interface ScratchOptions {
  /** Merged over the stack's default config (without the namespace). */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Text of index.js; default: the run of the stack's config. */
  readonly program?: string;
  /** Knobs of the sandbox, set before anything is launched. */
  readonly knobs?: Readonly<Record<string, unknown>>;
  /** Default: test. */
  readonly stack?: string;
  /** Another project of the same account at the vendor: its own custody, backend and keys. */
  readonly accountOf?: ScratchStack;
}

const defaultProgram = `const { runFromStackConfig } = require("holdfast");\nconst run = runFromStackConfig();\nexports.directory = run.directory;\nexports.address = run.address;\n`;

export class ScratchStack {
  readonly directory = mkdtempSync(join(tmpdir(), "holdfast-engine-"));
  readonly stack: string;
  /** Added to the environment of every command, until it is emptied again. */
  extraEnvironment: Readonly<Record<string, string>> = {};
  private readonly environment: NodeJS.ProcessEnv;

  private constructor(
    private readonly options: ScratchOptions,
    /** The checkout that this one is another of: same project, backend and vendor, its own folder and home. */
    private readonly first: ScratchStack | null = null,
  ) {
    this.stack = options.stack ?? "test";
    const home = join(this.directory, "pulumi-home");
    const backend = join(first?.directory ?? this.directory, "state");
    for (const folder of [home, backend, join(this.directory, "node_modules")]) mkdirSync(folder, { recursive: true });
    symlinkSync(packageRoot, join(this.directory, "node_modules", "holdfast"));
    symlinkSync(join(packageRoot, "node_modules", "@pulumi"), join(this.directory, "node_modules", "@pulumi"));
    cpSync(join(packageRoot, "test", "engine", "fixtures", "quick"), join(this.directory, "job"), { recursive: true });
    writeFileSync(join(this.directory, "Pulumi.yaml"), stringify({ name: "scratch", runtime: { name: "nodejs", options: { typescript: false } }, main: "index.js" }));
    writeFileSync(join(this.directory, "package.json"), JSON.stringify({ name: "scratch", version: "0.0.0", main: "index.js" }));
    this.writeProgram(options.program ?? defaultProgram);
    if (first === null) this.writeConfig(options.config ?? {});
    else for (const name of [`Pulumi.${this.stack}.yaml`, "job", "holdfast.trust.yaml"]) if (existsSync(join(first.directory, name))) cpSync(join(first.directory, name), join(this.directory, name), { recursive: true });
    this.environment = {
      PATH: process.env["PATH"],
      HOME: this.directory,
      LANG: "C.UTF-8",
      PULUMI_BACKEND_URL: `file://${backend}`,
      PULUMI_HOME: home,
      PULUMI_CONFIG_PASSPHRASE: "",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      ...(process.env["NODE_COMPILE_CACHE"] ? { NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] } : {}),
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      HOLDFAST_SANDBOX_DIR: this.sandboxDirectory,
      HOLDFAST_PACE_DIR: join(this.directory, "pace"),
      ...(process.env["HOLDFAST_DEBUG"] ? { HOLDFAST_DEBUG: process.env["HOLDFAST_DEBUG"] } : {}),
    };
  }

  static async create(options: ScratchOptions = {}): Promise<ScratchStack> {
    const scratch = new ScratchStack(options);
    if (scratch.vendorOf === null) await scratch.startSandbox();
    const init = await scratch.pulumi("stack", "init", scratch.stack);
    if (init.exitCode !== 0) throw new Error(init.output);
    return scratch;
  }

  /** A colleague's checkout of the same project, or a job's in CI: nothing of this one's custody is in it. */
  anotherCheckout(): ScratchStack {
    return new ScratchStack(this.options, this);
  }

  /** For every command from here on; undefined takes it away. */
  setVariable(name: string, value: string | undefined): void {
    if (value === undefined) Reflect.deleteProperty(this.environment, name);
    else this.environment[name] = value;
  }

  /** What the commands of this stack see of the environment. */
  get environmentOfCommands(): NodeJS.ProcessEnv {
    return { ...this.environment, ...this.extraEnvironment };
  }

  /** Whose sandbox is used; null: an own one. */
  private get vendorOf(): ScratchStack | null {
    return this.first ?? this.options.accountOf ?? null;
  }

  get sandboxDirectory(): string {
    return this.vendorOf?.sandboxDirectory ?? join(this.directory, ".holdfast", "sandbox");
  }

  writeProgram(text: string): void {
    writeFileSync(join(this.directory, "index.js"), text);
  }

  /** Replaces the stack's config; `overrides` are merged over the defaults of a quick run. */
  writeConfig(overrides: Readonly<Record<string, unknown>>): void {
    const config = {
      platform: "lambda",
      job: "job/job.yaml",
      storage: { create: {} },
      teardown: { verb: "terminate", storage: "delete", require: "pulled" },
      capacity: { candidates: ["cpu_4x_general"], maxWaitMinutes: 10, maxAttempts: 5, maxHourlyUsd: 1 },
      budget: { maxHours: 2, maxUsd: 2 },
      lambda: { endpoint: "sandbox", image: { family: "lambda-stack-24-04" } },
      ...overrides,
    };
    const path = join(this.directory, `Pulumi.${this.stack}.yaml`);
    const salt = existsSync(path) ? /^encryptionsalt: .*$/m.exec(readFileSync(path, "utf8"))?.[0] : undefined;
    const text = stringify({ config: Object.fromEntries(Object.entries(config).map(([key, value]) => [`holdfast:${key}`, value])) });
    writeFileSync(path, salt === undefined ? text : `${salt}\n${text}`);
  }

  /** Edits the job file of the scratch project. */
  writeJob(edit: (text: string) => string): void {
    const path = join(this.directory, "job", "job.yaml");
    writeFileSync(path, edit(readFileSync(path, "utf8")));
  }

  /** Runs the real command line in the scratch project. Resolves for every exit code. */
  async pulumi(...args: string[]): Promise<CommandResult> {
    return this.run("pulumi", [...args, "--non-interactive", "--color", "never"]);
  }

  async up(...args: string[]): Promise<CommandResult> {
    return this.pulumi("up", "--yes", "--skip-preview", "--stack", this.stack, ...args);
  }

  /** Kills an update, its engine and its providers as soon as `when` holds, and frees the stack's lock. False when it ended before. */
  async upKilledWhen(when: () => boolean): Promise<boolean> {
    const args = ["up", "--yes", "--skip-preview", "--stack", this.stack, "--non-interactive", "--color", "never"];
    const child = execa("pulumi", args, { cwd: this.directory, env: this.environment, extendEnv: false, reject: false, stdio: "ignore", detached: true });
    const update = { ended: false };
    void child.then(() => (update.ended = true));
    while (!update.ended && !when()) await pause(10);
    const killed = !update.ended;
    if (killed && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    await child;
    await this.pulumi("cancel", "--yes", "--stack", this.stack);
    return killed;
  }

  async destroy(...args: string[]): Promise<CommandResult> {
    return this.pulumi("destroy", "--yes", "--skip-preview", "--stack", this.stack, ...args);
  }

  /** Runs the holdfast command in the scratch project. */
  async holdfast(...args: string[]): Promise<CommandResult> {
    return this.run(process.execPath, [join(packageRoot, "dist", "cli", "main.js"), ...args]);
  }

  /** Starts the holdfast command and lets it run; `kill` ends it without a word. */
  startHoldfast(...args: string[]): { kill(): Promise<void> } {
    const child = execa(process.execPath, [join(packageRoot, "dist", "cli", "main.js"), ...args], { cwd: this.directory, env: { ...this.environment, ...this.extraEnvironment }, extendEnv: false, reject: false, stdin: "ignore" });
    return {
      kill: async () => {
        child.kill("SIGKILL");
        await child;
      },
    };
  }

  private async run(command: string, args: readonly string[]): Promise<CommandResult> {
    const result = await execa(command, args, { cwd: this.directory, env: this.environmentOfCommands, extendEnv: false, all: true, reject: false, stdin: "ignore" });
    return { exitCode: result.exitCode ?? -1, output: result.all };
  }

  /** Custody of the one run, as any other process would open it. */
  custody(name = "quick"): RunCustody {
    return openCustody(this.directory).run({ project: "scratch", stack: this.stack, name });
  }

  async resources(): Promise<{ type: string; id?: string; urn: string; inputs?: Record<string, unknown>; outputs?: Record<string, unknown> }[]> {
    const exported = await this.pulumi("stack", "export", "--stack", this.stack);
    const json = JSON.parse(exported.output.slice(exported.output.indexOf("{"))) as { deployment: { resources?: { type: string; urn: string }[] } };
    return json.deployment.resources ?? [];
  }

  /** What the sandbox's admin interface answers. */
  async sandbox<T>(path: string, init: { method?: string; body?: unknown } = {}): Promise<T> {
    const descriptor = JSON.parse(readFileSync(join(this.sandboxDirectory, "daemon.json"), "utf8")) as { adminUrl: string; apiKeyFile: string };
    const response = await fetch(`${descriptor.adminUrl}${path}`, {
      method: init.method ?? "GET",
      headers: { "x-sandbox-token": readFileSync(descriptor.apiKeyFile, "utf8").trim(), "content-type": "application/json" },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** The vendor API itself, with the sandbox's key. */
  async vendor<T>(path: string): Promise<T> {
    const descriptor = JSON.parse(readFileSync(join(this.sandboxDirectory, "daemon.json"), "utf8")) as { url: string; apiKeyFile: string };
    // The vendor counts every client's requests together, and a command that has just ended may have used up this moment's.
    return until(`the vendor answers GET ${path}`, async () => {
      const response = await fetch(`${descriptor.url}${path}`, { headers: { authorization: `Bearer ${readFileSync(descriptor.apiKeyFile, "utf8").trim()}` } });
      return response.ok && ((await response.json()) as { data: T }).data;
    });
  }

  /** A mutation at the vendor that Holdfast knows nothing of, as a person would make it in the console. */
  async post<T>(path: string, body: unknown): Promise<T> {
    const descriptor = JSON.parse(readFileSync(join(this.sandboxDirectory, "daemon.json"), "utf8")) as { url: string; apiKeyFile: string };
    const response = await fetch(`${descriptor.url}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${readFileSync(descriptor.apiKeyFile, "utf8").trim()}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { data: T }).data;
  }

  private async startSandbox(): Promise<void> {
    const started = await this.holdfast("sandbox", "start", "--time-scale", "120");
    if (started.exitCode !== 0) throw new Error(started.output);
    if (this.options.knobs) await this.sandbox("/knobs", { method: "PATCH", body: this.options.knobs });
  }

  /** Ends the sandbox and its instances and removes everything. */
  async close(): Promise<void> {
    if (this.vendorOf === null) await resetSandbox(this.sandboxDirectory);
    if (!process.env["HOLDFAST_KEEP_SCRATCH"]) rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Runs `body` with a scratch stack that is removed whatever happens. */
export async function withScratch(options: ScratchOptions, body: (scratch: ScratchStack) => Promise<void>): Promise<void> {
  const scratch = await ScratchStack.create(options);
  try {
    await body(scratch);
  } finally {
    await scratch.close();
  }
}
