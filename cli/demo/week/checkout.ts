/** One person's checkout of the week's project, and the commands typed in it: their own home, custody and keys. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { openCustody } from "../../../custody";
import type { RunCustody } from "../../../custody";
import { systemClock } from "../../../custody/clock";
import { run as runInThisProcess } from "../../main";
import type { CommandOutcome, Commands } from "../commands";
import { engineWords } from "../commands";
import { packageRoot } from "../world";

export interface Person {
  /** As the prompt says it. */
  readonly name: string;
  readonly directory: string;
  readonly home: string;
  readonly variables: Readonly<Record<string, string>>;
}

export class Checkout {
  private readonly environment: NodeJS.ProcessEnv;

  constructor(
    readonly person: Person,
    private readonly commands: Commands,
    appearance: Readonly<Record<string, string>>,
  ) {
    mkdirSync(person.home, { recursive: true });
    this.environment = { PATH: process.env.PATH, LANG: "C.UTF-8", HOME: person.home, PULUMI_HOME: join(person.home, ".pulumi"), ...person.variables, ...appearance };
  }

  get directory(): string {
    return this.person.directory;
  }

  /** Types a line of `pulumi`, `holdfast` or `git`, quotes and all. Resolves for every exit code. */
  async type(line: string, onLine?: (line: string) => void): Promise<CommandOutcome> {
    const [program = "", verb = "", ...rest] = (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'(.*)'$/, "$1"));
    const place = { cwd: this.directory, env: this.environment, alone: true, onLine };
    if (program === "holdfast") return this.commands.run(process.execPath, [join(packageRoot, "dist", "cli", "main.js"), verb, ...rest], place);
    const consent = program === "pulumi" && (verb === "up" || verb === "destroy") ? ["--yes", "--skip-preview"] : [];
    return this.commands.run(program, [verb, ...rest, ...consent, ...(program === "pulumi" ? engineWords : [])], place);
  }

  /** What `git clone` brings of somebody else's checkout: what is committed, and nothing else. Throws when git does. */
  async cloneOf(other: Checkout): Promise<void> {
    const { exitCode, output } = await this.commands.run("git", ["clone", "-q", other.directory, this.directory], { cwd: this.person.home, env: this.environment, alone: true });
    if (exitCode !== 0) throw new Error(output);
  }

  /** The holdfast command as it answers at another time: this computer's clock says `now`. */
  async typeAt(now: Date, words: readonly string[]): Promise<CommandOutcome> {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const text = { out: "", all: "" };
    stdout.setEncoding("utf8").on("data", (chunk: string) => { text.out += chunk; text.all += chunk; });
    stderr.setEncoding("utf8").on("data", (chunk: string) => { text.all += chunk; });
    const ahead = now.getTime() - Date.now();
    const clock = { ...systemClock, now: () => new Date(Date.now() + ahead) };
    const exitCode = await runInThisProcess(words, { stdin: Readable.from([]), stdout, stderr, env: this.environment, cwd: this.directory, clock });
    return { exitCode, output: text.all, stdout: text.out };
  }

  /** Custody of a run as this checkout knows it. In this week a stack has one run, which has its name. */
  custody(run: string, name = run): RunCustody {
    return openCustody(this.directory).run({ project: "week", stack: run, name });
  }
}
