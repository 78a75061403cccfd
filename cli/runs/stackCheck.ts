/** A stack's files judged as a whole, offline: every fault and finding at once, each with its file and line. */
import { existsSync, readFileSync } from "node:fs";
import { relative, resolve as resolvePath, sep } from "node:path";
import { messageOf, UserError } from "../../custody/userError";
import { collectStackConfig, ConfigError, parseJob, parseStackConfig, profileFor, renderPath, resolve, type PropertyPath, type StackConfig } from "../../profiles";
import type { Plan } from "../../profiles/plan";
import { readJob } from "../../providers/job/source";
import type { Finding, Judgement, PolicyConfig } from "./findings";
import { projectName } from "./pulumiProject";
import { flatConfig, locateStack, shortName, type StackChoice } from "./stackPlan";
import { YamlSource } from "../../profiles";

export interface ResolvedStack {
  readonly plan: Plan;
  readonly config: StackConfig;
}

export interface StackCheck {
  readonly project: string;
  readonly stack: string;
  /** null: the files are not valid, and the findings say why. */
  readonly resolved: ResolvedStack | null;
  readonly findings: readonly Finding[];
  /** File and line of a property as it is typed in config: `["storage", "region"]`, `["job", "roster", 1]`. */
  readonly place: (path: PropertyPath) => Pick<Finding, "file" | "line">;
}

/** Facts are doubted for their age at `now`. Throws UserError only when there is no such project or stack. */
export async function checkStack(projectRoot: string, choice: StackChoice, now: Date, policies: PolicyConfig = {}): Promise<StackCheck> {
  const files = readStackFiles(projectRoot, choice);
  const place = (path: PropertyPath): Pick<Finding, "file" | "line"> => placeOf(files, path);
  const { resolved, faults } = resolveFiles(projectRoot, files, now);
  const findings = [...faults];
  if (resolved !== null) {
    const { judgePlan } = await import("./findings.js");
    for (const judgement of await judgePlan(resolved.plan, policies)) findings.push({ ...judgement, ...placeOfProperty(files, judgement) });
  }
  return { project: files.project, stack: shortName(files.stack), resolved, findings: findings.sort(byPlace), place };
}

interface StackFiles {
  readonly project: string;
  readonly stack: string;
  readonly config: YamlSource;
  /** null: the job is written in the config, or its file cannot be read. */
  readonly job: YamlSource | null;
}

function readStackFiles(projectRoot: string, choice: StackChoice): StackFiles {
  const { stack, path } = locateStack(projectRoot, choice);
  const read = (file: string): YamlSource => new YamlSource(relative(projectRoot, file).split(sep).join("/"), readFileSync(file, "utf8"));
  const config = read(path);
  const project = projectName(projectRoot);
  const job = config.errors.length > 0 ? undefined : collectStackConfig(flatConfig(config.value, project))["job"];
  const jobFile = typeof job === "string" ? resolvePath(projectRoot, job) : null;
  return { project, stack, config, job: jobFile !== null && existsSync(jobFile) ? read(jobFile) : null };
}

/** Both files are parsed whatever is wrong with the other one. */
function resolveFiles(projectRoot: string, files: StackFiles, now: Date): { resolved: ResolvedStack | null; faults: Finding[] } {
  if (files.config.errors.length > 0) return { resolved: null, faults: syntaxFaults(files.config) };
  const { project, stack, config: source } = files;
  const faults: Finding[] = [];
  const attempt = <T>(read: () => T, path: (fault: PropertyPath) => PropertyPath = (fault) => fault): T | null => {
    try {
      return read();
    } catch (thrown) {
      if (!(thrown instanceof UserError)) throw thrown;
      faults.push(...faultsOf(thrown, files, path));
      return null;
    }
  };
  const config = attempt(() => parseStackConfig(collectStackConfig(flatConfig(source.value, project)), source.file));
  const { job } = files;
  if (job !== null && job.errors.length > 0) faults.push(...syntaxFaults(job));
  else if (job !== null) attempt(() => parseJob(job.value, job.file), (path) => ["job", ...path]);
  if (config === null || faults.length > 0) return { resolved: null, faults };
  const plan = attempt(() => {
    const { request, code, inputs, lock } = readJob(config, projectRoot);
    const run = { project, stack: shortName(stack), name: request.name };
    return resolve(request, profileFor(config.platform), { run, config, codeSha256: code.sha256, inputs, lock, now });
  });
  return { resolved: plan === null ? null : { plan, config }, faults };
}

const syntaxFaults = (source: YamlSource): Finding[] =>
  source.errors.map(({ message, line }) => ({ ...configFault, where: "(document)", what: message, instead: null, file: source.file, line }));

const configFault = { ruleId: "config", level: "error", why: null } as const;

function faultsOf(error: UserError, files: StackFiles, pathOf: (fault: PropertyPath) => PropertyPath): Finding[] {
  if (!(error instanceof ConfigError)) {
    // What else fails here is about the job: its file, or the folder of its code.
    const path = error.code === "config" || files.job === null ? ["job"] : ["job", "code"];
    return [{ ...configFault, where: path.join("."), what: `${path.length === 1 ? "cannot be used: " : ""}${messageOf(new Error(error.message))}`, instead: error.next[0] ?? null, ...placeOf(files, path) }];
  }
  return error.faults.map((fault) => {
    const path = pathOf(fault.path);
    return { ...configFault, where: renderPath(path), what: fault.message, instead: null, ...placeOf(files, path) };
  });
}

function placeOf({ config, job }: StackFiles, path: PropertyPath): Pick<Finding, "file" | "line"> {
  const [first, ...rest] = path;
  if (first === "job" && job !== null) return { file: job.file, line: job.locate(rest).line };
  const here = config.locate(["config", `holdfast:${first ?? ""}`, ...rest]);
  // What is not written at all is missing beside the platform.
  return { file: config.file, line: here.depth >= 2 ? here.line : config.locate(["config", "holdfast:platform"]).line };
}

/** A rule names what the reader typed, or a part of the plan that follows from it. */
function placeOfProperty(files: StackFiles, { where }: Judgement): Pick<Finding, "file" | "line"> {
  const [typed = ""] = where.replace(/ \(.*$/, "").split(" or ");
  const path = [...typed.matchAll(/[^.[\]]+/g)].map(([step]) => (/^\d+$/.test(step) ? Number(step) : step));
  if (path[0] !== "plan") return placeOf(files, path);
  const origins: Readonly<Record<string, PropertyPath>> = { durable: ["storage"], teardown: ["teardown"], clocks: ["platform"] };
  return placeOf(files, origins[String(path[1])] ?? ["platform"]);
}

const byPlace = (a: Finding, b: Finding): number => rank[a.level] - rank[b.level] || a.file.localeCompare(b.file) || a.line - b.line;
const rank = { error: 0, warning: 1, note: 2 } as const;
