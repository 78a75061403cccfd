/** holdfast plan: job and platform resolved and judged, offline, before anything is created. */
import { Command, Option } from "commander";
import { readFileSync } from "node:fs";
import { join, resolve as resolvePath } from "node:path";
import { UserError } from "../../custody/userError";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { exitCodes } from "../exitCodes";
import type { PlanReport } from "../render/planReport";
import { plainTitles, titlesOf } from "../render/teardown";
import type { StackCheck } from "../runs/stackCheck";
import type { Session } from "../terminal";

interface PlanOptions {
  readonly stack?: string;
  readonly format: "text" | "json" | "markdown" | "sarif";
  readonly configFile?: string;
  readonly base?: string;
  readonly policyPackConfig?: string;
}

export function planCommand(cli: Cli): Command {
  return new Command("plan")
    .summary("what a run will keep, lose and cost, offline")
    .description("show, offline, what a stack's run will keep, lose and cost, and what the policies say to it (exit code 3: something mandatory)")
    .option("-s, --stack <stack>", "stack whose Pulumi.<stack>.yaml is read (default: PULUMI_STACK, or the only one)")
    .option("--config-file <file>", "read this file instead of Pulumi.<stack>.yaml")
    .option("--base <revision>", "also say what changed since this git revision, and what the change replaces")
    .option("--policy-pack-config <file>", "levels and settings of the rules, as `pulumi preview` takes them")
    .addOption(new Option("--format <format>", "how to print it").choices(["text", "json", "markdown", "sarif"]).default("text"))
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        ["holdfast plan --stack dev", "tables for a person"],
        ["holdfast plan --stack dev --json", "the resolved plan, and under `check` what was found"],
        ["holdfast plan --base origin/main --format markdown", "the comment for a pull request"],
        ["holdfast plan --base origin/main --format sarif", "findings on the lines they are about"],
      ),
    )
    .action(cli.action((session, _args: [], options: PlanOptions) => show(session, options)));
}

async function show(session: Session, options: PlanOptions): Promise<ExitCode> {
  const { projectRootFrom } = await import("../../custody/index.js");
  const projectRoot = projectRootFrom(session.terminal.cwd, session.env);
  const report = await inspect(session, projectRoot, options);
  await print(session, projectRoot, session.json ? "json" : options.format, report);
  if (report.plan === null) return exitCodes.usage;
  return report.findings.some(({ level }) => level === "error") ? exitCodes.refused : exitCodes.ok;
}

async function inspect(session: Session, projectRoot: string, options: PlanOptions): Promise<PlanReport> {
  const { checkStack } = await import("../runs/stackCheck.js");
  const { readPolicyConfig } = await import("../runs/findings.js");
  const { profileFor } = await import("../../profiles/index.js");
  const choice = { stack: options.stack ?? session.env.PULUMI_STACK, configFile: options.configFile };
  const now = session.clock.now();
  const policies = options.policyPackConfig === undefined ? {} : readPolicyConfig(resolvePath(session.terminal.cwd, options.policyPackConfig));
  const head = await checkStack(projectRoot, choice, now, policies);
  const base = options.base === undefined ? null : await compare(projectRoot, options.base, { choice, now, head });
  return {
    project: head.project,
    stack: head.stack,
    plan: head.resolved?.plan ?? null,
    titles: head.resolved === null ? plainTitles : titlesOf(profileFor(head.resolved.plan.platform)),
    findings: [...head.findings, ...(base?.findings ?? [])],
    base: base?.base ?? null,
    assumedStart: now,
  };
}

async function compare(projectRoot: string, ref: string, { choice, now, head }: { choice: { stack: string | undefined; configFile: string | undefined }; now: Date; head: StackCheck }): Promise<{ base: PlanReport["base"]; findings: PlanReport["findings"] }> {
  const { stackAt } = await import("../runs/baseRevision.js");
  const { changesBetween } = await import("../runs/planChanges.js");
  const { findingsOfEdits } = await import("../runs/editFindings.js");
  const { commit, resolved, why } = await stackAt(projectRoot, ref, { ...choice, stack: head.stack }, now);
  const changes = resolved === null || head.resolved === null ? [] : changesBetween(resolved, head.resolved);
  return { base: { ref, commit, why, changes }, findings: findingsOfEdits(changes, head.place) };
}

async function print(session: Session, projectRoot: string, format: PlanOptions["format"], report: PlanReport): Promise<void> {
  switch (format) {
    case "text":
      await printText(session, report);
      return;
    case "json":
      session.printJson(await asJson(report));
      return;
    case "markdown": {
      const { renderMarkdown } = await import("../render/planMarkdown.js");
      session.terminal.stdout.write(renderMarkdown(report));
      return;
    }
    case "sarif":
      session.printJson(await asSarif(projectRoot, report));
      return;
  }
}

/** Throws what is wrong with the files: a terminal reads it as an error. */
async function printText(session: Session, report: PlanReport): Promise<void> {
  if (report.plan === null) {
    const { configErrors } = await import("../render/planReport.js");
    throw new UserError(configErrors(report.findings).map(({ message }) => message).join("\n"), { code: "config" });
  }
  const { renderPlan } = await import("../render/plan.js");
  const { renderCheck } = await import("../render/planFindings.js");
  const rendering = { paint: session.paint, width: session.width, titles: report.titles };
  session.print(`${renderPlan(report.plan, report.assumedStart, rendering)}\n\n${renderCheck(report, rendering)}`);
}

/** The plan's own keys without what looks like a secret, and `check`; only `check` when the files are not valid. */
async function asJson(report: PlanReport): Promise<object> {
  const { datedClocks, verdictOf } = await import("../render/planReport.js");
  const { withoutSecrets } = await import("../render/planShown.js");
  const { project, stack, plan, findings, base, assumedStart, titles } = report;
  const clocks = plan === null ? [] : datedClocks(plan, assumedStart, titles);
  return { ...(plan !== null && withoutSecrets(plan, findings)), check: { project, stack, verdict: verdictOf(report), assumedStart: assumedStart.toISOString(), clocks, base, findings } };
}

async function asSarif(projectRoot: string, report: PlanReport): Promise<object> {
  const { renderSarif } = await import("../render/planSarif.js");
  const { editRules } = await import("../runs/editFindings.js");
  const { rules } = await import("../../policy/rules.js");
  const { version } = JSON.parse(readFileSync(join(__dirname, "..", "..", "..", "package.json"), "utf8")) as { version: string };
  const { execa } = await import("execa");
  const { exitCode, stdout } = await execa("git", ["rev-parse", "--show-prefix"], { cwd: projectRoot, reject: false });
  return renderSarif(report.findings, {
    version,
    prefix: exitCode === 0 ? stdout.trim() : "",
    descriptionOf: (id) => editRules[id] ?? rules.find(({ name }) => name === id)?.description ?? id,
  });
}
