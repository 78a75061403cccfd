/** holdfast plan: job and platform resolved, offline, before anything is created. */
import { Command, Option } from "commander";
import type { Plan } from "../../profiles/plan";
import type { Cli } from "../cli";
import { examples, jsonOption } from "../cli";
import type { ExitCode } from "../exitCodes";
import { renderPlan } from "../render/plan";
import { titlesOf } from "../render/teardown";
import type { Session } from "../terminal";

interface PlanOptions {
  readonly stack?: string;
  readonly format?: "text" | "json";
  readonly configFile?: string;
}

export function planCommand(cli: Cli): Command {
  return new Command("plan")
    .summary("what a run will keep, lose and cost, offline")
    .description("show, offline, what a stack's run will keep, lose and cost")
    .option("-s, --stack <stack>", "stack whose Pulumi.<stack>.yaml is read (default: PULUMI_STACK, or the only one)")
    .option("--config-file <file>", "read this file instead of Pulumi.<stack>.yaml")
    .addOption(new Option("--format <format>", "how to print it").choices(["text", "json"]).default("text"))
    .addOption(jsonOption())
    .addHelpText("after", examples(["holdfast plan --stack dev", "tables for a person"], ["holdfast plan --stack dev --json", "the resolved plan itself"]))
    .action(cli.action((session, _args: [], options: PlanOptions) => show(session, options)));
}

async function show(session: Session, options: PlanOptions): Promise<ExitCode | undefined> {
  const { plan } = await resolveStack(session, options);
  if (session.json || options.format === "json") {
    session.printJson(plan);
    return undefined;
  }
  const { profileFor } = await import("../../profiles/index.js");
  session.print(renderPlan(plan, { paint: session.paint, width: session.width, titles: titlesOf(profileFor(plan.platform)) }));
  return undefined;
}

async function resolveStack(session: Session, options: PlanOptions): Promise<{ plan: Plan }> {
  const { projectRootFrom } = await import("../../custody/index.js");
  const { planOfStack } = await import("../runs/stackPlan.js");
  return planOfStack(projectRootFrom(session.terminal.cwd, session.env), { stack: options.stack ?? session.env.PULUMI_STACK, configFile: options.configFile }, session.clock.now());
}
