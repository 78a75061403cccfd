/**
 * The demo's own world: state, custody, sandbox and engine settings in one temporary folder, so that nothing of the user's is
 * touched. What is pulled goes to a folder that stays.
 */
import { execa } from "execa";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openCustody } from "../../custody";
import type { RunCustody } from "../../custody";
import type { RunRef } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import { askAdmin, daemonStatus, ensureDaemon, resetSandbox } from "../../sandbox";
import type { MeterReport } from "../../sandbox";
import { projectName } from "../runs/pulumiProject";

export const stackName = "demo";

/** dist/cli/demo/world.js is three folders below the package. */
export const packageRoot = join(__dirname, "..", "..", "..");

export interface CommandOutcome {
  readonly exitCode: number;
  /** stdout and stderr as they came. */
  readonly output: string;
  readonly stdout: string;
}

export interface VendorView {
  readonly instances: readonly { readonly id: string; readonly status: string; readonly name: string | null }[];
  readonly filesystems: readonly { readonly id: string; readonly name: string }[];
  readonly keys: readonly { readonly id: string; readonly name: string }[];
}

export class World {
  readonly directory = mkdtempSync(join(tmpdir(), "holdfast-demo-"));
  readonly projectRoot = packageRoot;
  readonly project: string;
  readonly artifacts: string;
  /** A command in progress; Ctrl-C waits for it. */
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly signal: AbortSignal,
    startedAt: Date,
    private readonly look: { readonly width: number; readonly colour: boolean },
  ) {
    this.project = projectName(this.projectRoot);
    this.artifacts = join(this.projectRoot, ".holdfast", "demo", startedAt.toISOString().replaceAll(/[:.]/g, "-").slice(0, 19), "artifacts");
    const backend = join(this.directory, "state");
    for (const folder of [backend, join(this.directory, "pulumi-home"), this.stackFolder]) mkdirSync(folder);
    // In this process too: custody is opened here as well as in the children.
    Object.assign(process.env, {
      HOLDFAST_PROJECT_ROOT: this.projectRoot,
      HOLDFAST_CUSTODY_DIR: join(this.directory, "custody"),
      HOLDFAST_SANDBOX_DIR: this.sandboxDirectory,
      PULUMI_BACKEND_URL: pathToFileURL(backend).href,
      PULUMI_HOME: join(this.directory, "pulumi-home"),
      PULUMI_CONFIG_PASSPHRASE: "",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    });
    delete process.env.PULUMI_STACK;
    delete process.env.PULUMI_CONFIG_PASSPHRASE_FILE;
  }

  get sandboxDirectory(): string {
    return join(this.directory, "sandbox");
  }

  get configFile(): string {
    return join(this.stackFolder, `Pulumi.${stackName}.yaml`);
  }

  /** `stack init` writes the encryption salt into the config file of the folder it is called in: here, not in the project. */
  private get stackFolder(): string {
    return join(this.directory, "stack");
  }

  /** A stack like the dev stack, in a backend of its own. Throws UserError when the engine refuses. */
  async createStack(): Promise<void> {
    cpSync(join(this.projectRoot, "Pulumi.yaml"), join(this.stackFolder, "Pulumi.yaml"));
    cpSync(join(this.projectRoot, "Pulumi.dev.yaml"), this.configFile);
    const made = await this.run("pulumi", ["stack", "init", stackName, "--no-select", "--non-interactive", "--cwd", this.stackFolder]);
    if (made.exitCode !== 0) throw new UserError(`The engine could not make the demo's stack:\n${made.output.trim()}`, { code: "engine", next: ["npm run demo (brings the engine along)", "holdfast doctor"] });
  }

  async startSandbox(): Promise<{ url: string; timeScale: number }> {
    return ensureDaemon(this.sandboxDirectory);
  }

  async pulumi(command: "up" | "destroy" | "preview", onLine?: (line: string) => void): Promise<CommandOutcome> {
    const skip = command === "preview" ? [] : ["--yes", "--skip-preview"];
    return this.run("pulumi", [command, ...skip, "--non-interactive", "--color", "never", "--stack", stackName, "--config-file", this.configFile], onLine);
  }

  /** The command line itself, as a person would start it; its tables as wide as there is room, in colour where that is wanted. */
  async holdfast(...args: readonly string[]): Promise<CommandOutcome> {
    const appearance = { COLUMNS: String(this.look.width), ...(this.look.colour ? { FORCE_COLOR: "1" } : {}) };
    return this.run(process.execPath, [join(packageRoot, "dist", "cli", "main.js"), ...args], undefined, appearance);
  }

  custody(name: string): RunCustody {
    return openCustody(this.projectRoot).run(this.ref(name));
  }

  ref(name: string): RunRef {
    return { project: this.project, stack: stackName, name };
  }

  /** What the vendor's own API lists, asked without any of Holdfast's clients. */
  async atVendor(): Promise<VendorView> {
    const status = await this.sandbox();
    const key = readFileSync(status.descriptor.apiKeyFile, "utf8").trim();
    const list = async (path: string): Promise<never[]> => {
      const response = await fetch(`${status.descriptor.url}${path}`, { headers: { authorization: `Bearer ${key}` } });
      if (!response.ok) throw new Error(`the sandbox answered ${response.status} to GET ${path}`);
      return ((await response.json()) as { data: never[] }).data;
    };
    // One after the other, at the vendor's pace of one request a second of its time.
    const pace = async (): Promise<void> => new Promise((done) => setTimeout(done, 1100 / status.descriptor.timeScale));
    const instances: VendorView["instances"] = await list("/instances");
    await pace();
    const filesystems: VendorView["filesystems"] = await list("/file-systems");
    await pace();
    const keys: VendorView["keys"] = await list("/ssh-keys");
    await pace();
    return { instances: instances.filter((instance) => !/terminat/.test(instance.status)), filesystems, keys };
  }

  async meter(): Promise<MeterReport> {
    return (await this.sandbox()).meter;
  }

  /** Number of terminate and delete requests that ever reached the vendor. */
  async destructiveRequests(): Promise<number> {
    const status = await this.sandbox();
    const log = (await (await askAdmin(status.descriptor, "GET", "/requests")).json()) as { method: string; path: string }[];
    return log.filter((request) => request.method === "DELETE" || request.path.endsWith("/terminate")).length;
  }

  /** The evidence stays beside the artifacts; the run's private SSH key does not. */
  keepEvidence(name: string): string {
    const target = join(this.artifacts, "..", "evidence");
    const run = this.custody(name);
    cpSync(run.dir, target, { recursive: true, filter: (source) => source !== run.paths.ssh });
    return target;
  }

  /** Ends what the demo started and removes the temporary folder; keeps it with `keep`. */
  async close(keep: boolean): Promise<void> {
    await this.running.catch(() => undefined);
    if (keep) return;
    await resetSandbox(this.sandboxDirectory);
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  private async sandbox(): Promise<Extract<Awaited<ReturnType<typeof daemonStatus>>, { running: true }>> {
    const status = await daemonStatus(this.sandboxDirectory);
    if (!status.running) throw new UserError("The demo's sandbox does not answer any more.", { code: "unreachable" });
    return status;
  }

  /**
   * Ctrl-C on a terminal reaches the child by itself; a second signal would make the engine let go of what it is doing. Without
   * a terminal it is passed on once.
   */
  private async run(program: string, args: readonly string[], onLine?: (line: string) => void, env: NodeJS.ProcessEnv = {}): Promise<CommandOutcome> {
    this.signal.throwIfAborted();
    const child = execa(program, args, { cwd: this.projectRoot, env, stdin: "ignore", all: true, reject: false, maxBuffer: 1 << 26 });
    const pass = (): void => {
      if (!process.stdin.isTTY) child.kill("SIGINT");
    };
    this.signal.addEventListener("abort", pass, { once: true });
    const ended = (async () => {
      if (onLine) for await (const line of child.iterable({ from: "all" })) onLine(line);
      return child;
    })();
    this.running = ended;
    const result = await ended.finally(() => {
      this.signal.removeEventListener("abort", pass);
    });
    this.signal.throwIfAborted();
    return { exitCode: result.exitCode ?? -1, output: result.all, stdout: result.stdout };
  }
}

/** Text of a file in the pulled copy; null when it is not there. */
export const readIfThere = (path: string): string | null => (existsSync(path) ? readFileSync(path, "utf8") : null);
