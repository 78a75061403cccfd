/**
 * The demo's own world: state, custody, sandbox and engine settings in one temporary folder, so that nothing of the user's is
 * touched. What is pulled goes to a folder that stays.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openCustody } from "../../custody";
import type { RunCustody } from "../../custody";
import type { RunRef } from "../../custody/formats";
import { UserError } from "../../custody/userError";
import { projectName } from "../runs/pulumiProject";
import type { CommandOutcome } from "./commands";
import { Commands, engineWords } from "./commands";
import type { DemoWorld } from "./stage";
import { Vendor } from "./vendor";

export const stackName = "demo";

/** dist/cli/demo/world.js is three folders below the package. */
export const packageRoot = join(__dirname, "..", "..", "..");

export class World implements DemoWorld {
  readonly directory = mkdtempSync(join(tmpdir(), "holdfast-demo-"));
  readonly projectRoot = packageRoot;
  readonly project: string;
  readonly artifacts: string;
  readonly vendor = new Vendor(join(this.directory, "sandbox"));
  private readonly commands: Commands;

  constructor(
    signal: AbortSignal,
    startedAt: Date,
    private readonly look: { readonly width: number; readonly colour: boolean },
  ) {
    this.commands = new Commands(signal);
    this.project = projectName(this.projectRoot);
    this.artifacts = join(this.projectRoot, ".holdfast", "demo", startedAt.toISOString().replaceAll(/[:.]/g, "-").slice(0, 19), "artifacts");
    const backend = join(this.directory, "state");
    for (const folder of [backend, join(this.directory, "pulumi-home"), this.stackFolder]) mkdirSync(folder);
    // In this process too: custody is opened here as well as in the children.
    Object.assign(process.env, {
      HOLDFAST_PROJECT_ROOT: this.projectRoot,
      HOLDFAST_CUSTODY_DIR: join(this.directory, "custody"),
      HOLDFAST_SANDBOX_DIR: this.vendor.directory,
      PULUMI_BACKEND_URL: pathToFileURL(backend).href,
      PULUMI_HOME: join(this.directory, "pulumi-home"),
      PULUMI_CONFIG_PASSPHRASE: "",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    });
    // The copies live as long as the folder of the demo, in CI as anywhere.
    delete process.env.CI;
    delete process.env.PULUMI_STACK;
    delete process.env.PULUMI_CONFIG_PASSPHRASE_FILE;
  }

  get variables(): Readonly<Record<string, string>> {
    const names = ["HOLDFAST_CUSTODY_DIR", "HOLDFAST_SANDBOX_DIR", "PULUMI_BACKEND_URL", "PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE"];
    return Object.fromEntries(names.map((name) => [name, process.env[name] ?? ""]));
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

  async pulumi(command: "up" | "destroy" | "preview", onLine?: (line: string) => void): Promise<CommandOutcome> {
    const skip = command === "preview" ? [] : ["--yes", "--skip-preview"];
    return this.run("pulumi", [command, ...skip, ...engineWords, "--stack", stackName, "--config-file", this.configFile], onLine);
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

  /** The evidence stays beside the artifacts; the run's private SSH key does not. */
  keepEvidence(name: string): string {
    const target = join(this.artifacts, "..", "evidence");
    const run = this.custody(name);
    cpSync(run.dir, target, { recursive: true, filter: (source) => source !== run.paths.ssh });
    return target;
  }

  async close(keep: boolean): Promise<void> {
    await this.commands.idle();
    if (keep) return;
    await this.vendor.reset();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  private async run(program: string, args: readonly string[], onLine?: (line: string) => void, env: NodeJS.ProcessEnv = {}): Promise<CommandOutcome> {
    return this.commands.run(program, args, { cwd: this.projectRoot, env, onLine });
  }
}

/** Text of a file in the pulled copy; null when it is not there. */
export const readIfThere = (path: string): string | null => (existsSync(path) ? readFileSync(path, "utf8") : null);
