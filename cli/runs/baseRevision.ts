/** A stack as another git revision has it: its files alone, in a temporary folder; the checkout and its index are not touched. */
import { execa } from "execa";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join, posix, relative, resolve, sep } from "node:path";
import { messageOf, UserError } from "../../custody/userError";
import { collectStackConfig } from "../../profiles";
import { projectName } from "./pulumiProject";
import type { ResolvedStack } from "./stackCheck";
import { checkStack } from "./stackCheck";
import { flatConfig, locateStack, type StackChoice } from "./stackPlan";
import { YamlSource } from "../../profiles";

export interface BaseStack {
  /** The commit's full hash. */
  readonly commit: string;
  /** null: there is nothing to compare with, and `why` says the reason. */
  readonly resolved: ResolvedStack | null;
  readonly why: string | null;
}

/** Throws UserError when there is no such revision, or git cannot say. */
export async function stackAt(projectRoot: string, ref: string, choice: StackChoice, now: Date): Promise<BaseStack> {
  const commit = await commitOf(projectRoot, ref);
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-base-")));
  try {
    const checkout = await openCheckout(projectRoot, commit, folder);
    const there = { ...choice, configFile: checkout.named(choice.configFile) };
    const missing = await checkout.stackFiles(there);
    if (missing !== null) return { commit, resolved: null, why: missing };
    const { resolved, findings } = await checkStack(checkout.project, there, now);
    const [first] = findings;
    return { commit, resolved, why: resolved === null ? `its files are not valid there: ${first?.file ?? ""}:${first?.line ?? 1} ${first?.where ?? ""} ${first?.what ?? ""}` : null };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function commitOf(projectRoot: string, ref: string): Promise<string> {
  const { exitCode, stdout } = await execa("git", ["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`], { cwd: projectRoot, reject: false });
  if (exitCode === 0) return stdout.trim();
  throw new UserError(`git knows no revision ${ref} here, so there is nothing to compare with.`, {
    code: "usage",
    next: [`git fetch origin ${ref.replace(/^origin\//, "")} (in a workflow: actions/checkout with fetch-depth: 0)`, "or leave --base out"],
  });
}

async function openCheckout(projectRoot: string, commit: string, folder: string): Promise<Checkout> {
  // Ends with a slash, or is empty at the top of the repository.
  const { stdout: below } = await execa("git", ["rev-parse", "--show-prefix"], { cwd: projectRoot });
  const project = join(folder, "tree", below.trim());
  mkdirSync(project, { recursive: true });
  return new Checkout(projectRoot, commit, folder, project);
}

class Checkout {
  constructor(
    private readonly projectRoot: string,
    private readonly commit: string,
    private readonly folder: string,
    /** Where the project's files of that revision are written. */
    readonly project: string,
  ) {}

  /** Writes what is needed to resolve the stack: its config, its job file, its code. Says what is not there, or null. */
  async stackFiles(choice: StackChoice): Promise<string | null> {
    await this.git(["read-tree", this.commit]);
    await this.take((path) => /^Pulumi\.[^/]*$/.test(path) || path === choice.configFile);
    if (!existsSync(join(this.project, "Pulumi.yaml"))) return "there is no project there yet";
    const path = this.configPath(choice);
    if (path === null) return "the stack has no config there yet";
    const config = new YamlSource("", readFileSync(path, "utf8"));
    if (config.errors.length > 0) return null;
    const job = collectStackConfig(flatConfig(config.value, projectName(this.project)))["job"];
    const code = typeof job === "string" ? await this.takeJob(job) : posix.normalize(codeOf(job));
    const inside = `${code.replace(/\/$/, "")}/`;
    await this.take((file) => inside === "./" || file.startsWith(inside));
    return null;
  }

  /** A config file inside the project, by its path there. */
  named(configFile: string | undefined): string | undefined {
    if (configFile === undefined) return undefined;
    return relative(this.projectRoot, isAbsolute(configFile) ? configFile : resolve(this.projectRoot, configFile)).split(sep).join("/");
  }

  /** The job file; its code's folder, relative to the project. */
  private async takeJob(job: string): Promise<string> {
    const file = posix.normalize(job.split(sep).join("/"));
    await this.take((path) => path === file);
    const full = join(this.project, file);
    if (!existsSync(full)) return posix.dirname(file);
    const source = new YamlSource(file, readFileSync(full, "utf8"));
    return posix.join(posix.dirname(file), source.errors.length > 0 ? "." : codeOf(source.value));
  }

  private configPath(choice: StackChoice): string | null {
    try {
      return locateStack(this.project, choice).path;
    } catch (thrown) {
      if (thrown instanceof UserError) return null;
      throw thrown;
    }
  }

  /** Writes the files of the project that are wanted; paths are relative to the project. */
  private async take(isWanted: (path: string) => boolean): Promise<void> {
    const listed = (await this.git(["ls-files", "-z", "--cached"])).split("\0").filter((path) => path !== "" && isWanted(path));
    if (listed.length === 0) return;
    await this.git(["checkout-index", "--force", "-z", "--stdin", `--prefix=${join(this.folder, "tree")}/`], `${listed.join("\0")}\0`);
  }

  private async git(args: readonly string[], input = ""): Promise<string> {
    try {
      const { stdout } = await execa("git", [...args], { cwd: this.projectRoot, env: { GIT_INDEX_FILE: join(this.folder, "index") }, input, stripFinalNewline: false });
      return stdout;
    } catch (cause) {
      throw new UserError(`git could not read ${this.commit}: ${messageOf(cause).split("\n")[0] ?? ""}`, { code: "usage", cause });
    }
  }
}

const codeOf = (job: unknown): string => {
  const code = typeof job === "object" && job !== null ? (job as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : ".";
};
